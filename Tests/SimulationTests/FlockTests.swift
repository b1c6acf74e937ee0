import ControlPlane
import Membership
import Simulation
import Testing

/// What the flock does in time, on a virtual network: the same on every machine. `starling-bench cluster` has the
/// figures of more seeds and sizes.
@Suite struct FlockTests {
    private func settled(_ count: Int, seed: UInt64) -> VirtualFlock {
        var flock = VirtualFlock(count, seed: seed)
        flock.startAll()
        flock.run(for: 5_000_000)
        return flock
    }

    @Test func fortyJoinAtOnceThroughOneSeed() throws {
        var flock = VirtualFlock(40, seed: 1)
        for index in 0..<40 { flock.join(index, seeds: [0]) }
        flock.startAll()
        #expect(try #require(flock.run(for: 10_000_000) { $0.isSettled }) <= 2_000_000)
    }

    @Test(arguments: [2, 2, 3, 3, 16]) func aKilledMemberIsNoticedByAll(count: Int) throws {
        var flock = settled(count, seed: UInt64(count))
        flock.crash(count - 1)
        let time = flock.run(for: 20_000_000) { $0.areGone([count - 1]) }
        #expect(try #require(time) <= 5_000_000)
        #expect(flock.isAgreed)
    }

    @Test func aNodeAloneIsAFlock() {
        var flock = settled(1, seed: 1)
        flock.run(for: 5_000_000)
        #expect(flock.isSettled)
        #expect(flock.packetsCount == 0)
    }

    @Test func neighboursThatDieTogetherAreNoticedTogether() throws {
        var flock = settled(32, seed: 2)
        let gone = Array(0..<8)
        for index in gone { flock.crash(index) }
        let time = flock.run(for: 30_000_000) { $0.areGone(gone) }
        #expect(try #require(time) <= 8_000_000)
    }

    @Test(arguments: [3, 16]) func aPartitionOfTwentySecondsHeals(count: Int) throws {
        var flock = settled(count, seed: 1)
        flock.cutBothWays(0..<count / 2, count / 2..<count, for: 20_000_000)
        flock.run(for: 20_000_000)
        #expect(!flock.isAgreed)
        // The other side's tables call this side dead: on this side everybody knows better.
        let time = flock.run(for: 60_000_000, looks: 1_000) { flock in
            for index in flock.running {
                let side = index < count / 2 ? 0..<count / 2 : count / 2..<count
                #expect(Set(flock.dead(at: index)).isDisjoint(with: side.map { "n\($0)" }))
            }
            return flock.isSettled
        }
        #expect(try #require(time) <= 5_000_000)
    }

    @Test func aLeaverIsGoneWithoutSuspicion() throws {
        var flock = settled(16, seed: 3)
        flock.leave(5)
        let time = flock.run(for: 5_000_000) { $0.areGone([5]) }
        #expect(try #require(time) <= 600_000)
        flock.run(for: 2_000_000)
        #expect(flock.nodes[5].plane == nil)
        #expect(flock.isSettled)
        #expect(flock.running.allSatisfy { flock.nodes[$0].plane?.membership.counts.suspicions == 0 })
    }

    @Test func metadataReachesAll() throws {
        var flock = settled(32, seed: 4)
        flock.change(MemberMetadata(httpAddress: "h", version: "2", load: 7), at: 3)
        #expect(try #require(flock.run(for: 5_000_000) { $0.isSeenByAll(3) }) <= 1_000_000)
    }

    @Test func thirtyPercentLossKillsNobody() {
        var flock = settled(16, seed: 4)
        flock.weather.loss = 0.3
        for _ in 0..<30 {
            flock.run(for: 1_000_000)
            #expect(flock.running.allSatisfy { flock.dead(at: $0).isEmpty })
        }
    }

    @Test func theFrozenKillNobody() {
        var flock = settled(16, seed: 5)
        for index in 0..<4 { flock.pause(index, for: 8_000_000) }
        for _ in 0..<30 {
            flock.run(for: 1_000_000)
            let dead = Set(flock.running.flatMap { flock.dead(at: $0) })
            #expect(dead.isSubset(of: ["n0", "n1", "n2", "n3"]), "\(dead)")
        }
        #expect(flock.isSettled)
    }

    @Test func aQuietMemberCostsLittle() {
        var flock = settled(16, seed: 6)
        let packets = flock.packetsCount
        let bytes = flock.bytesCount
        flock.run(for: 60_000_000)
        #expect(Double(flock.packetsCount - packets) / 16 / 60 <= 2.5)
        #expect(Double(flock.bytesCount - bytes) / 16 / 60 <= 250)
    }
}
