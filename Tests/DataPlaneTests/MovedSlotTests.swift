import DataPlane
import HashRing
import LogFormat
import Ports
import Telemetry
import Testing

/// The origin's side of a hand-over: readings follow their slots, in order, and nobody waits for a slot but its own.
struct MovedSlotTests {
    private static let one = IngestDriver.owner
    private static let two = Owner(name: "n1", incarnation: 1)
    private static let both = Ring([one, two])

    private static func running(_ ring: Ring) -> IngestDriver {
        var driver = IngestDriver()
        driver.start()
        driver.step(.ring(ring))
        driver.performAll()
        return driver
    }

    /// The calls that are ordered, by owner, taken away.
    private static func takeCalls(_ driver: inout IngestDriver) -> [Owner: ScoreCall] {
        var calls: [Owner: ScoreCall] = [:]
        while case .call(let owner, let call)? = driver.take(\.isCall) {
            #expect(calls[owner] == nil, "two calls at once")
            calls[owner] = call
        }
        return calls
    }

    private static func answer(_ call: ScoreCall, moved slots: Set<Slot>, to owner: Owner) -> ScoreAnswer {
        var verdicts = VerdictBatch()
        for part in call.parts where !slots.contains(part.slot) {
            for _ in part.readings {
                verdicts.append(Verdict(result: .normal, score: 0.5, model: IngestDriver.model, isLate: false))
            }
        }
        return ScoreAnswer(verdicts: verdicts, moved: slots.sorted().map { SlotMove($0, to: owner) })
    }

    @Test func aSlotThatMovedIsAskedForWhereItIsAtOnce() throws {
        var driver = Self.running(Self.both)
        driver.offer(driver.fresh(40))
        driver.performAll(leaving: \.isCall)
        let call = try #require(Self.takeCalls(&driver)[Self.one])
        let slot = try #require(call.parts.first).slot
        #expect(call.parts.count > 1 && call.moves(of: slot) == 0)
        driver.step(.scored(call.number, Self.answer(call, moved: [slot], to: Self.two)))
        // The other owner is asked at most once at a time: its own call ends first.
        #expect(Self.takeCalls(&driver)[Self.one] == nil)
        driver.tick(driver.core.limits.callDeadline)
        driver.tick(driver.core.limits.callRetry)
        let next = try #require(Self.takeCalls(&driver)[Self.two])
        #expect(next.parts.contains { $0.slot == slot } && next.moves(of: slot) == 1)
        #expect(next.parts.allSatisfy { $0.slot == slot || next.moves(of: $0.slot) == 0 })
        // What comes later of this slot goes there too, though the ring names the first.
        driver.answer(next)
        driver.offer(driver.fresh(40))
        driver.performAll(leaving: \.isCall)
        let later = Self.takeCalls(&driver)
        #expect(later[Self.one]?.parts.contains { $0.slot == slot } == false)
        let there = try #require(later[Self.two])
        #expect(there.parts.contains { $0.slot == slot } && there.moves(of: slot) == 0, "it had verdicts since")
    }

    @Test func whatTheNextRingTakesBackWaitsForItsCallAlone() throws {
        var driver = Self.running(Ring([Self.one]))
        driver.offer(driver.fresh(40))
        driver.performAll(leaving: \.isCall)
        let old = try #require(Self.takeCalls(&driver)[Self.one])
        driver.step(.ring(Self.both))
        driver.offer(driver.fresh(40))
        driver.performAll(leaving: \.isCall)
        #expect(!driver.isOrdered(\.isCall), "every device is on its way already")
        // Another device does not wait for the first owner.
        let free = try #require(
            (0..<10_000).lazy.map { DeviceID(unchecked: "free\($0)") }.first { device in
                let slot = Slot(of: device)
                return Self.both.owner(of: slot) == Self.two && !old.parts.contains { $0.slot == slot }
            })
        let reading = Reading(
            series: Series(device: free, metric: Metric(unchecked: "m")), time: Instant(microseconds: 1), value: 7e5)
        driver.offer(ReadingBatch(receivedAt: Instant(microseconds: 1), readings: [reading]))
        driver.performAll(leaving: \.isCall)
        let call = try #require(Self.takeCalls(&driver)[Self.two])
        #expect(call.parts.map(\.slot) == [Slot(of: free)])
        driver.answer(call)
        driver.answer(old)
        driver.settle()
        #expect(driver.stored.count == 81 && driver.stored.values.allSatisfy { $0.result == .normal })
    }

    @Test func whatAFormerOwnerDidNotAnswerGoesBeforeWhatWaitedForIt() throws {
        var driver = Self.running(Ring([Self.one]))
        driver.offer(driver.fresh(40))
        driver.performAll(leaving: \.isCall)
        let old = try #require(Self.takeCalls(&driver)[Self.one])
        driver.step(.ring(Ring([Self.two])))
        driver.offer(driver.fresh(40))
        driver.performAll(leaving: \.isCall)
        driver.step(.callFailed(old.number, .ownerLost))
        let call = try #require(Self.takeCalls(&driver)[Self.two])
        #expect(call.count == 80)
        for part in call.parts {
            let positions = part.readings.map { call.positions[$0] }
            #expect(positions == positions.sorted())
        }
        driver.answer(call)
        driver.settle()
        #expect(driver.stored.values.allSatisfy { $0.result == .normal })
    }

    @Test func aSlotAtSomebodyUnknownIsAskedForAgainAfterAPauseOrByTheNextRing() throws {
        let stranger = Owner(name: "n9", incarnation: 1)
        for hasNewRing in [false, true] {
            var driver = Self.running(Ring([Self.one]))
            driver.offer(driver.fresh(4))
            driver.performAll(leaving: \.isCall)
            let call = try #require(Self.takeCalls(&driver)[Self.one])
            let slots = Set(call.parts.map(\.slot))
            driver.step(.scored(call.number, Self.answer(call, moved: slots, to: stranger)))
            #expect(!driver.isOrdered(\.isCall))
            if hasNewRing {
                driver.step(.ring(Ring([stranger])))
                let next = try #require(Self.takeCalls(&driver)[stranger])
                #expect(next.moves.isEmpty)
                continue
            }
            driver.tick(driver.core.limits.movedPause)
            let next = try #require(Self.takeCalls(&driver)[Self.one])
            #expect(next.parts.allSatisfy { next.moves(of: $0.slot) == 1 })
        }
    }

    @Test func readingsThatNobodyTakesAreNotSentInACircleForEver() throws {
        var driver = Self.running(Self.both)
        driver.offer(driver.fresh(40))
        var calls = 0
        for _ in 0..<200 {
            driver.performAll(leaving: \.isCall)
            for (owner, call) in Self.takeCalls(&driver).sorted(by: { $0.key < $1.key }) {
                calls += 1
                let next = owner == Self.one ? Self.two : Self.one
                driver.step(.scored(call.number, Self.answer(call, moved: Set(call.parts.map(\.slot)), to: next)))
            }
            driver.tick(50_000)
        }
        #expect(calls < 200)
        driver.settle()
        #expect(driver.stored.count == 40 && driver.stored.values.allSatisfy { $0.result == .unscored })
    }

    @Test func anOwnerThatASlotWasSentOnToAndThatDiesIsLeft() throws {
        var driver = Self.running(Self.both)
        driver.offer(driver.fresh(40))
        driver.performAll(leaving: \.isCall)
        var calls = Self.takeCalls(&driver)
        let own = try #require(calls[Self.two])
        driver.answer(own)
        let call = try #require(calls[Self.one])
        let slots = Set(call.parts.map(\.slot))
        driver.step(.scored(call.number, Self.answer(call, moved: slots, to: Self.two)))
        calls = Self.takeCalls(&driver)
        let second = try #require(calls[Self.two])
        driver.step(.callFailed(second.number, .ownerLost))
        let third = try #require(Self.takeCalls(&driver)[Self.one])
        #expect(Set(third.parts.map(\.slot)) == slots)
        #expect(third.parts.allSatisfy { third.moves(of: $0.slot) == 1 })
    }

    @Test func anAnswerThatDoesNotFitIsNone() throws {
        var driver = Self.running(Self.both)
        driver.offer(driver.fresh(40))
        driver.performAll(leaving: \.isCall)
        let call = try #require(Self.takeCalls(&driver)[Self.one])
        let strange = try #require(
            (0..<UInt16(Slot.count)).map(Slot.init).first { slot in
                !call.parts.contains { $0.slot == slot }
            })
        var answer = Self.answer(call, moved: [], to: Self.two)
        answer = ScoreAnswer(verdicts: answer.verdicts, moved: [SlotMove(strange, to: Self.two)])
        driver.step(.scored(call.number, answer))
        driver.settle()
        #expect(driver.scoredTimes.values.allSatisfy { $0 == 1 })
    }
}
