import DataPlane
import Detection
import HashRing
import Ports
import Telemetry
import Testing

struct SlotCoreTests {
    private static let origin = LogID(high: 1, low: 2)
    private static let metric = Metric(unchecked: "temperature")
    private static let device = DeviceID(unchecked: "device-01")
    private static let series = Series(device: device, metric: metric)
    private static let slot = Slot(of: device)
    private let now = Moment(microseconds: 0)

    @Test func aColdSlotWarmsUpOnceAndLetsCallsWait() {
        var core = coldSlot()
        var models = Self.trainedModels()
        #expect(core.handle(Self.score(1, [(10, 21)]), now: now, models: &models) == [.warm(Self.slot)])
        #expect(core.handle(Self.score(2, [(20, 21)], from: 1), now: now, models: &models) == [])
        let effects = core.handle(.warmed([], []), now: now, models: &models)
        #expect(effects.map(Self.number) == [1, 2])
        #expect(core.series?[Self.series]?.time == Instant(microseconds: 20))
    }

    @Test func anAnswerIsGivenAgainAndTheReadingCountedOnce() throws {
        var core = openSlot()
        var models = Self.trainedModels()
        let first = core.handle(Self.score(1, [(10, 21), (20, 80)]), now: now, models: &models)
        let state = try #require(core.series?[Self.series])
        let again = core.handle(Self.score(2, [(10, 21), (20, 80)]), now: now, models: &models)
        #expect(Self.verdicts(first) == Self.verdicts(again))
        #expect(Self.verdicts(again).allSatisfy { !$0.isLate })
        #expect(core.series?[Self.series] == state)
    }

    @Test func aRetryMayAskForLessOrMore() {
        var core = openSlot()
        var models = Self.trainedModels()
        let whole = Self.verdicts(core.handle(Self.score(1, [(10, 21), (20, 22)]), now: now, models: &models))
        let less = Self.verdicts(core.handle(Self.score(2, [(10, 21)]), now: now, models: &models))
        let more = Self.verdicts(
            core.handle(Self.score(3, [(20, 22), (30, 23)], from: 1), now: now, models: &models))
        #expect(less == Array(whole.prefix(1)))
        #expect(more.first == whole.last)
        #expect(more.allSatisfy { !$0.isLate })
    }

    @Test func aLateReadingIsJudgedAndMarkedAndMovesNothing() throws {
        var core = openSlot()
        var models = Self.trainedModels()
        _ = core.handle(Self.score(1, [(100, 21)]), now: now, models: &models)
        let detector = try #require(core.series?[Self.series]).detector
        let verdicts = Self.verdicts(
            core.handle(Self.score(2, [(50, 99), (100, 22)], from: 1), now: now, models: &models))
        #expect(verdicts.map(\.isLate) == [true, true])
        #expect(core.series?[Self.series]?.value == 21)
        #expect(core.series?[Self.series]?.detector == detector)
    }

    @Test func withoutAModelReadingsAreLearningAndGathered() {
        var core = openSlot()
        var models = ModelRegistry()
        for index in 0..<DetectorTrainer.readingsCount {
            let effects = core.handle(
                Self.score(UInt64(index), [(Int64(index + 1), 21 + Double(index % 3))], from: UInt64(index)),
                now: now, models: &models)
            #expect(Self.verdicts(effects).map(\.result) == [.learning])
        }
        #expect(models.metricsToTrain.map(\.metric) == [Self.metric])
    }

    @Test func stateComesBackFromTheStoreAndGoesOnWhereItStood() throws {
        var models = Self.trainedModels()
        var original = openSlot()
        for index in 0..<50 {
            _ = original.handle(
                Self.score(UInt64(index), [(Int64(index) * 1_000_000, 21)], from: UInt64(index)), now: now,
                models: &models)
        }
        let rows = original.takeChanged(atMost: 10)
        #expect(rows.count == 1)
        #expect(original.takeChanged(atMost: 10).isEmpty)
        var restored = SlotCore(slot: Self.slot)
        _ = restored.handle(.owned(from: nil), now: now, models: &models)
        _ = restored.handle(.warmed(rows, []), now: now, models: &models)
        let next = Self.score(99, [(60_000_000, 24)], from: 60)
        #expect(
            Self.verdicts(original.handle(next, now: now, models: &models))
                == Self.verdicts(restored.handle(next, now: now, models: &models)))
    }

    @Test func aDeletedDeviceStaysAwayUntilItSpeaksAgain() {
        var core = openSlot()
        var models = Self.trainedModels()
        _ = core.handle(Self.score(1, [(10, 21)], receivedAt: 1_000), now: now, models: &models)
        _ = core.handle(.forget(Self.device, at: Instant(microseconds: 2_000)), now: now, models: &models)
        #expect(core.series?.isEmpty == true)
        _ = core.handle(Self.score(2, [(20, 21)], from: 1, receivedAt: 1_500), now: now, models: &models)
        #expect(core.series?.isEmpty == true)
        _ = core.handle(Self.score(3, [(30, 21)], from: 2, receivedAt: 2_500), now: now, models: &models)
        #expect(core.series?[Self.series]?.time == Instant(microseconds: 30))
    }

    /// It spoke between its deletion and the news of it.
    @Test func whatWasLearnedFromWhatIsGoneGoesToo() throws {
        var core = openSlot()
        var models = Self.trainedModels()
        _ = core.handle(Self.score(1, [(1_000, 21), (2_000, 21)], receivedAt: 1_000), now: now, models: &models)
        _ = core.handle(Self.score(2, [(60_000, 21)], from: 2, receivedAt: 2_000), now: now, models: &models)
        _ = core.handle(Self.score(3, [(70_000, 21)], from: 3, receivedAt: 3_000), now: now, models: &models)
        #expect(core.series?[Self.series]?.detector != DetectorState())
        let deletion = SlotCore.Event.forget(Self.device, at: Instant(microseconds: 2_500))
        for _ in 0..<2 { _ = core.handle(deletion, now: now, models: &models) }
        let anew = try #require(core.series?[Self.series])
        #expect(anew.detector == DetectorState() && anew.usualInterval == 0 && anew.time != nil)
        // The same news again takes nothing of what is learned since.
        _ = core.handle(Self.score(4, [(80_000, 22)], from: 4, receivedAt: 4_000), now: now, models: &models)
        let learned = core.series?[Self.series]
        _ = core.handle(deletion, now: now, models: &models)
        #expect(core.series?[Self.series] == learned && learned?.detector != DetectorState())
    }

    @Test func repliesAreForgottenAfterTheCallersWindow() {
        var core = openSlot()
        var models = Self.trainedModels()
        let first = core.handle(Self.score(1, [(10, 21), (20, 22)]), now: now, models: &models)
        let later = now.advanced(byMicroseconds: SlotCore.repliesKept + 1)
        _ = core.handle(.tick, now: later, models: &models)
        let again = core.handle(Self.score(2, [(10, 21), (20, 22)]), now: later, models: &models)
        #expect(Self.verdicts(again).map(\.isLate) == [true, false])
        #expect(Self.verdicts(again).last == Self.verdicts(first).last, "the newest reading is known by itself")
    }

    @Test func tooManyWaitingCallsAreRefused() {
        var core = coldSlot()
        var models = ModelRegistry()
        for number in 0..<SlotCore.waitingCallsMax {
            _ = core.handle(Self.score(UInt64(number), [(1, 1)]), now: now, models: &models)
        }
        let effects = core.handle(Self.score(999, [(1, 1)]), now: now, models: &models)
        guard case .refuse(SlotCore.Ticket(999), _)? = effects.first else {
            Issue.record("not refused: \(effects)")
            return
        }
    }

    @Test func thePositionAloneMakesNoRetry() {
        // A disk that lost its newest records gives their positions again, to other readings.
        var core = openSlot()
        var models = Self.trainedModels()
        let first = Self.verdicts(core.handle(Self.score(1, [(10, 21)]), now: now, models: &models))
        let other = Self.verdicts(core.handle(Self.score(2, [(20, 80)]), now: now, models: &models))
        #expect(first != other)
        #expect(core.series?[Self.series]?.value == 80)
        let again = Self.verdicts(core.handle(Self.score(3, [(20, 80)]), now: now, models: &models))
        #expect(again == other)
    }

    // MARK: Warming up

    @Test func withoutTheStoreASlotOpensAndTakesItsRowsLater() throws {
        var core = coldSlot()
        var models = Self.trainedModels()
        _ = core.handle(Self.score(1, [(10, 21)]), now: now, models: &models)
        #expect(core.handle(.warmFailed, now: now, models: &models).map(Self.number) == [1])
        let early = now.advanced(byMicroseconds: SlotCore.warmRetry - 1)
        #expect(core.handle(.tick, now: early, models: &models) == [])
        let due = now.advanced(byMicroseconds: SlotCore.warmRetry)
        #expect(core.handle(.tick, now: due, models: &models) == [.warm(Self.slot)])
        #expect(core.handle(.tick, now: due, models: &models) == [], "asked again at once")

        // What the store knows of the series that spoke since is older; of another it is the best there is.
        let gone = Series(device: Self.device, metric: Metric(unchecked: "humidity"))
        let other = Series(device: DeviceID(unchecked: "device-02"), metric: Self.metric)
        let rows = [Self.row(Self.series, value: 1), Self.row(gone, value: 2), Self.row(other, value: 3)]
        let tombstone = Tombstone(device: other.device, time: Instant(microseconds: 5_000))
        #expect(core.handle(.warmed(rows, [tombstone]), now: due, models: &models) == [])
        let series = try #require(core.series)
        #expect(series[Self.series]?.value == 21)
        #expect(series[gone]?.value == 2)
        #expect(series[other] == nil, "deleted after its row was written")
        let later = due.advanced(byMicroseconds: 2 * SlotCore.warmRetry)
        #expect(core.handle(.tick, now: later, models: &models) == [], "the rows came")
    }

    @Test func tombstonesThatComeLateRemoveWhatWasReplayedMeanwhile() {
        var core = coldSlot()
        var models = Self.trainedModels()
        _ = core.handle(Self.score(1, [(10, 21)], receivedAt: 1_000), now: now, models: &models)
        _ = core.handle(.warmFailed, now: now, models: &models)
        #expect(core.series?.count == 1)
        let tombstone = Tombstone(device: Self.device, time: Instant(microseconds: 2_000))
        _ = core.handle(.warmed([], [tombstone]), now: now, models: &models)
        #expect(core.series?.isEmpty == true)
        _ = core.handle(Self.score(2, [(20, 21)], from: 1, receivedAt: 2_500), now: now, models: &models)
        #expect(core.series?.count == 1)
    }

    @Test func aSlowStoreKeepsNobodyWaitingForLongerThanItsPatience() {
        var core = coldSlot()
        var models = Self.trainedModels()
        _ = core.handle(Self.score(1, [(10, 21)]), now: now, models: &models)
        let early = now.advanced(byMicroseconds: SlotCore.warmPatience - 1)
        #expect(core.handle(.tick, now: early, models: &models) == [])
        let late = now.advanced(byMicroseconds: SlotCore.warmPatience)
        #expect(core.handle(.tick, now: late, models: &models).map(Self.number) == [1])
        #expect(SlotCore.warmPatience < IngestLimits().callDeadline)
        // The answer that was waited for is welcome still.
        let gone = Series(device: Self.device, metric: Metric(unchecked: "humidity"))
        _ = core.handle(.warmed([Self.row(gone, value: 2)], []), now: late, models: &models)
        #expect(core.series?[gone]?.value == 2)
    }

    @Test func whatALogStillHoldsOfADeletedDeviceDoesNotBringItBack() {
        var core = coldSlot()
        var models = Self.trainedModels()
        _ = core.handle(Self.score(1, [(10, 21)], receivedAt: 1_000), now: now, models: &models)
        let tombstone = Tombstone(device: Self.device, time: Instant(microseconds: 2_000))
        let effects = core.handle(
            .warmed([Self.row(Self.series, value: 1)], [tombstone]), now: now, models: &models)
        #expect(effects.map(Self.number) == [1], "it is judged all the same")
        #expect(core.series?.isEmpty == true)
        _ = core.handle(Self.score(2, [(20, 22)], from: 1, receivedAt: 2_001), now: now, models: &models)
        #expect(core.series?[Self.series]?.value == 22)
    }

    @Test func tombstonesAreBoundedAndTheNewestStay() {
        var core = SlotCore(slot: Self.slot)
        var models = ModelRegistry()
        let tombstones = (0...SlotCore.tombstonesMax).map { index in
            Tombstone(device: DeviceID(unchecked: "d\(index)"), time: Instant(microseconds: Int64(1_000 + index)))
        }
        _ = core.handle(.owned(from: nil), now: now, models: &models)
        let rows = tombstones.map { Self.row(Series(device: $0.device, metric: Self.metric), value: 1) }
        _ = core.handle(.warmed(rows, tombstones.reversed()), now: now, models: &models)
        #expect(core.series?.keys.map(\.device.text) == ["d0"], "the oldest is the one that made room")
    }

    // MARK: Making events

    private static func row(_ series: Series, value: Double) -> LatestRow {
        LatestRow(
            series: series, time: Instant(microseconds: 5), value: value, verdict: .learning,
            lastHeard: Instant(microseconds: 500), usualInterval: 0, state: [])
    }

    /// Whoever is asked for it here may ask the store at once: nobody else can have it.
    private func coldSlot() -> SlotCore {
        var core = SlotCore(slot: Self.slot)
        var models = ModelRegistry()
        _ = core.handle(.disowned(to: nil), now: now, models: &models)
        return core
    }

    private func openSlot() -> SlotCore {
        var core = SlotCore(slot: Self.slot)
        var models = ModelRegistry()
        _ = core.handle(.owned(from: nil), now: now, models: &models)
        _ = core.handle(.warmed([], []), now: now, models: &models)
        return core
    }

    private static func score(
        _ number: UInt64, _ readings: [(time: Int64, value: Double)], from position: UInt64 = 0,
        receivedAt: Int64 = 1_000
    ) -> SlotCore.Event {
        var call = ScoreCall(origin: origin, writer: WriterID(1), number: CallNumber(number))
        let index = call.add(series: [series])
        for (offset, reading) in readings.enumerated() {
            call.append(
                slot: slot, series: index, time: Instant(microseconds: reading.time), value: reading.value,
                receivedAt: Instant(microseconds: receivedAt), position: LogPosition(position) + offset)
        }
        let part = ScoreCall.Part(slot: slot, readings: 0..<readings.count, start: LogPosition(position))
        return .score(SlotCore.Ticket(number), call, part)
    }

    private static func verdicts(_ effects: [SlotCore.Effect]) -> [Verdict] {
        effects.flatMap { effect -> [Verdict] in
            if case .reply(_, _, let verdicts) = effect { verdicts } else { [] }
        }
    }

    private static func number(_ effect: SlotCore.Effect) -> UInt64 {
        if case .reply(let ticket, _, _) = effect { ticket.number } else { 0 }
    }

    private static func trainedModels() -> ModelRegistry {
        var trainer = DetectorTrainer()
        var random = SeededGenerator(seed: 1)
        for index in 0..<DetectorTrainer.readingsCount {
            trainer.append(
                20 + random.drawUnit() * 4, at: Instant(microseconds: Int64(index) * 1_000_000), series: series)
        }
        var models = ModelRegistry()
        models.activate(.detector(trainer.train(name: "temperature", version: 1, seed: 1)), for: metric)
        return models
    }
}
