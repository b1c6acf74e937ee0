import Telemetry

/// From silence to death, and how it is prevented.
extension MembershipCore {
    /// Thousandths of the way from the longest to the shortest time, by confirmations wanted and had: log(had + 1) over
    /// log(wanted + 1), as Lifeguard has it.
    static let confirmedShare: [[Int64]] = [[1_000], [0, 1_000], [0, 631, 1_000], [0, 500, 792, 1_000]]

    func newSuspicion(accuser: String?, _ now: Moment) -> Suspicion {
        let others = max(0, presentCount - 2)
        let wanted = min(limits.confirmationsMax, others, Self.confirmedShare.count - 1)
        return Suspicion(since: now, accusers: accuser.map { [$0] } ?? [], confirmationsWanted: wanted)
    }

    func deadline(of suspicion: Suspicion) -> Moment {
        let wanted = suspicion.confirmationsWanted
        let had = min(wanted, max(0, suspicion.accusers.count - 1))
        let share = Self.confirmedShare[wanted][had]
        let span = limits.suspicionMax - (limits.suspicionMax - limits.suspicionMin) / 1_000 * share
        return suspicion.since.advanced(byMicroseconds: span + suspicion.delay)
    }

    mutating func suspect(_ id: MemberID, _ now: Moment, _ effects: inout [Effect]) {
        guard let index = present(id) else { return }
        var accused = rows[index].member
        accused.status = .suspect
        take(Rumor(accused, accuser: me.name), isTable: false, now, &effects)
    }

    /// One more that cannot reach a suspect. News as long as it shortens the time.
    mutating func confirm(_ index: Int, accuser: String) {
        guard let suspicion = rows[index].suspicion, suspicion.accusers.count <= suspicion.confirmationsWanted,
            !suspicion.accusers.contains(accuser)
        else { return }
        rows[index].suspicion?.accusers.append(accuser)
        rows[index].suspicion?.accusers.sort()
        announce(index, accuser: accuser, isConfirmation: true)
    }

    mutating func endSuspicions(_ now: Moment, _ effects: inout [Effect]) {
        guard !suspects.isEmpty else { return }
        let due = suspects.filter { index in
            rows[index].suspicion.map { now >= deadline(of: $0) } ?? false
        }
        for index in due {
            var member = rows[index].member
            member.status = .dead
            take(Rumor(member), isTable: false, now, &effects)
        }
    }

    /// Probes a new suspect at once, where this node is one of its observers.
    mutating func observe(_ index: Int, _ now: Moment, _ effects: inout [Effect]) {
        guard phase == .running, isObserver(of: index) else { return }
        probe(rows[index].member.id, now, &effects)
    }

    /// Whether this node is among the nearest present predecessors of a row on the ring.
    func isObserver(of row: Int) -> Bool {
        // This node stands between its neighbours but is no row.
        let mine = ringIndex(of: myPoint, me.name)
        var index = ringIndex(of: rows[row].point, rows[row].member.name)
        var seen = 0
        for _ in 0..<ring.count {
            if index == mine || (index == 0 && mine == ring.count) { return true }
            index = index == 0 ? ring.count - 1 : index - 1
            if rows[ring[index]].member.status == .alive { seen += 1 }
            if seen == limits.observersMax { return false }
        }
        return true
    }

    /// After a standstill everybody seemed silent: open probes are void, and suspects get the time back.
    mutating func noticeStandstill(_ now: Moment) {
        guard let lastTick else { return }
        let gap = now.microseconds &- lastTick.microseconds
        guard gap >= limits.standstillMin else { return }
        counts.standstills += 1
        worsen(by: 1)
        probes.removeAll()
        relays.removeAll()
        for index in suspects { rows[index].suspicion?.delay &+= gap }
    }
}
