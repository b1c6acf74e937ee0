import Membership
import Telemetry

/// A seed's story: disasters, then calm, in which every table has to become the same and stay so.
extension VirtualFlock {
    struct Report: Equatable {
        let digest: UInt64
        let failures: [String]
        /// From the end of the disasters to equal tables, in microseconds.
        let settledAfter: Int64?
    }

    static func story(_ count: Int, seed: UInt64, mistake: PlantedMistake? = nil) -> Report {
        var flock = VirtualFlock(count, seed: seed, mistake: mistake)
        flock.startAll()
        flock.doubling = 0.05
        flock.delay = 100...30_000
        for _ in 0..<8 {
            flock.disaster()
            flock.run(for: 300_000 + flock.draw(3_000_000))
        }
        flock.calm()
        let settled = flock.run(for: 60_000_000) { $0.isSettled }
        if settled == nil { flock.failures.append("not settled: \(flock.unsettled)") }
        // Standstills (15 s) end, and so do probes and suspicions that began before the calm.
        flock.run(for: 30_000_000)
        if !flock.isSettled { flock.failures.append("not settled any more: \(flock.unsettled)") }
        let changes = flock.changesCount
        flock.run(for: 5_000_000)
        if settled != nil, flock.changesCount != changes { flock.failures.append("news while nothing happened") }
        return Report(digest: flock.digest, failures: flock.failures, settledAfter: settled)
    }

    mutating func disaster() {
        let one = random.draw(below: nodes.count)
        let half = Set(nodes.indices.filter { _ in random.draw(below: 2) == 0 })
        let rest = Set(nodes.indices).subtracting(half)
        let time = 500_000 + draw(15_000_000)
        switch random.draw(below: 10) {
        case 0: crash(one)
        case 1, 2:
            crash(one)
            start(one, atNewAddress: random.draw(below: 2) == 0)
        case 3: if nodes[one].core == nil { start(one) }
        case 4: cut(half, rest, for: time)
        case 5:
            cut(half, rest, for: time)
            cut(rest, half, for: time)
        case 6: pause(one, for: time)
        case 7: loss = Double(random.draw(below: 40)) / 100
        case 8: handle(.leave, at: one)
        default: handle(.metadataChanged(MemberMetadata(version: "\(random.draw(below: 9))")), at: one)
        }
        for index in running { handle(.seedsResolved(seeds), at: index) }
    }

    mutating func calm() {
        cuts = []
        loss = 0
        doubling = 0
        for index in 0..<2 where nodes[index].core == nil || nodes[index].core?.me.status == .left { start(index) }
        for index in running { handle(.seedsResolved(seeds), at: index) }
    }

    /// Everybody who runs knows everybody who runs and nobody else, alive and of this life.
    var isSettled: Bool { unsettled.isEmpty }

    var unsettled: [String] {
        let wanted = running.compactMap { nodes[$0].core?.me }.sorted { $0.name < $1.name }
        return running.compactMap { index -> String? in
            let seen = nodes[index].core?.members.filter(\.status.isPresent).sorted { $0.name < $1.name }
            let paused = nodes[index].isPaused ? " paused" : ""
            return seen == wanted ? nil : "\(nodes[index].name)\(paused) sees \(seen?.map(\.summary) ?? [])"
        }
    }

    /// How many running nodes hold that `index` is gone.
    func isGone(_ name: String) -> Bool {
        running.allSatisfy { nodes[$0].core?.member(name)?.status.isPresent != true }
    }
}

extension Member {
    var summary: String { "\(id) r\(revision) \(status)" }
}
