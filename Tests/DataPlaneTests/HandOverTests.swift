import DataPlane
import Detection
import HashRing
import Ports
import Telemetry
import Testing

/// A slot on its way between owners. The stories are those that a sharded flock has to get right: graceful shutdown,
/// leaving, failure, churn, and rings that do not agree.
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

    // MARK: Churn

    @Test func aChainOfRingsLosesNothing() throws {
        var first = SlotBench("first")
        first.open()
        first.live(0..<30)
        var second = SlotBench("second")
        var third = SlotBench("third")
        second.handle(.owned(from: first.me))
        second.ask([(40_000_000, 22)], from: 40)
        second.handle(.disowned(to: third.me))
        third.handle(.owned(from: second.me))
        // The second waits for the first itself: the third waits with it.
        #expect(second.handle(.pullRequested(.init(7), by: third.me)).isEmpty)
        let effects = second.handle(.pulled(try SlotBench.sent(first.pull(by: second.me)), from: first.me))
        #expect(SlotBench.verdicts(effects).count == 1, "who waited is answered first")
        guard case .give(SlotCore.PullTicket(7), let gift)? = effects.last else {
            Issue.record("nothing is given: \(effects)")
            return
        }
        third.handle(.pulled(try SlotBench.sent(gift), from: second.me))
        #expect(third.core.series?[SlotBench.series]?.time == Instant(microseconds: 40_000_000))
        #expect(SlotBench.moved(second.ask([(41_000_000, 22)], from: 41)) == third.me)
    }

    @Test func whoComesLateIsToldWhoCameBefore() throws {
        var first = SlotBench("first")
        first.open()
        first.live(0..<30)
        var second = SlotBench("second")
        second.handle(.owned(from: first.me))
        second.handle(.pulled(try SlotBench.sent(first.pull(by: second.me)), from: first.me))
        second.ask([(40_000_000, 22)], from: 40)
        var third = SlotBench("third")
        third.handle(.owned(from: first.me))
        let gift = try SlotBench.sent(first.pull(by: third.me))
        #expect(gift.passedOn == second.me)
        #expect(third.handle(.pulled(gift, from: first.me)) == [.pull(SlotBench.slot, from: second.me)])
        third.handle(.pulled(try SlotBench.sent(second.pull(by: third.me)), from: second.me))
        #expect(third.core.series?[SlotBench.series]?.time == Instant(microseconds: 40_000_000))
    }

    @Test func twoThatWaitForEachOtherGoToTheStore() {
        var one = SlotBench("one")
        var two = SlotBench("two")
        one.handle(.owned(from: two.me))
        two.handle(.owned(from: one.me))
        #expect(one.pull(by: two.me) == .nothing)
        #expect(two.handle(.pulled(.nothing, from: one.me)) == [.warm(SlotBench.slot)])
    }

    @Test func whoWaitedInVainIsNotSealedFor() {
        var slow = SlotBench("slow")
        slow.handle(.owned(from: nil))
        slow.handle(.pullRequested(.init(1), by: Self.other))
        slow.now = slow.now.advanced(byMicroseconds: SlotCore.pullPatience)
        #expect(slow.handle(.warmed([], [])) == [.give(.init(1), .nothing)])
        #expect(slow.core.series != nil)
    }

    // MARK: Partitions

    @Test func afterAPartitionTheLaterStateIsTakenWhole() throws {
        var left = SlotBench("left")
        var right = SlotBench("right")
        left.open()
        right.open()
        left.live(0..<30)
        right.live(0..<10)
        let later = try #require(left.core.series?[SlotBench.series])
        // The ring that both see gives the slot to the right one, which has a state already.
        left.handle(.disowned(to: right.me))
        right.handle(.owned(from: nil))
        #expect(right.handle(.offered(by: left.me)) == [.pull(SlotBench.slot, from: left.me)])
        #expect(right.handle(.offered(by: left.me)).isEmpty, "asked already")
        right.handle(.pulled(try SlotBench.sent(left.pull(by: right.me)), from: left.me))
        #expect(right.core.series?[SlotBench.series]?.detector == later.detector)
        // The other way round its own is later.
        var third = SlotBench("third")
        third.open()
        third.live(0..<5)
        right.handle(.offered(by: third.me))
        right.handle(.pulled(try SlotBench.sent(third.pull(by: right.me)), from: third.me))
        #expect(right.core.series?[SlotBench.series]?.detector == later.detector)
    }

    @Test func anOfferByARingThatIsNotOursIsNotTaken() {
        var owner = SlotBench("owner")
        owner.handle(.disowned(to: Self.other))
        #expect(owner.handle(.offered(by: Owner(name: "third", incarnation: 1))).isEmpty)
        #expect(owner.core.isCold)
    }

    @Test func aDeletedDeviceDoesNotComeBackWithAState() throws {
        var before = SlotBench("before")
        before.open()
        before.live(0..<5)
        let gift = try SlotBench.sent(before.pull(by: Self.other))
        var after = SlotBench("after")
        after.open()
        after.handle(.forget(SlotBench.device, at: Instant(microseconds: 9_000_000)))
        after.handle(.pulled(gift, from: before.me))
        #expect(after.core.series?.isEmpty == true)
        // And a deletion travels with the state to where a copy still lives.
        before.handle(.forget(SlotBench.device, at: Instant(microseconds: 9_000_000)))
        var third = SlotBench("third")
        third.open()
        third.live(0..<5)
        third.handle(.pulled(try SlotBench.sent(before.pull(by: third.me)), from: before.me))
        #expect(third.core.series?.isEmpty == true)
    }

    // MARK: Rings that do not agree

    @Test func whoNeverHadTheSlotSendsOn() {
        var stranger = SlotBench("stranger")
        stranger.handle(.disowned(to: Self.other))
        #expect(SlotBench.moved(stranger.ask([(1, 1)], from: 0)) == Self.other)
        #expect(SlotBench.moved(stranger.ask([(1, 1)], from: 0, moves: SlotCore.movesMax - 1)) == Self.other)
    }

    @Test func anOriginThatWasSentOnTwiceIsJudgedWhereItAsks() throws {
        var before = SlotBench("before")
        before.open()
        before.live(0..<30)
        var after = SlotBench("after")
        after.handle(.owned(from: before.me))
        after.handle(.pulled(try SlotBench.sent(before.pull(by: after.me)), from: before.me))
        after.ask([(40_000_000, 22)], from: 40)
        // The state comes back to where it is asked for, with all that it went through.
        let effects = before.ask([(41_000_000, 22)], from: 41, moves: SlotCore.movesMax)
        #expect(effects == [.pull(SlotBench.slot, from: after.me)])
        let answered = before.handle(.pulled(try SlotBench.sent(after.pull(by: before.me)), from: after.me))
        #expect(SlotBench.verdicts(answered).count == 1)
        #expect(before.core.series?[SlotBench.series]?.time == Instant(microseconds: 41_000_000))
        #expect(SlotBench.moved(after.ask([(42_000_000, 22)], from: 42)) == before.me)
        // Once the rings agree it goes to whom they name.
        #expect(before.handle(.disowned(to: after.me)) == [.offer(SlotBench.slot, to: after.me)])
        #expect(after.handle(.offered(by: before.me)) == [.pull(SlotBench.slot, from: before.me)])
    }

    @Test func aSlotThatIsOnesOwnDoesNotStayAway() {
        var owner = SlotBench("owner")
        owner.open()
        _ = owner.pull(by: Self.other)  // by a ring that nobody has any more
        #expect(owner.tick(after: SlotCore.sealedMineKept) == [.pull(SlotBench.slot, from: Self.other)])
        owner.handle(.pullFailed(from: Self.other))
        owner.handle(.warmed([], []))
        #expect(owner.core.series != nil)
    }

    @Test func aNewcomerAsksWhoHadTheSlotWithoutIt() {
        let old = ["a", "b", "c"].map { Owner(name: $0, incarnation: 1) }
        let newcomer = Owner(name: "d", incarnation: 1)
        let ring = Ring(old + [newcomer])
        let before = Ring(old)
        let change = RingChange(to: ring, from: nil, by: newcomer)
        for number in stride(from: 0, to: UInt16(Slot.count), by: 7) {
            let slot = Slot(number)
            let isMine = ring.owner(of: slot) == newcomer
            #expect(
                change.event(for: slot)
                    == (isMine ? .owned(from: before.owner(of: slot)) : .disowned(to: ring.owner(of: slot))))
        }
        let same = RingChange(to: ring, from: ring, by: newcomer)
        #expect(same.event(for: ring.slots(of: newcomer)[0]) == .owned(from: nil))
    }

    private static func row(_ series: Series, at time: Int64) -> LatestRow {
        LatestRow(
            series: series, time: Instant(microseconds: time), value: 1, verdict: .learning,
            lastHeard: Instant(microseconds: 500), usualInterval: 0, state: [])
    }
}
