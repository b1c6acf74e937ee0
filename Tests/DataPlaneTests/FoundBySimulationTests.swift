import DataPlane
import Detection
import HashRing
import Ports
import Telemetry
import Testing

/// What the simulator found, each as the shortest story that shows it. The seeds are those of the day.
struct FoundBySimulationTests {
    /// Seed 39: a client's batch was larger than a group commit; a replay gave its first records to their owner before it
    /// had read as far as their verdicts.
    @Test func aReplayLooksFarEnoughAheadForTheVerdictsOfALargeBatch() {
        var limits = IngestLimits()
        limits.recordReadingsMax = 3
        limits.appendReadingsMax = 8
        limits.scoringReadingsMax = 10
        limits.waitingReadingsMax = 60
        var driver = IngestDriver(limits: limits)
        driver.isStoreAway = true
        driver.readRecordsMax = 2
        driver.start()
        driver.performAll()
        driver.offer(driver.fresh(56))
        driver.performAll()
        driver.restart()
        driver.performAll()
        #expect(driver.scoredTimes.count == 56)
        #expect(driver.scoredTimes.values.allSatisfy { $0 == 1 })
    }

    /// Seed 298: two processes with copies of one log asked in turns; the cache of answers, no longer in the order of
    /// positions, did not find what it held, and the second answer differed from the first.
    @Test func answersAreFoundThoughACopyOfTheLogAsksInBetween() {
        let series = Series(device: DeviceID(unchecked: "d"), metric: Metric(unchecked: "m"))
        let slot = Slot(of: series.device)
        var core = SlotCore(slot: slot)
        var models = ModelRegistry()
        var now = Moment(microseconds: 0)
        func ask(_ writer: UInt64, _ number: UInt64, at positions: [UInt64], times: [Int64]) -> [Verdict] {
            var call = ScoreCall(origin: LogID(high: 1, low: 1), writer: WriterID(writer), number: CallNumber(number))
            let index = call.add(series: [series])
            for (position, time) in zip(positions, times) {
                call.append(
                    slot: slot, series: index, time: Instant(microseconds: time), value: Double(time),
                    receivedAt: Instant(microseconds: 1), position: LogPosition(position))
            }
            now = now.advanced(byMicroseconds: 1)
            return core.handle(.score(.init(number), call, call.parts[0]), now: now, models: &models).flatMap {
                if case .reply(_, _, let verdicts) = $0 { verdicts } else { [Verdict]() }
            }
        }
        _ = core.handle(.owned(from: nil), now: now, models: &models)
        _ = core.handle(.warmed([], []), now: now, models: &models)
        // The copy is further than the other: its positions come first into the cache.
        _ = ask(1, 1, at: [46, 47], times: [460, 470])
        let first = ask(2, 2, at: [36, 38, 46], times: [480, 490, 500])
        #expect(first.map(\.isLate) == [false, false, false])
        #expect(ask(2, 3, at: [36, 38, 46], times: [480, 490, 500]) == first)
    }
}
