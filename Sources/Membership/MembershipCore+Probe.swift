import Telemetry

/// Pings: the regular ones, those for others, and the slow ones that never end.
extension MembershipCore {
    /// A ping of this node that waits for its answer.
    struct Probe: Hashable, Sendable {
        let number: UInt64
        let target: MemberID
        let sentAt: Moment
        /// This node's health when it was sent.
        let health: Int
        /// Helpers asked; nil before.
        var asked: Int?
        var nacks = 0
    }

    /// A ping for somebody else.
    struct Relay: Hashable, Sendable {
        let number: UInt64
        let target: MemberID
        let askerNumber: UInt64
        let asker: MemberAddress
        let nackAt: Moment
        let endsAt: Moment
        var isNacked = false
    }

    /// One step of the regular probing: by turns the next member on the ring, which so has a visitor at fixed times,
    /// and the next of a shuffled round, which finds a row of dead neighbours.
    mutating func probeNext(_ now: Moment, _ effects: inout [Effect]) {
        if isSuccessorDue {
            // Neighbours may have died together: the next one need not wait for its turn.
            isSuccessorDue = false
            if let next = successor() { probe(rows[next].member.id, now, &effects) }
        }
        guard now >= nextProbeAt else { return }
        // Not stretched by bad health, as Lifeguard would: a node that comes out of bad links is healthy again after so
        // many answers, and must not wait ninefold for each of them while somebody is dead.
        nextProbeAt = now.advanced(byMicroseconds: limits.probeInterval)
        probesCount &+= 1
        let target = probesCount % 2 == 0 ? nextOfRound() : successor() ?? nextOfRound()
        if let target { probe(rows[target].member.id, now, &effects) }
    }

    /// The next row on the ring that is alive.
    func successor() -> Int? {
        let start = ringIndex(of: myPoint, me.name)
        for step in 0..<ring.count {
            let row = ring[(start + step) % ring.count]
            if rows[row].member.status == .alive { return row }
        }
        return nil
    }

    private mutating func nextOfRound() -> Int? {
        for _ in 0..<2 {
            while let row = round.popLast() {
                if rows[row].member.status.isPresent { return row }
            }
            round = ring.filter { rows[$0].member.status.isPresent }
            for index in stride(from: round.count - 1, to: 0, by: -1) {
                round.swapAt(index, random.draw(below: index + 1))
            }
        }
        return nil
    }

    /// One probe of a member at a time: another one would prove no more.
    mutating func probe(_ target: MemberID, _ now: Moment, _ effects: inout [Effect]) {
        guard !probes.contains(where: { $0.target == target }) else { return }
        guard probes.count < limits.probesMax else {
            counts.refusedProbes += 1
            return
        }
        let number = nextNumber()
        probes.append(Probe(number: number, target: target, sentAt: now, health: health))
        send(.ping(number, target: target), to: target.address, about: target.name, &effects)
    }

    /// A probe waits as long as this node's health says; health that got better since counts.
    private func isOver(_ time: Int64, of probe: Probe, _ now: Moment) -> Bool {
        now >= probe.sentAt.advanced(byMicroseconds: time &* Int64(min(health, probe.health) + 1))
    }

    mutating func moveProbes(_ now: Moment, _ effects: inout [Effect]) {
        guard !probes.isEmpty else { return }
        for index in probes.indices
        where probes[index].asked == nil && isOver(limits.directTimeout, of: probes[index], now) {
            let target = probes[index].target
            let helpers = drawMembers(limits.helpersMax, except: target.name) { $0 == .alive }
            probes[index].asked = helpers.count
            for helper in helpers {
                send(.pingRequest(probes[index].number, target: target), to: helper.address, about: nil, &effects)
            }
        }
        let failed = probes.filter { isOver(limits.probeTimeout, of: $0, now) }
        guard !failed.isEmpty else { return }
        probes.removeAll { probe in failed.contains { $0.number == probe.number } }
        for probe in failed {
            // Helpers that are silent too say more about this node than about the target.
            let asked = probe.asked ?? 0
            worsen(by: asked == 0 ? 1 : max(0, asked - probe.nacks))
            suspect(probe.target, now, &effects)
        }
    }

    /// Pings suspects again and again, from those who accuse or observe them: each ping tells of the suspicion once
    /// more, for as long as it may still be refuted.
    mutating func remindSuspects(_ now: Moment, _ effects: inout [Effect]) {
        for index in suspects {
            guard let suspicion = rows[index].suspicion, now >= suspicion.remindAt else { continue }
            rows[index].suspicion?.remindAt = now.advanced(byMicroseconds: limits.reminderInterval)
            guard suspicion.accusers.contains(me.name) || isObserver(of: index) else { continue }
            let id = rows[index].member.id
            send(.ping(nextNumber(), target: id), to: id.address, about: id.name, &effects)
        }
    }

    /// - Parameter sender: who says so: the target itself, or a helper that was asked.
    mutating func answered(_ number: UInt64, by sender: MemberID, _ effects: inout [Effect]) {
        if let index = probes.firstIndex(where: { $0.number == number }),
            probes[index].target.name == sender.name || probes[index].asked != nil
        {
            probes.remove(at: index)
            recover()
        }
        if let index = relays.firstIndex(where: { $0.number == number && $0.target.name == sender.name }) {
            let relay = relays.remove(at: index)
            send(.ack(relay.askerNumber), to: relay.asker, about: nil, &effects)
        }
    }

    mutating func nacked(_ number: UInt64) {
        guard let index = probes.firstIndex(where: { $0.number == number }) else { return }
        // A doubled nack must not count for two helpers; at worst it hides one that is silent.
        probes[index].nacks = min(probes[index].nacks + 1, probes[index].asked ?? 0)
    }

    mutating func pingForOther(
        _ number: UInt64, _ target: MemberID, asker: MemberAddress, _ now: Moment, _ effects: inout [Effect]
    ) {
        guard relays.count < limits.relaysMax else {
            counts.refusedProbes += 1
            return
        }
        let mine = nextNumber()
        relays.append(
            Relay(
                number: mine, target: target, askerNumber: number, asker: asker,
                nackAt: now.advanced(byMicroseconds: limits.nackTimeout),
                endsAt: now.advanced(byMicroseconds: limits.probeTimeout)))
        send(.ping(mine, target: target), to: target.address, about: target.name, &effects)
    }

    mutating func moveRelays(_ now: Moment, _ effects: inout [Effect]) {
        guard !relays.isEmpty else { return }
        relays.removeAll { now >= $0.endsAt }
        for index in relays.indices where !relays[index].isNacked && now >= relays[index].nackAt {
            relays[index].isNacked = true
            send(.nack(relays[index].askerNumber), to: relays[index].asker, about: nil, &effects)
        }
    }

    /// One of the gone, for ever: it may only have been cut off.
    mutating func probeGone(_ now: Moment, _ effects: inout [Effect]) {
        guard now >= nextGoneProbeAt else { return }
        nextGoneProbeAt = now.advanced(byMicroseconds: shared(limits.goneProbeInterval))
        guard presentCount <= rows.count, let gone = drawMembers(1, except: nil, { $0 == .dead }).first else { return }
        send(.ping(nextNumber(), target: gone), to: gone.address, about: gone.name, &effects)
        // Who left while this node was cut off is dead here for ever: that news is worn out, and digests are of the present.
        // A row may say that somebody else is at this node's address.
        guard let row = member(gone.name), let other = drawMembers(1, except: gone.name, { $0.isPresent }).first,
            other.address != me.id.address
        else { return }
        effects.append(.send(message(.table, [Rumor(row)]), to: other.address))
    }

    /// Seeds where no member is known to be: all of them and often while this node is alone, afterwards one at a time.
    mutating func probeSeeds(_ now: Moment, _ effects: inout [Effect]) {
        let isAlone = presentCount == 1
        let pause = isAlone ? limits.joinInterval : shared(limits.seedProbeInterval)
        guard now >= lastSeedProbeAt.advanced(byMicroseconds: pause) else { return }
        lastSeedProbeAt = now
        guard !seeds.isEmpty else { return }
        let known = Set(rows.lazy.filter(\.member.status.isPresent).map(\.member.id.address))
        var unknown = seeds.filter { !known.contains($0) }
        if !isAlone, unknown.count > 1 { unknown = [unknown[random.draw(below: unknown.count)]] }
        for seed in unknown { send(.ping(nextNumber(), target: nil), to: seed, about: nil, &effects) }
    }

    /// What one node need not do as often when many do it: one contact is enough for all.
    private func shared(_ time: Int64) -> Int64 {
        time &* Int64(max(1, presentCount / limits.sharersCount))
    }

    mutating func nextNumber() -> UInt64 {
        numbersCount &+= 1
        return numbersCount
    }

    /// The row of this very life, if it is present.
    func present(_ id: MemberID) -> Int? {
        guard let index = places[id.name], rows[index].member.id == id, rows[index].member.status.isPresent else {
            return nil
        }
        return index
    }

    /// Up to `count` different members, drawn. Luck is tried first: it need not look at all rows.
    mutating func drawMembers(_ count: Int, except: String?, _ isWanted: (MemberStatus) -> Bool) -> [MemberID] {
        guard !rows.isEmpty else { return [] }
        let exceptIndex = except.flatMap { places[$0] }
        var drawn: [Int] = []
        if rows.count > 8 * count {
            for _ in 0..<4 * count where drawn.count < count {
                let index = random.draw(below: rows.count)
                guard index != exceptIndex, isWanted(rows[index].member.status), !drawn.contains(index) else {
                    continue
                }
                drawn.append(index)
            }
        }
        if drawn.count < count {
            var rest = rows.indices.filter {
                $0 != exceptIndex && isWanted(rows[$0].member.status) && !drawn.contains($0)
            }
            while drawn.count < count, !rest.isEmpty {
                let index = random.draw(below: rest.count)
                drawn.append(rest[index])
                rest.swapAt(index, rest.count - 1)
                rest.removeLast()
            }
        }
        return drawn.map { rows[$0].member.id }
    }
}
