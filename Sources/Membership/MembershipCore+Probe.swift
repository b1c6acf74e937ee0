import Telemetry

/// Pings: the regular ones, those for others, and the slow ones that never end.
extension MembershipCore {
    /// A ping of this node that waits for its answer.
    struct Probe: Hashable, Sendable {
        let number: UInt64
        let target: MemberID
        let askOthersAt: Moment
        let failsAt: Moment
        /// Helpers asked; nil before.
        var asked: Int?
        var nacks = 0
    }

    /// A ping for somebody else.
    struct Relay: Hashable, Sendable {
        let number: UInt64
        let askerNumber: UInt64
        let asker: MemberAddress
        let nackAt: Moment
        let endsAt: Moment
        var isNacked = false
    }

    /// One step of the regular probing: by turns the next member on the ring, which so has a visitor at fixed times,
    /// and the next of a shuffled round, which finds a row of dead neighbours.
    mutating func probeNext(_ now: Moment, _ effects: inout [Effect]) {
        guard now >= nextProbeAt else { return }
        nextProbeAt = now.advanced(byMicroseconds: stretched(limits.probeInterval))
        probesCount &+= 1
        let target = probesCount % 2 == 0 ? nextOfRound() : successor() ?? nextOfRound()
        guard let target, !probes.contains(where: { $0.target == target }) else { return }
        probe(target, now, &effects)
    }

    private func successor() -> MemberID? {
        let start = ringIndex(of: RingPlace(point: Member.point(of: me.name), name: me.name))
        for step in 0..<ring.count {
            let row = rows[ring[(start + step) % ring.count].name]
            if let row, row.member.status == .alive { return row.member.id }
        }
        return nil
    }

    private mutating func nextOfRound() -> MemberID? {
        for _ in 0..<2 {
            while let name = round.popLast() {
                if let member = rows[name]?.member, member.status.isPresent { return member.id }
            }
            round = drawnOrder(ring.map(\.name).filter { rows[$0]?.member.status.isPresent == true })
        }
        return nil
    }

    mutating func probe(_ target: MemberID, _ now: Moment, _ effects: inout [Effect]) {
        guard probes.count < limits.probesMax else {
            counts.refusedProbes += 1
            return
        }
        let number = nextNumber()
        probes.append(
            Probe(
                number: number, target: target,
                askOthersAt: now.advanced(byMicroseconds: stretched(limits.directTimeout)),
                failsAt: now.advanced(byMicroseconds: stretched(limits.probeTimeout))))
        send(.ping(number, target: target), to: target.address, about: target.name, &effects)
    }

    mutating func moveProbes(_ now: Moment, _ effects: inout [Effect]) {
        for index in probes.indices where probes[index].asked == nil && now >= probes[index].askOthersAt {
            let target = probes[index].target
            let helpers = drawMembers(limits.helpersMax, status: [.alive], except: target.name)
            probes[index].asked = helpers.count
            for helper in helpers {
                send(.pingRequest(probes[index].number, target: target), to: helper.address, about: nil, &effects)
            }
        }
        let failed = probes.filter { now >= $0.failsAt }
        probes.removeAll { now >= $0.failsAt }
        for probe in failed {
            // Helpers that are silent too say more about this node than about the target.
            let asked = probe.asked ?? 0
            worsen(by: asked == 0 ? 1 : max(0, asked - probe.nacks))
            suspect(probe.target, now, &effects)
        }
    }

    mutating func answered(_ number: UInt64, _ effects: inout [Effect]) {
        if let index = probes.firstIndex(where: { $0.number == number }) {
            probes.remove(at: index)
            recover()
        }
        if let index = relays.firstIndex(where: { $0.number == number }) {
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
                number: mine, askerNumber: number, asker: asker,
                nackAt: now.advanced(byMicroseconds: limits.nackTimeout),
                endsAt: now.advanced(byMicroseconds: limits.probeTimeout)))
        send(.ping(mine, target: target), to: target.address, about: target.name, &effects)
    }

    mutating func moveRelays(_ now: Moment, _ effects: inout [Effect]) {
        relays.removeAll { now >= $0.endsAt }
        for index in relays.indices where !relays[index].isNacked && now >= relays[index].nackAt {
            relays[index].isNacked = true
            send(.nack(relays[index].askerNumber), to: relays[index].asker, about: nil, &effects)
        }
    }

    /// One of the gone, for ever: it may only have been cut off.
    mutating func probeGone(_ now: Moment, _ effects: inout [Effect]) {
        guard now >= nextGoneProbeAt else { return }
        nextGoneProbeAt = now.advanced(byMicroseconds: limits.goneProbeInterval)
        guard let gone = drawMembers(1, status: [.dead], except: nil).first else { return }
        send(.ping(nextNumber(), target: gone), to: gone.address, about: gone.name, &effects)
    }

    /// Seeds where no member is known to be: often while this node is alone, rarely afterwards.
    mutating func probeSeeds(_ now: Moment, _ effects: inout [Effect]) {
        guard now >= nextSeedProbeAt else { return }
        nextSeedProbeAt = now.advanced(
            byMicroseconds: presentCount == 1 ? limits.joinInterval : limits.seedProbeInterval)
        guard !seeds.isEmpty else { return }
        let known = Set(ring.compactMap { rows[$0.name]?.member }.filter(\.status.isPresent).map(\.id.address))
        for seed in seeds where !known.contains(seed) {
            send(.ping(nextNumber(), target: nil), to: seed, about: nil, &effects)
        }
    }

    func stretched(_ time: Int64) -> Int64 { time &* Int64(health + 1) }

    mutating func nextNumber() -> UInt64 {
        numbersCount &+= 1
        return numbersCount
    }

    /// Up to `count` different members, drawn.
    mutating func drawMembers(_ count: Int, status: Set<MemberStatus>, except: String?) -> [MemberID] {
        var candidates = ring.compactMap { place -> MemberID? in
            guard place.name != except, let member = rows[place.name]?.member else { return nil }
            return status.contains(member.status) ? member.id : nil
        }
        var drawn: [MemberID] = []
        while drawn.count < count, !candidates.isEmpty {
            let index = random.draw(below: candidates.count)
            drawn.append(candidates[index])
            candidates.swapAt(index, candidates.count - 1)
            candidates.removeLast()
        }
        return drawn
    }

    private mutating func drawnOrder(_ names: [String]) -> [String] {
        var names = names
        for index in stride(from: names.count - 1, to: 0, by: -1) {
            names.swapAt(index, random.draw(below: index + 1))
        }
        return names
    }
}
