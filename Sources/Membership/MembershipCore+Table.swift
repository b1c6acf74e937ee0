import Telemetry

/// The table: what is taken in, and what follows from it.
extension MembershipCore {
    /// Of all present members, this node's own included. Equal digests mean equal tables.
    package var digest: UInt64 { partDigests.reduce(0, ^) }

    /// Every row but the forgotten, this node's own first.
    package var members: [Member] { [me] + ring.compactMap { rows[$0.name]?.member } }

    package func member(_ name: String) -> Member? {
        name == me.name ? me : rows[name]?.member
    }

    /// - Parameter isTable: the row came from a table, not as news: then the dead are suspected first.
    mutating func take(_ rumor: Rumor, isTable: Bool, _ now: Moment, _ effects: inout [Effect]) {
        if rumor.member.name == me.name {
            takeOfMyself(rumor.member, &effects)
            return
        }
        guard var row = rows[rumor.member.name] else {
            takeNew(rumor, now, &effects)
            return
        }
        var new = rumor.member
        let isSameLife = new.id == row.member.id
        if isTable, new.status == .dead, isSameLife, row.member.status.isPresent { new.status = .suspect }
        guard new.supersedes(row.member) else {
            if new.status == .suspect, new.id == row.member.id, new.revision == row.member.revision,
                row.member.status == .suspect, let accuser = rumor.accuser
            {
                confirm(new.name, accuser: accuser)
            }
            return
        }
        let old = row.member
        // An accusation brings no metadata of its own: only the member itself changes it, with its revision.
        if isSameLife, new.revision == old.revision { new.metadata = old.metadata }
        row.member = new
        let wasGone = row.goneSince
        row.suspicion = nil
        row.goneSince = new.status.isPresent ? nil : (isSameLife ? wasGone : nil) ?? now
        if new.status == .suspect {
            row.suspicion = newSuspicion(accuser: rumor.accuser, now)
            counts.suspicions += 1
        }
        store(row, replacing: old)
        announce(Rumor(new, accuser: rumor.accuser))
        effects.append(.memberChanged(new))
        if new.status == .suspect { observe(new, now, &effects) }
        if new.id != old.id { probes.removeAll { $0.target == old.id } }
    }

    private mutating func takeNew(_ rumor: Rumor, _ now: Moment, _ effects: inout [Effect]) {
        // Who is gone and never was here is of no use; to take it in would keep it alive after all others forgot it.
        guard rumor.member.status.isPresent else { return }
        guard rows.count < limits.membersMax else {
            counts.refusedMembers += 1
            return
        }
        var row = Row(member: rumor.member)
        if rumor.member.status == .suspect { row.suspicion = newSuspicion(accuser: rumor.accuser, now) }
        let place = RingPlace(point: Member.point(of: rumor.member.name), name: rumor.member.name)
        ring.insert(place, at: ringIndex(of: place))
        store(row, replacing: nil)
        announce(rumor)
        effects.append(.memberChanged(rumor.member))
        if rumor.member.status == .suspect { observe(rumor.member, now, &effects) }
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
        announce(Rumor(me))
    }

    mutating func changeMyself(_ change: (inout Member) -> Void) {
        let part = part(of: me.name)
        partDigests[part] ^= me.digest
        change(&me)
        partDigests[part] ^= me.digest
    }

    mutating func store(_ row: Row, replacing old: Member?) {
        let part = part(of: row.member.name)
        partDigests[part] ^= (old?.digest ?? 0) ^ row.member.digest
        presentCount += (row.member.status.isPresent ? 1 : 0) - (old?.status.isPresent == true ? 1 : 0)
        rows[row.member.name] = row
    }

    mutating func forgetOld(_ now: Moment) {
        let old = ring.filter { place in
            guard let since = rows[place.name]?.goneSince else { return false }
            return now >= since.advanced(byMicroseconds: limits.forgetAfter)
        }
        for place in old {
            rows[place.name] = nil
            ring.removeAll { $0 == place }
            news.removeAll { $0.rumor.member.name == place.name }
        }
    }

    func part(of name: String) -> Int {
        Int(Member.point(of: name) % UInt64(MembershipLimits.partsCount))
    }

    /// Where `place` stands or belongs.
    func ringIndex(of place: RingPlace) -> Int {
        var low = 0
        var high = ring.count
        while low < high {
            let middle = (low + high) / 2
            if ring[middle] < place { low = middle + 1 } else { high = middle }
        }
        return low
    }

    mutating func worsen(by count: Int) { health = min(limits.healthMax, health + count) }
    mutating func recover() { health = max(0, health - 1) }
}
