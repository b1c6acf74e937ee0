import ControlPlane
import Membership
import Simulation
import Testing

/// Many come and go at once.
@Suite struct FlockChurnTests {
    private func settled(_ count: Int, seed: UInt64) -> VirtualFlock {
        var flock = VirtualFlock(count, seed: seed)
        flock.startAll()
        flock.run(for: 3_000_000)
        return flock
    }

    @Test func aHundredNodesJoinInParallel() throws {
        var flock = VirtualFlock(100, seed: 1)
        for index in 0..<100 { flock.join(index, seeds: [0]) }
        flock.startAll()
        #expect(try #require(flock.run(for: 10_000_000, looks: 50_000) { $0.isAgreed }) <= 3_000_000)
    }

    @Test(arguments: [4, 3]) func aPartFailsAtOnce(_ part: Int) throws {
        var flock = settled(30, seed: UInt64(part))
        let gone = (0..<30).filter { $0 % part == 1 }
        for index in gone { flock.crash(index) }
        let time = flock.run(for: 30_000_000, looks: 50_000) { $0.areGone(gone) }
        #expect(try #require(time) <= 8_000_000)
        flock.run(for: 1_000_000)
        #expect(flock.isSettled)
    }

    @Test func someJoinWhileOthersFail() throws {
        var flock = VirtualFlock(24, seed: 5)
        for index in 0..<16 { flock.start(index) }
        flock.run(for: 3_000_000)
        for index in 2..<6 { flock.crash(index) }
        for index in 16..<24 { flock.start(index) }
        #expect(try #require(flock.run(for: 30_000_000, looks: 50_000) { $0.isSettled }) <= 8_000_000)
        #expect(flock.running.count == 20)
    }

    /// It hears everybody and nobody hears it, or the other way: it is dead to all, all are well to each other.
    @Test(arguments: [true, false]) func aNodeThatIsCutOffOneWayTakesNobodyWithIt(_ isDeaf: Bool) {
        var flock = settled(12, seed: 6)
        let others = (0..<12).filter { $0 != 4 }
        flock.cut(isDeaf ? others : [4], isDeaf ? [4] : others, for: 30_000_000)
        for _ in 0..<30 {
            flock.run(for: 1_000_000)
            for index in others { #expect(Set(flock.dead(at: index)).isSubset(of: ["n4"])) }
        }
        #expect(flock.areGone([4]) || others.allSatisfy { flock.dead(at: $0) == ["n4"] })
        flock.run(for: 10_000_000)
        #expect(flock.isSettled)
    }

    @Test func aNodeThatLosesMostOfWhatItSendsTakesNobodyWithIt() {
        var flock = settled(12, seed: 7)
        let others = (0..<12).filter { $0 != 4 }
        flock.cut([4], others, for: 30_000_000, loss: 0.8)
        for _ in 0..<30 {
            flock.run(for: 1_000_000)
            for index in others { #expect(Set(flock.dead(at: index)).isSubset(of: ["n4"])) }
        }
        flock.run(for: 10_000_000)
        #expect(flock.isSettled)
    }

    @Test func oneThatWasKilledRejoinsAgainAndAgain() throws {
        var flock = settled(8, seed: 8)
        for _ in 0..<5 {
            flock.crash(3)
            flock.run(for: 6_000_000)
            #expect(flock.areGone([3]))
            flock.start(3)
            #expect(try #require(flock.run(for: 10_000_000) { $0.isSettled }) <= 1_000_000)
        }
    }
}
