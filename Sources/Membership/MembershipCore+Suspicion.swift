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
        guard let member = rows[id.name]?.member, member.id == id, member.status.isPresent else { return }
        var accused = member
        accused.status = .suspect
        take(Rumor(accused, accuser: me.name), isTable: false, now, &effects)
    }

    /// One more that cannot reach a suspect. News as long as it shortens the time.
    mutating func confirm(_ name: String, accuser: String) {
        guard var row = rows[name], var suspicion = row.suspicion else { return }
        guard suspicion.accusers.count <= suspicion.confirmationsWanted, !suspicion.accusers.contains(accuser) else {
            return
        }
        suspicion.accusers.append(accuser)
        suspicion.accusers.sort()
        row.suspicion = suspicion
        rows[name] = row
        announce(Rumor(row.member, accuser: accuser))
    }

    mutating func endSuspicions(_ now: Moment, _ effects: inout [Effect]) {
        let due = ring.compactMap { place -> Member? in
            guard let row = rows[place.name], let suspicion = row.suspicion else { return nil }
            return now >= deadline(of: suspicion) ? row.member : nil
        }
        for var member in due {
            member.status = .dead
            take(Rumor(member), isTable: false, now, &effects)
        }
    }

    /// Probes a new suspect at once, where this node is one of its observers.
    mutating func observe(_ suspect: Member, _ now: Moment, _ effects: inout [Effect]) {
        guard phase == .running, isObserver(of: suspect.name) else { return }
        guard !probes.contains(where: { $0.target == suspect.id }) else { return }
        probe(suspect.id, now, &effects)
    }

    /// Whether this node is among the nearest present predecessors of `name` on the ring.
    func isObserver(of name: String) -> Bool {
        let mine = RingPlace(point: Member.point(of: me.name), name: me.name)
        let myIndex = ringIndex(of: mine)
        var index = ringIndex(of: RingPlace(point: Member.point(of: name), name: name))
        var seen = 0
        for _ in 0..<ring.count {
            // This node stands between its neighbours but is no row.
            if index == myIndex || (index == 0 && myIndex == ring.count) { return true }
            index = index == 0 ? ring.count - 1 : index - 1
            if rows[ring[index].name]?.member.status == .alive { seen += 1 }
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
        for place in ring where rows[place.name]?.suspicion != nil { rows[place.name]?.suspicion?.delay &+= gap }
    }
}
