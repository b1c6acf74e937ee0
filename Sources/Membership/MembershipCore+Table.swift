import Telemetry

/// The table: what is taken in, and what follows from it.
extension MembershipCore {
    /// Every row but the forgotten, this node's own first.
    package var members: [Member] { [me] + ring.map { rows[$0].member } }

    package func member(_ name: String) -> Member? {
        name == me.name ? me : places[name].map { rows[$0].member }
    }

    /// - Parameter teller: whose table the row is from; nil when it is news. What a table calls dead is suspected first,
    ///   and who has the table is one of the accusers.
    mutating func take(_ rumor: Rumor, ofTable teller: String? = nil, _ now: Moment, _ effects: inout [Effect]) {
        if rumor.member.name == me.name {
            takeOfMyself(rumor.member, &effects)
            return
        }
        guard let index = places[rumor.member.name] else {
            takeNew(rumor, now, &effects)
            return
        }
        var new = rumor.member
        var accuser = rumor.accuser
        let isSameLife = new.id == rows[index].member.id
        if let teller, new.status == .dead, isSameLife, rows[index].member.status.isPresent {
            new.status = .suspect
            accuser = teller
        }
        guard new.supersedes(rows[index].member) else {
            if new.status == .suspect, isSameLife, new.revision == rows[index].member.revision,
                rows[index].member.status == .suspect, let accuser
            {
                confirm(index, accuser: accuser)
            } else if teller != nil, isSameLife, new.status == .dead, rows[index].member.status == .left {
                announce(index, accuser: nil)
            }
            return
        }
        replace(index, by: new, accuser: accuser, now, &effects)
    }

    private mutating func replace(
        _ index: Int, by new: Member, accuser: String?, _ now: Moment, _ effects: inout [Effect]
    ) {
        var new = new
        let old = rows[index].member
        // An accusation brings no metadata of its own: only the member itself changes it, with its revision.
        if new.id == old.id, new.revision == old.revision { new.metadata = old.metadata }
        if new.status == .suspect, old.status == .alive, successor() == index { isSuccessorDue = true }
        if new.id != old.id || new.status.isPresent {
            rows[index].goneSince = new.status.isPresent ? nil : now
        } else {
            rows[index].goneSince = rows[index].goneSince ?? now
        }
        store(new, at: index)
        setSuspicion(of: index, accuser: accuser, now)
        announce(index, accuser: accuser)
        effects.append(.memberChanged(new))
        if new.status == .suspect { observe(index, now, &effects) }
        if new.id != old.id { probes.removeAll { $0.target == old.id } }
    }

    private mutating func takeNew(_ rumor: Rumor, _ now: Moment, _ effects: inout [Effect]) {
        // Who is gone and never was here is of no use; to take it in would keep it alive after all others forgot it.
        guard rumor.member.status.isPresent else { return }
        guard rows.count < limits.membersMax else {
            counts.refusedMembers += 1
            return
        }
        let member = rumor.member
        let point = Member.point(of: member.name)
        let index = rows.count
        ring.insert(index, at: ringIndex(of: point, member.name))
        places[member.name] = index
        rows.append(Row(member: member, point: point, part: Self.part(of: point), digest: 0))
        presentCount += 1
        store(member, at: index)
        setSuspicion(of: index, accuser: rumor.accuser, now)
        announce(index, accuser: rumor.accuser)
        effects.append(.memberChanged(member))
        if member.status == .suspect { observe(index, now, &effects) }
    }

    private mutating func takeOfMyself(_ row: Member, _ effects: inout [Effect]) {
        if row.id != me.id {
            guard row.id.isLaterLife(than: me.id), phase.speaks else { return }
            phase = .superseded
            effects.append(.superseded(by: row.id))
            return
        }
        guard me.status == .alive else { return }
        let isAccused = row.status != .alive && row.revision >= me.revision
        guard isAccused || row.revision > me.revision else { return }
        if isAccused {
            counts.refutations += 1
            worsen(by: 1)
        }
        reviseMyself(above: row.revision)
    }

    mutating func reviseMyself(above revision: UInt64) {
        changeMyself { $0.revision = revision &+ 1 }
        announceMyself()
    }

    mutating func changeMyself(_ change: (inout Member) -> Void) {
        let old = me.digest
        change(&me)
        count(old ^ me.digest, in: myPart)
    }

    private mutating func store(_ member: Member, at index: Int) {
        presentCount += (member.status.isPresent ? 1 : 0) - (rows[index].member.status.isPresent ? 1 : 0)
        let digest = member.digest
        count(rows[index].digest ^ digest, in: rows[index].part)
        rows[index].digest = digest
        rows[index].member = member
    }

    private mutating func setSuspicion(of index: Int, accuser: String?, _ now: Moment) {
        if rows[index].suspicion != nil { suspects.removeAll { $0 == index } }
        rows[index].suspicion = nil
        guard rows[index].member.status == .suspect else { return }
        rows[index].suspicion = newSuspicion(accuser: accuser, now)
        suspects.append(index)
        counts.suspicions += 1
    }

    private mutating func count(_ change: UInt64, in part: Int) {
        partDigests[part] ^= change
        digest ^= change
        changesCount &+= 1
    }

    /// Looked at once a second: a day has many.
    mutating func forgetOld(_ now: Moment) {
        guard now >= nextForgetAt else { return }
        nextForgetAt = now.advanced(byMicroseconds: limits.forgetInterval)
        var index = 0
        while index < rows.count {
            if let since = rows[index].goneSince, now >= since.advanced(byMicroseconds: limits.forgetAfter) {
                forget(index)
            } else {
                index += 1
            }
        }
    }

    /// The last row takes the place.
    private mutating func forget(_ index: Int) {
        let last = rows.count - 1
        news.remove { $0.row == index }
        places[rows[index].member.name] = nil
        ring.removeAll { $0 == index }
        if index != last {
            rows.swapAt(index, last)
            places[rows[index].member.name] = index
            if let place = ring.firstIndex(of: last) { ring[place] = index }
            if let place = suspects.firstIndex(of: last) { suspects[place] = index }
            news.renumber(last, as: index)
        }
        rows.removeLast()
        round = []
        changesCount &+= 1
    }

    static func part(of point: UInt64) -> Int {
        Int(point % UInt64(MembershipLimits.partsCount))
    }

    /// Where `name` stands or belongs in `ring`.
    func ringIndex(of point: UInt64, _ name: String) -> Int {
        var low = 0
        var high = ring.count
        while low < high {
            let middle = (low + high) / 2
            let row = ring[middle]
            let isBefore =
                rows[row].point == point
                ? rows[row].member.name.utf8.lexicographicallyPrecedes(name.utf8) : rows[row].point < point
            if isBefore { low = middle + 1 } else { high = middle }
        }
        return low
    }

    mutating func worsen(by count: Int) { health = min(limits.healthMax, health + count) }
    mutating func recover() { health = max(0, health - 1) }
}
