import DataPlane
import Detection
import HashRing
import Ports
import Telemetry
import Testing

/// A slot on its way between owners. The stories are those that a sharded flock has to get right: joining, graceful
/// shutdown, leaving, failure; `ChurnTests` has the others.
struct HandOverTests {
    private static let other = Owner(name: "other", incarnation: 1)

    // MARK: Joining and leaving

    @Test func theNextReadingIsJudgedAsIfItHadNeverMoved() throws {
        var stays = SlotBench("stays")
        stays.open()
        stays.live(0..<60)
        var before = SlotBench("before")
        before.open()
        before.live(0..<60)
        var after = SlotBench("after")
        #expect(after.handle(.owned(from: before.me)) == [.pull(SlotBench.slot, from: before.me)])
        #expect(after.ask([(61_000_000, 23.5)], from: 60).isEmpty, "calls wait")
        let gift = try SlotBench.sent(before.pull(by: after.me))
        let verdicts = SlotBench.verdicts(after.handle(.pulled(gift, from: before.me)))
        #expect(verdicts == SlotBench.verdicts(stays.ask([(61_000_000, 23.5)], from: 60)))
        #expect(after.core.series?.mapValues(\.detector) == stays.core.series?.mapValues(\.detector))
        #expect(after.core.series?.mapValues(\.time) == stays.core.series?.mapValues(\.time))
    }

    @Test func whatWasAnsweredBeforeIsAnsweredTheSameAfter() throws {
        var before = SlotBench("before")
        before.open()
        before.live(0..<20)
        let first = SlotBench.verdicts(before.ask([(30_000_000, 70), (31_000_000, 21)], from: 30))
        var after = SlotBench("after")
        after.handle(.owned(from: before.me))
        after.handle(.pulled(try SlotBench.sent(before.pull(by: after.me)), from: before.me))
        #expect(SlotBench.verdicts(after.ask([(30_000_000, 70), (31_000_000, 21)], from: 30)) == first)
        #expect(first.allSatisfy { !$0.isLate })
    }

    @Test func whoGaveTheSlotAwaySaysWhereItIs() {
        var before = SlotBench("before")
        before.open()
        _ = before.pull(by: Self.other)
        #expect(SlotBench.moved(before.ask([(1, 1)], from: 0)) == Self.other)
        #expect(before.core.series == nil, "it shows nothing that is somebody else's")
    }

    @Test func aLostAnswerIsGivenAgain() {
        var before = SlotBench("before")
        before.open()
        before.live(0..<5)
        let first = before.pull(by: Self.other)
        #expect(before.pull(by: Self.other) == first)
        before.handle(.disowned(to: Self.other))
        _ = before.tick(after: SlotCore.sealedKept - 1)
        #expect(before.core.isCold == false)
        _ = before.tick(after: 1)
        #expect(before.core.isCold, "it is not kept for ever")
        #expect(before.pull(by: Self.other) == .nothing)
    }

    @Test func aLeaverKeepsJudgingUntilItIsPulled() {
        var leaver = SlotBench("leaver")
        leaver.open()
        leaver.live(0..<5)
        #expect(leaver.handle(.disowned(to: Self.other)) == [.offer(SlotBench.slot, to: Self.other)])
        #expect(SlotBench.verdicts(leaver.ask([(9_000_000, 21)], from: 9)).count == 1)
        #expect(leaver.tick(after: SlotCore.offerRetry - 1).isEmpty)
        #expect(leaver.tick(after: 1) == [.offer(SlotBench.slot, to: Self.other)])
        #expect(leaver.pull(by: Self.other)?.state?.series.count == 1)
        #expect(leaver.tick(after: SlotCore.offerRetry).isEmpty)
    }

    /// Found by the simulator: a newcomer that was called before it had a ring asked the store, and judged by old rows.
    @Test func whoIsCalledBeforeItHasARingWaitsForIt() throws {
        for isOffered in [false, true] {
            var before = SlotBench("before")
            before.open()
            before.live(0..<30)
            var newcomer = SlotBench("newcomer")
            #expect(newcomer.ask([(40_000_000, 22)], from: 40).isEmpty)
            #expect(newcomer.tick(after: SlotCore.ringPatience - 1).isEmpty)
            let effects = newcomer.handle(isOffered ? .offered(by: before.me) : .owned(from: before.me))
            #expect(effects == [.pull(SlotBench.slot, from: before.me)])
            newcomer.handle(.pulled(try SlotBench.sent(before.pull(by: newcomer.me)), from: before.me))
            #expect(newcomer.core.series?[SlotBench.series]?.time == Instant(microseconds: 40_000_000))
        }
        var stranger = SlotBench("stranger")
        stranger.ask([(1, 1)], from: 0)
        #expect(SlotBench.moved(stranger.handle(.disowned(to: Self.other))) == Self.other)
        var alone = SlotBench("alone")
        alone.ask([(1, 1)], from: 0)
        #expect(alone.tick(after: SlotCore.ringPatience) == [.warm(SlotBench.slot)], "it does not wait for ever")
    }

    @Test func aSlotGivenBackBeforeItWasPulledSimplyStays() throws {
        var owner = SlotBench("owner")
        owner.open()
        owner.live(0..<5)
        let series = try #require(owner.core.series)
        owner.handle(.disowned(to: Self.other))
        #expect(owner.handle(.owned(from: nil)).isEmpty)
        #expect(owner.core.series == series)
        #expect(owner.tick(after: SlotCore.offerRetry).isEmpty)
    }

    @Test func whatNobodyPullsIsDroppedOnceTheStoreWasTold() {
        var loser = SlotBench("loser")
        loser.open()
        loser.live(0..<5)
        loser.handle(.disowned(to: Self.other))
        for _ in 0..<40 { _ = loser.tick(after: SlotCore.offerRetry) }
        #expect(!loser.core.isCold, "its rows are nowhere else")
        #expect(loser.core.takeChanged(atMost: 10).count == 1)
        for _ in 0..<29 { _ = loser.tick(after: SlotCore.offerRetry) }
        #expect(!loser.core.isCold)
        for _ in 0..<2 { _ = loser.tick(after: SlotCore.offerRetry) }
        #expect(loser.core.isCold)
        var stuck = SlotBench("stuck")
        stuck.open()
        stuck.live(0..<5)
        stuck.handle(.disowned(to: Self.other))
        for _ in 0...SlotCore.offersMax { _ = stuck.tick(after: SlotCore.offerRetry) }
        #expect(stuck.core.isCold, "a store that is away for long does not fill the memory")
    }

    /// A ring that changes must not bring devices out of hiding that nobody heard.
    @Test func aDeviceIsHeardByItsReadingsAlone() throws {
        var before = SlotBench("before")
        before.open()
        before.live(0..<5)
        let told = before.core.takeChanged(atMost: 10)
        #expect(told.map(\.isHeard) == [true])
        before.core.markChanged(told)
        let again = before.core.takeChanged(atMost: 10)
        #expect(again.map(\.isHeard) == [true], "the store was away: it was not told")
        var after = SlotBench("after")
        after.handle(.owned(from: before.me))
        after.handle(.pulled(try SlotBench.sent(before.pull(by: after.me)), from: before.me))
        let moved = after.core.takeChanged(atMost: 10)
        #expect(moved.map(\.isHeard) == [false], "the former owner may not have told the store, that is all")
        after.core.markChanged(moved)
        after.ask([(6_000_000, 21)], from: 6)
        let heard = after.core.takeChanged(atMost: 10)
        #expect(heard.map(\.isHeard) == [true])
    }

    // MARK: Failure

    @Test func withoutTheFormerOwnerTheStoreIsAsked() {
        for isReported in [true, false] {
            var owner = SlotBench("owner")
            owner.handle(.owned(from: Self.other))
            owner.ask([(1_000_000, 21)], from: 0)
            let effects =
                isReported ? owner.handle(.pullFailed(from: Self.other)) : owner.tick(after: SlotCore.pullPatience)
            #expect(effects == [.warm(SlotBench.slot)])
            #expect(SlotBench.verdicts(owner.handle(.warmed([], []))).count == 1)
        }
    }

    @Test func aFormerOwnerWithNothingCostsNoTime() {
        var owner = SlotBench("owner")
        owner.handle(.owned(from: Self.other))
        #expect(owner.handle(.pulled(.nothing, from: Self.other)) == [.warm(SlotBench.slot)])
    }

    @Test func anAnswerThatWasLostIsAskedForAgainAndStillTakenWhereItIsLater() throws {
        var before = SlotBench("before")
        before.open()
        before.live(0..<30)
        var after = SlotBench("after")
        after.handle(.owned(from: before.me))
        _ = before.pull(by: after.me)  // the answer is lost
        _ = after.tick(after: SlotCore.pullPatience)
        after.handle(.warmed([], []))
        #expect(after.tick(after: SlotCore.pullRetry) == [.pull(SlotBench.slot, from: before.me)])
        after.handle(.pulled(try SlotBench.sent(before.pull(by: after.me)), from: before.me))
        #expect(after.core.series?[SlotBench.series]?.time == Instant(microseconds: 30_000_000))
        for _ in 0..<10 { #expect(after.tick(after: SlotCore.pullRetry).isEmpty) }
    }

    @Test func aSilentFormerOwnerIsNotAskedForEver() {
        var owner = SlotBench("owner")
        owner.handle(.owned(from: Self.other))
        _ = owner.tick(after: SlotCore.pullPatience)
        owner.handle(.warmed([], []))
        var pulls = 0
        for _ in 0..<60 { pulls += owner.tick(after: SlotCore.pullRetry).count }
        #expect(pulls == SlotCore.pullTriesMax - 1)
    }

    @Test func aTakerThatDiedLeavesWhatItWasGiven() throws {
        var owner = SlotBench("owner")
        owner.open()
        owner.live(0..<30)
        let series = try #require(owner.core.series)
        _ = owner.pull(by: Self.other)
        #expect(owner.handle(.owned(from: Self.other)) == [.pull(SlotBench.slot, from: Self.other)])
        #expect(owner.handle(.pullFailed(from: Self.other)) == [.warm(SlotBench.slot)])
        // What the taker told the store before it died is later; the rest is kept.
        let gone = Series(device: SlotBench.device, metric: Metric(unchecked: "humidity"))
        owner.handle(.warmed([Self.row(gone, at: 99), Self.row(SlotBench.series, at: 5)], []))
        #expect(owner.core.series?[SlotBench.series] == series[SlotBench.series])
        #expect(owner.core.series?[gone]?.time == Instant(microseconds: 99))
    }

    @Test func aRestartedOwnerIsNotTheOneThatGaveTheSlot() {
        let ring = Ring([Owner(name: "a", incarnation: 1), Owner(name: "b", incarnation: 2)])
        let again = Owner(name: "a", incarnation: 3)
        let next = Ring([again, Owner(name: "b", incarnation: 2)])
        let change = RingChange(to: next, from: nil, by: again)
        let slot = ring.slots(of: Owner(name: "a", incarnation: 1))[0]
        #expect(change.event(for: slot) == .owned(from: Owner(name: "b", incarnation: 2)))
    }

    private static func row(_ series: Series, at time: Int64) -> LatestRow {
        LatestRow(
            series: series, time: Instant(microseconds: time), value: 1, verdict: .learning,
            lastHeard: Instant(microseconds: 500), usualInterval: 0, state: [])
    }
}
