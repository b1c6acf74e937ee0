import Membership
import Telemetry
import Testing

/// The flock on a virtual network. Times are virtual, so they are the same on every machine.
struct FlockTests {
    /// 120 seeds: most of a few nodes, where chance meets more often.
    static let sizes: [(seed: UInt64, count: Int)] = (0..<120).map { (seed: Int) -> (seed: UInt64, count: Int) in
        let count: Int = seed % 40 == 39 ? 24 : 2 + seed % 7
        return (seed: UInt64(seed), count: count)
    }

    @Test(arguments: sizes) func everyTableBecomesTheSame(seed: UInt64, count: Int) {
        let report = VirtualFlock.story(count, seed: seed)
        #expect(report.failures.isEmpty, "seed \(seed), \(count) nodes")
        #expect(VirtualFlock.story(count, seed: seed) == report, "seed \(seed) replays")
    }

    @Test(arguments: PlantedMistake.allCases) func plantedMistakesAreFound(_ mistake: PlantedMistake) {
        let found = (0..<60).contains { seed in
            !VirtualFlock.story(3 + seed % 4, seed: UInt64(seed), mistake: mistake).failures.isEmpty
        }
        #expect(found)
    }

    private func settled(_ count: Int, seed: UInt64) -> VirtualFlock {
        var flock = VirtualFlock(count, seed: seed)
        flock.startAll()
        flock.run(for: 8_000_000)
        return flock
    }

    @Test(arguments: [0, 1] as [UInt64]) func sixtyFourJoinAtOnce(seed: UInt64) throws {
        var flock = VirtualFlock(64, seed: seed)
        flock.startAll()
        let time = flock.run(for: 10_000_000) { $0.isSettled }
        #expect(try #require(time) <= 2_000_000)
    }

    @Test(arguments: [3, 3, 3, 16, 16, 64]) func aKilledMemberIsNoticedByAll(count: Int) throws {
        var flock = settled(count, seed: UInt64(count))
        flock.crash(count - 1)
        let time = flock.run(for: 20_000_000) { $0.isGone("n\(count - 1)") }
        #expect(try #require(time) <= 5_000_000)
    }

    @Test(arguments: [3, 16, 64]) func aPartitionOfTwentySecondsHeals(count: Int) throws {
        var flock = settled(count, seed: 1)
        let left = Set(0..<count / 2)
        flock.cut(left, Set(count / 2..<count), for: 20_000_000)
        flock.cut(Set(count / 2..<count), left, for: 20_000_000)
        flock.run(for: 20_000_000)
        #expect(!flock.isSettled)
        #expect(try #require(flock.run(for: 60_000_000) { $0.isSettled }) <= 5_000_000)
    }

    @Test func aLeaverIsGoneWithoutSuspicion() throws {
        var flock = settled(16, seed: 3)
        flock.handle(.leave, at: 5)
        let time = flock.run(for: 5_000_000) { $0.isGone("n5") && $0.nodes[5].core?.me.status != .alive }
        #expect(try #require(time) <= 600_000)
        flock.run(for: 2_000_000)
        #expect(flock.nodes[5].core == nil)
        #expect(flock.running.allSatisfy { flock.nodes[$0].core?.counts.suspicions == 0 })
    }

    @Test func thirtyPercentLossKillsNobody() {
        var flock = settled(16, seed: 4)
        flock.loss = 0.3
        for _ in 0..<60 {
            flock.run(for: 1_000_000)
            let dead = flock.running.flatMap { flock.nodes[$0].core?.members ?? [] }.filter { $0.status == .dead }
            #expect(dead.isEmpty, "\(dead)")
        }
    }

    @Test func theFrozenKillNobody() {
        var flock = settled(16, seed: 5)
        for index in 0..<4 { flock.pause(index, for: 8_000_000) }
        for _ in 0..<30 {
            flock.run(for: 1_000_000)
            let dead = flock.running.flatMap { flock.nodes[$0].core?.members ?? [] }.filter { $0.status == .dead }
            #expect(dead.allSatisfy { ["n0", "n1", "n2", "n3"].contains($0.name) }, "\(dead)")
        }
        #expect(flock.isSettled)
    }

    @Test func aQuietMemberSendsTwoAndAHalfPacketsASecond() {
        var flock = settled(16, seed: 6)
        let before = flock.packetsCount
        flock.run(for: 60_000_000)
        #expect(flock.packetsCount - before <= 16 * 60 * 5 / 2 + 16 * 10)
    }
}
