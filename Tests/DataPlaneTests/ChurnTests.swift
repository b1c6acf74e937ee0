import DataPlane
import Detection
import HashRing
import Ports
import Telemetry
import Testing

/// Slots while rings change quickly, or do not agree, or are two.
struct ChurnTests {
    private static let other = Owner(name: "other", incarnation: 1)

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
        one.handle(.pullRequested(.init(1), by: two.me))
        two.handle(.pullRequested(.init(1), by: one.me))
        #expect(one.tick(after: SlotCore.pullPatience) == [.warm(SlotBench.slot)])
        #expect(two.tick(after: SlotCore.pullPatience) == [.warm(SlotBench.slot)])
        #expect(one.handle(.warmed([], [])) == [.give(.init(1), .nothing)])
        #expect(two.handle(.warmed([], [])) == [.give(.init(1), .nothing)])
    }

    @Test func whoWantsItBackBeforeItHasArrivedWaitsForIt() throws {
        var before = SlotBench("before")
        before.open()
        before.live(0..<30)
        var after = SlotBench("after")
        after.handle(.owned(from: before.me))
        let gift = try SlotBench.sent(before.pull(by: after.me))
        before.ask([(40_000_000, 22)], from: 40, moves: SlotCore.movesMax)
        #expect(after.handle(.pullRequested(.init(1), by: before.me)).isEmpty)
        let effects = after.handle(.pulled(gift, from: before.me))
        #expect(effects.count == 1 && after.core.series == nil, "one of them has it")
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
}
