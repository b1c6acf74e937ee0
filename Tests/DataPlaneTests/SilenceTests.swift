import DataPlane
import HashRing
import Ports
import Telemetry
import Testing

/// Series that stop reporting, as the owner of their slot notices. Times in seconds, the same on all clocks.
struct SilenceTests {
    private static let other = Owner(name: "other", incarnation: 1)
    private static let humidity = Series(device: SlotBench.device, metric: Metric(unchecked: "humidity"))

    private static func instant(_ seconds: Double) -> Instant { Instant(microseconds: Int64(seconds * 1_000_000)) }

    // MARK: Noticing

    @Test func aSeriesThatStopsIsToldOnceWithWhatWasHeardLast() {
        var owner = SlotBench("owner")
        owner.open()
        owner.listen(0...20, hearing: [SlotBench.series], every: 1)
        // Silent after 10 s at least; the slot is looked at twice a second.
        let silences = owner.listen(20...120)
        #expect(silences.count == 1)
        let silence = silences.first
        #expect(silence?.series == SlotBench.series)
        #expect(silence?.start == Self.instant(20))
        #expect(silence?.noticed == Self.instant(30.5))
        #expect(silence?.end == nil)
        #expect(silence?.value == 20)
        #expect(silence?.usualInterval == 1_000_000)
        #expect(owner.core.series?[SlotBench.series]?.isSilent(at: Self.instant(0)) == true, "`latest` says so, too")
    }

    @Test(arguments: [(1, 10.5), (3, 10.5), (5, 15.5), (20, 60.5)])
    func howLongItTakesDependsOnItsRhythm(seconds: Int, after: Double) {
        var owner = SlotBench("owner")
        owner.open()
        let last = Double(20 / seconds * seconds)
        owner.listen(0...last, hearing: [SlotBench.series], every: Double(seconds))
        let silences = owner.listen(last...200)
        #expect(silences.map(\.noticed) == [Self.instant(last + after)])
    }

    @Test func onlyTheMetricThatStopsIsTold() {
        var owner = SlotBench("owner")
        owner.open()
        owner.listen(0...20, hearing: [SlotBench.series, Self.humidity], every: 1)
        let silences = owner.listen(20...100, hearing: [Self.humidity], every: 1)
        #expect(silences.map(\.series) == [SlotBench.series])
    }

    @Test func whatDoesNotFitIsToldByTheNextLooks() {
        var owner = SlotBench("owner")
        owner.open()
        let names = (0..<7).map { Series(device: SlotBench.device, metric: Metric(unchecked: "m\($0)")) }
        owner.listen(0...20, hearing: names, every: 2)
        let counts = (0..<5).map { step in
            owner.look(at: 50 + Double(step) / 2, atMost: 3).map(\.series)
        }
        // Thirty seconds without a look are a standstill.
        #expect(counts.allSatisfy { $0.isEmpty })
        owner.listen(52...60)
        let told = (0..<4).map { step in owner.look(at: 60.5 + Double(step) / 2, atMost: 3).map(\.series) }
        #expect(told == [Array(names[0..<3]), Array(names[3..<6]), Array(names[6...]), []])
    }

    // MARK: Ends

    @Test(arguments: [(50.0, 50.0), (20, 20), (12, 20)])
    func theFirstReadingAfterItEndsIt(time: Double, end: Double) {
        var owner = SlotBench("owner")
        owner.open()
        owner.listen(0...20, hearing: [SlotBench.series], every: 1)
        owner.listen(20...40)
        let effects = owner.hear(SlotBench.series, time: time, at: 41)
        #expect(
            SlotBench.ends(effects)
                == [SilenceEnd(series: SlotBench.series, start: Self.instant(20), end: Self.instant(end))])
        let next = owner.hear(SlotBench.series, time: 51, at: 42)
        #expect(SlotBench.ends(next).isEmpty)
        let isSilent = owner.core.series?[SlotBench.series]?.isSilent(at: Self.instant(42))
        #expect(isSilent == false)
        let again = owner.listen(42...80)
        #expect(again.count == 1, "and the next one is noticed, too")
    }

    @Test func aReadingThatWasReceivedBeforeItSaysNothing() {
        var owner = SlotBench("owner")
        owner.open()
        owner.listen(0...20, hearing: [SlotBench.series], every: 1)
        owner.listen(20...40)
        // A log that was away brings it up.
        let effects = owner.hear(SlotBench.series, time: 12.5, receivedAt: 12.5, at: 41)
        #expect(SlotBench.ends(effects).isEmpty)
        let isSilent = owner.core.series?[SlotBench.series]?.isSilent(at: Self.instant(0))
        #expect(isSilent == true)
    }

    @Test func aPauseThatNobodyNoticedHereMayHaveBeenNoticedBefore() {
        // A restart: rows of the store alone.
        var owner = SlotBench("owner")
        owner.open([Self.row(SlotBench.series, at: 20)])
        let effects = owner.hear(SlotBench.series, time: 60, at: 60)
        #expect(
            SlotBench.ends(effects)
                == [SilenceEnd(series: SlotBench.series, start: Self.instant(20), end: Self.instant(60))])
        var soon = SlotBench("soon")
        soon.open([Self.row(SlotBench.series, at: 20)])
        let none = soon.hear(SlotBench.series, time: 25, at: 25)
        #expect(SlotBench.ends(none).isEmpty)
    }

    @Test func aSilenceDoesNotSlowTheRhythmDown() {
        var owner = SlotBench("owner")
        owner.open()
        owner.listen(0...20, hearing: [SlotBench.series], every: 1)
        owner.hear(SlotBench.series, time: 3_620, at: 3_620)
        let after = owner.core.series?[SlotBench.series]?.silentAfter ?? 0
        #expect(after < 20_000_000, "an hour's silence, and the next is noticed in time")
        // Yet a new rhythm is learned.
        for time in stride(from: 3_680.0, through: 4_220, by: 60) { owner.hear(SlotBench.series, time: time, at: time) }
        let slow = owner.core.series?[SlotBench.series]?.silentAfter ?? 0
        #expect(slow > 60_000_000)
    }

    // MARK: No false alarms

    /// All nodes are started again after five minutes.
    @Test func aRestartIsNoSilenceOfThoseThatComeBackInTime() {
        var owner = SlotBench("owner")
        let late = Series(device: SlotBench.device, metric: Metric(unchecked: "late"))
        owner.now = Moment(microseconds: 300_000_000)
        owner.open([SlotBench.series, Self.humidity, late].map { Self.row($0, at: 20, every: 4) })
        var silences = owner.listen(300...309.5)
        owner.hear(SlotBench.series, time: 309.5, at: 309.5)
        silences += owner.listen(310...312)
        #expect(silences.isEmpty)
        owner.hear(late, time: 312, at: 312)
        silences = owner.listen(312.5...320)
        #expect(silences.map(\.series) == [Self.humidity])
        #expect(silences.map(\.start) == [Self.instant(20)])
    }

    @Test func aProcessThatStoodStillHeardNothingAndSaysNothing() {
        var owner = SlotBench("owner")
        owner.open()
        owner.listen(0...20, hearing: [SlotBench.series, Self.humidity], every: 1)
        // Stopped for ten minutes; one of the two was not heard any more.
        let first = owner.look(at: 620)
        #expect(first.isEmpty)
        let silences = owner.listen(620.5...640, hearing: [Self.humidity], every: 1)
        #expect(silences.map(\.series) == [SlotBench.series])
    }

    @Test func anOwnerByAnOldRingSaysNothing() {
        var owner = SlotBench("owner")
        owner.open()
        owner.listen(0...20, hearing: [SlotBench.series], every: 1)
        owner.handle(.disowned(to: Self.other))
        let byOldRing = owner.listen(20...40)
        #expect(byOldRing.isEmpty)
        // It comes back, and listens anew.
        owner.handle(.owned(from: Self.other))
        let early = owner.listen(40.5...50)
        #expect(early.isEmpty)
        let silences = owner.listen(50.5...52)
        #expect(silences.count == 1)
    }

    @Test func whatComesByHandOverIsListenedToFirst() throws {
        var before = SlotBench("before")
        before.open()
        before.listen(0...20, hearing: [SlotBench.series], every: 1)
        // The slot was opened without it long ago.
        var after = SlotBench("after")
        after.handle(.owned(from: before.me))
        after.listen(0...1)
        after.handle(.pullFailed(from: before.me))
        after.handle(.warmed([], []))
        after.listen(1...28)
        after.handle(.offered(by: before.me))
        after.handle(.pulled(try SlotBench.sent(before.pull(by: after.me)), from: before.me))
        let early = after.listen(28.5...38)
        #expect(early.isEmpty)
        let silences = after.listen(38.5...39)
        #expect(silences.count == 1)
    }

    /// Both sides of a partition own the slot; devices are heard on one.
    @Test(arguments: [false, true])
    func aPartitionsFalseSilenceEndsWhenTheStatesMeet(isMineLater: Bool) throws {
        var here = SlotBench("here")
        here.open()
        here.listen(0...20, hearing: [SlotBench.series], every: 1)
        var there = SlotBench("there")
        there.open([Self.row(SlotBench.series, at: 20, every: 1)])
        let silences = here.listen(20...60)
        #expect(silences.count == 1)
        there.now = Moment(microseconds: 20_000_000)
        there.listen(21...60, hearing: [SlotBench.series], every: 1)
        let ended = [SilenceEnd(series: SlotBench.series, start: Self.instant(20), end: Self.instant(60))]
        if isMineLater {
            there.handle(.offered(by: here.me))
            let effects = there.handle(.pulled(try SlotBench.sent(here.pull(by: there.me)), from: here.me))
            #expect(SlotBench.ends(effects) == ended)
        } else {
            here.handle(.offered(by: there.me))
            let effects = here.handle(.pulled(try SlotBench.sent(there.pull(by: here.me)), from: there.me))
            #expect(SlotBench.ends(effects) == ended)
            let isSilent = here.core.series?[SlotBench.series]?.isSilent(at: Self.instant(61))
            #expect(isSilent == false)
        }
    }

    @Test func theStoresRowsThatComeLateEndWhatTheyMayHaveBegun() {
        var owner = SlotBench("owner")
        owner.handle(.owned(from: nil))
        owner.hear(SlotBench.series, time: 90, at: 90)
        owner.handle(.warmFailed)
        let effects = owner.handle(.warmed([Self.row(SlotBench.series, at: 20)], []))
        #expect(
            SlotBench.ends(effects)
                == [SilenceEnd(series: SlotBench.series, start: Self.instant(20), end: Self.instant(90))])
    }

    @Test func aDeletedDeviceIsNotMissed() {
        var owner = SlotBench("owner")
        owner.open()
        owner.listen(0...20, hearing: [SlotBench.series], every: 1)
        owner.handle(.forget(SlotBench.device, at: Self.instant(25)))
        let silences = owner.listen(20...100)
        #expect(silences.isEmpty)
    }

    // MARK: Anything

    /// Whatever a device does: begin and end take turns, a silence begins with the newest reading, nobody who is heard in
    /// time is missed, and everybody is who is not.
    @Test(arguments: 0..<40)
    func silencesAndReadingsTakeTurns(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var owner = SlotBench("owner")
        owner.open()
        var time = 0.0
        var lastHeard: Double?
        var open: Silence?
        for _ in 0..<2_000 {
            let isStandstill = random.draw(below: 200) == 0
            time += isStandstill ? 20 : 0.5
            for silence in owner.look(at: time) {
                #expect(open == nil && !isStandstill)
                #expect(silence.start == lastHeard.map(Self.instant))
                let unheard = time - (lastHeard ?? 0)
                #expect(unheard > 10)
                open = silence
            }
            if random.draw(below: 24) == 0 || random.draw(below: 100) < seed % 5 * 20 {
                let ends = SlotBench.ends(owner.hear(SlotBench.series, time: time, at: time))
                if let open { #expect(ends.map(\.start) == [open.start]) }
                #expect(ends.allSatisfy { $0.end == Self.instant(time) })
                open = nil
                lastHeard = time
            }
        }
        let after = Double(owner.core.series?[SlotBench.series]?.silentAfter ?? 0) / 1_000_000
        let last = owner.listen((time + 0.5)...(time + after + 1.5))
        #expect((open == nil ? 1 : 0) == last.count)
    }

    private static func row(_ series: Series, at time: Double, every seconds: Int64 = 1) -> LatestRow {
        LatestRow(
            series: series, time: instant(time), value: 1, verdict: .learning, lastHeard: instant(time),
            usualInterval: seconds * 1_000_000, state: [])
    }
}
