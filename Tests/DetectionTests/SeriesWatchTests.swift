import Foundation
import Telemetry
import Testing

@testable import Detection

/// Streams through one `SeriesWatch`, a reading each `interval` seconds.
struct WatchBench {
    var watch = SeriesWatch()
    var time = DetectorBench.start
    var interval: Int64 = 300

    mutating func feed(_ value: Double) -> SeriesWatch.Finding {
        time = time.advanced(byMicroseconds: interval * 1_000_000)
        return watch.take(value, at: time)
    }

    /// Seconds of the day of the next reading.
    var phase: Double {
        2 * .pi * Double((time.microseconds / 1_000_000 + interval) % 86_400) / 86_400
    }

    /// The raw scores beyond the line, by index.
    mutating func alarms(_ values: [Double]) -> [Int: SeriesWatch.Finding] {
        var alarms: [Int: SeriesWatch.Finding] = [:]
        for (index, value) in values.enumerated() {
            let found = feed(value)
            if found.raw > 1 { alarms[index] = found }
        }
        return alarms
    }
}

@Suite struct SeriesWatchTests {
    static let seeds: [UInt64] = [1, 2, 3, 4, 5, 6]

    /// After 1000 readings of learning.
    @Test(arguments: SeriesKind.allCases) func cleanSeriesRarelyAlarm(kind: SeriesKind) {
        var (rows, alarms) = (0, 0)
        for seed in Self.seeds {
            var generator = SeededGenerator(seed: seed)
            var bench = WatchBench(interval: Int64(kind.intervalSeconds))
            let found = bench.alarms(kind.values(count: 11_000, generator: &generator))
            rows += 10_000
            alarms += found.keys.count { $0 >= 1000 }
        }
        #expect(Double(alarms) <= 0.001 * Double(rows), "\(alarms) of \(rows)")
    }

    @Test func aWalkWithADailySeasonRarelyAlarms() {
        var (rows, alarms) = (0, 0)
        for seed in Self.seeds {
            var generator = SeededGenerator(seed: seed)
            var bench = WatchBench()
            var walk = 20.0
            for index in 0..<11_000 {
                walk += 0.3 * SeriesKind.gaussian(&generator)
                let found = bench.feed(walk + 5 * sin(bench.phase))
                guard index >= 1000 else { continue }
                rows += 1
                if found.raw > 1 { alarms += 1 }
            }
        }
        #expect(Double(alarms) <= 0.001 * Double(rows), "\(alarms) of \(rows)")
    }

    @Test(arguments: [(SeriesWatch.Season.day, 0.0), (.week, 6), (.none, 0)]) func theSeasonIsLearnedWithoutAsking(
        season: SeriesWatch.Season, weekend: Double
    ) {
        var generator = SeededGenerator(seed: 9)
        var bench = WatchBench()
        var seasons: [SeriesWatch.Season: Int] = [:]
        for index in 0..<(28 * 288) {
            let isWeekend = (index / 288) % 7 >= 5
            // Steep sides: slow sines are forecast by the last value as well.
            let day = sin(bench.phase) > 0.5 ? 8.0 : 0
            let noise = SeriesKind.gaussian(&generator)
            // At the weekend of a week all is the other way round.
            let value = season == .none ? noise : (isWeekend && weekend > 0 ? weekend - day : day) + noise
            let found = bench.feed(20 + value)
            if index >= 21 * 288 { seasons[found.season, default: 0] += 1 }
        }
        #expect(seasons.max { $0.value < $1.value }?.key == season, "\(seasons)")
    }

    @Test(arguments: seeds) func aFaultOfTheSeasonIsFoundThoughItsValuesAreOrdinary(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var bench = WatchBench()
        var found: [Int] = []
        let fault = 12 * 288
        for index in 0..<(13 * 288) {
            let day = 10 * sin(bench.phase)
            // On the last day the heating never comes on.
            let value = (index >= fault ? -abs(day) : day) + 0.5 * SeriesKind.gaussian(&generator)
            if bench.feed(value).raw > 1, index >= 8 * 288 { found.append(index) }
        }
        #expect(found.contains { $0 >= fault }, "\(found)")
        #expect(found.count { $0 < fault } <= 2, "\(found)")
    }

    @Test(arguments: seeds) func aLevelShiftAlarmsAndIsThenLearned(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var bench = WatchBench(interval: 60)
        let values = (0..<4000).map { 20 + SeriesKind.gaussian(&generator) + ($0 >= 2000 ? 8 : 0) }
        let alarms = bench.alarms(values).keys
        #expect(alarms.contains { (2000..<2010).contains($0) })
        let after = alarms.filter { $0 >= 2000 }.sorted()
        // An episode ends with an hour without alarms.
        let episodes = 1 + zip(after, after.dropFirst()).count { $1 - $0 >= 60 }
        #expect(episodes <= 2, "\(after)")
        #expect(after.count { $0 >= 2200 } <= 2, "\(after)")
    }

    @Test func aValueNeverSeenIsNamedWithItsEdge() throws {
        var generator = SeededGenerator(seed: 3)
        var bench = WatchBench()
        for _ in 0..<1000 { _ = bench.feed(20 + (generator.drawUnit() * 10).rounded()) }
        let found = bench.feed(35)
        #expect(found.raw > 1)
        #expect(found.reason?.description == "outside everything seen so far: 35, never above 30 before")
    }

    @Test func whatIsAnnouncedCountsLessForAWhile() {
        var generator = SeededGenerator(seed: 4)
        var bench = WatchBench()
        for _ in 0..<1000 { _ = bench.feed(20 + generator.drawUnit()) }
        let first = bench.feed(24)
        let second = bench.feed(24)
        #expect(first.raw > 1)
        #expect(second.raw < first.raw)
    }

    @Test(arguments: [300, 1] as [Int64]) func aStuckSensorAlarmsOnceAndIsStuckForAsLongAsItLasts(interval: Int64)
        throws
    {
        var generator = SeededGenerator(seed: 5)
        var bench = WatchBench(interval: interval)
        for _ in 0..<1000 { _ = bench.feed(21 + SeriesKind.gaussian(&generator)) }
        let alarms = bench.alarms(.init(repeating: 21.5, count: 60))
        let stuck = alarms.filter { if case .stuck = $0.value.reason { true } else { false } }
        #expect(stuck.keys.sorted() == [12], "\(alarms)")
        let expected = interval == 300 ? "stuck at 21.5 for 60 min" : "stuck at 21.5 for 12 s"
        #expect(stuck[12]?.reason?.description == expected)
        let lasting = interval == 300 ? "stuck at 21.5 for 5 h" : "stuck at 21.5 for 60 s"
        #expect(bench.feed(21.5).lasting?.description == lasting)
        #expect(bench.feed(21.6).lasting == nil)
    }

    /// A fault that was told does not hide the next of its kind; what comes every night is known after some nights.
    @Test func theNextFaultIsToldAndAHabitIsLearned() {
        var generator = SeededGenerator(seed: 6)
        var bench = WatchBench()
        var told: [Int] = []
        for episode in 0..<4 {
            for _ in 0..<2000 { _ = bench.feed(21 + SeriesKind.gaussian(&generator)) }
            let found = (0..<60).map { _ in bench.feed(21.5) }
            if found.contains(where: { $0.lasting != nil }) { told.append(episode) }
        }
        #expect(told == [0, 1, 2])
        var nights = 0
        for night in 0..<30 {
            for _ in 0..<192 { _ = bench.feed(21 + SeriesKind.gaussian(&generator)) }
            let found = (0..<96).map { _ in bench.feed(0) }
            if found.contains(where: { $0.lasting != nil }), night >= 6 { nights += 1 }
        }
        #expect(nights == 0)
    }

    @Test func aValueThatHardlyEverChangesIsNotStuck() {
        var bench = WatchBench()
        var alarms = 0
        for index in 0..<5000 {
            let found = bench.feed(index / 700 % 2 == 0 ? 21 : 22)
            if found.raw > 1, index > 1500 { alarms += 1 }
        }
        #expect(alarms == 0)
        var constant = WatchBench()
        #expect(constant.alarms(.init(repeating: 20.37, count: 5000)).isEmpty)
    }

    @Test(arguments: seeds) func aGapIsNoAnomaly(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var bench = WatchBench()
        var alarms = 0
        var walk = 0.0
        for index in 0..<3000 {
            walk += SeriesKind.gaussian(&generator)
            if index > 1000, index % 200 == 0 {
                // Away for fifty readings, in which it walked on.
                bench.time = bench.time.advanced(byMicroseconds: 50 * 300_000_000)
                for _ in 0..<50 { walk += SeriesKind.gaussian(&generator) }
            }
            let found = bench.feed(walk)
            if index > 1000, found.raw > 1, index % 200 < 3 {
                if case .unseen = found.reason { continue }
                alarms += 1
            }
        }
        #expect(alarms == 0)
    }

    @Test func irregularTimesChangeLittle() {
        var generator = SeededGenerator(seed: 8)
        var bench = WatchBench()
        var (rows, alarms) = (0, 0)
        for index in 0..<12_000 {
            bench.interval = Int64(60 + generator.draw(below: 600))
            let found = bench.feed(10 * sin(bench.phase) + 0.5 * SeriesKind.gaussian(&generator))
            guard index >= 1000 else { continue }
            rows += 1
            if found.raw > 1 { alarms += 1 }
        }
        #expect(Double(alarms) <= 0.001 * Double(rows), "\(alarms) of \(rows)")
    }

    @Test func lateReadingsAreJudgedAndMoveNothing() {
        var generator = SeededGenerator(seed: 6)
        var bench = WatchBench()
        for _ in 0..<1000 { _ = bench.feed(20 + generator.drawUnit()) }
        let before = bench.watch
        #expect(bench.watch.finding(of: 30, at: DetectorBench.start).raw > 1)
        #expect(bench.watch.finding(of: 20.5, at: DetectorBench.start).raw < 1)
        #expect(bench.watch == before)
    }

    @Test func aSmallerBudgetAlarmsLess() {
        var generator = SeededGenerator(seed: 7)
        var bench = WatchBench()
        for _ in 0..<1000 { _ = bench.feed(20 + generator.drawUnit()) }
        let time = bench.time.advanced(byMicroseconds: 300_000_000)
        let raws = [1e-2, 1e-3, 1e-4, 1e-6].map { bench.watch.finding(of: 21.05, at: time, budget: $0).raw }
        #expect(raws == raws.sorted(by: >))
        #expect(raws[0] > raws[3])
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func anyReadingAtAnyTimeIsTakenAndTheBytesAreTheState(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var watch = SeriesWatch()
        #expect(SeriesWatch(decoding: watch.encoded()) == watch)
        for index in 0..<3000 {
            let value =
                index % 3 == 0 ? Double(bitPattern: generator.next()) : 1e30 * (generator.drawUnit() - 0.5)
            let time = Instant(microseconds: Int64(bitPattern: generator.next()))
            let found = watch.take(value, at: time)
            #expect(found.raw >= 0 && found.raw.isFinite)
            #expect(found.raw == 0 || found.reason?.description.isEmpty == false)
            guard index % 50 == 0 else { continue }
            let bytes = watch.encoded()
            #expect(bytes.count == watch.encodedCount)
            #expect(SeriesWatch(decoding: bytes) == watch)
        }
    }

    @Test func theStateIsSmall() {
        #expect(DetectorState.encodedCountMax <= 4096)
        #expect(MemoryLayout<DetectorState>.size <= 640)
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func brokenBytesAreRefusedOrHarmless(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var bench = WatchBench()
        for _ in 0..<700 { _ = bench.feed(20 + generator.drawUnit()) }
        let bytes = bench.watch.encoded()
        for count in 0..<bytes.count { #expect(SeriesWatch(decoding: bytes.prefix(count)) == nil) }
        #expect(SeriesWatch(decoding: bytes + [0]) == nil)
        for _ in 0..<500 {
            var broken = bytes
            for _ in 0...generator.draw(below: 8) {
                broken[generator.draw(below: broken.count)] = UInt8(truncatingIfNeeded: generator.next())
            }
            guard var watch = SeriesWatch(decoding: broken) else { continue }
            for _ in 0..<20 {
                bench.time = bench.time.advanced(byMicroseconds: 300_000_000)
                let raw = watch.take(20 + generator.drawUnit(), at: bench.time).raw
                #expect(raw >= 0 && raw.isFinite)
            }
        }
    }

    /// A number that is all but 0 is no count: what is divided by it is no number, and stays none for ever.
    @Test(arguments: [.leastNonzeroMagnitude, 1e-200, 0.5] as [Double])
    func whatIsReadWithATinyNumberGoesOn(tiny: Double) {
        var bench = WatchBench()
        for value in [20.0, 21, 19] { _ = bench.feed(value) }
        let bytes = bench.watch.encoded()
        for place in stride(from: 1, to: bytes.count - 8, by: 8) {
            var changed = bytes
            withUnsafeBytes(of: tiny.bitPattern.littleEndian) { changed.replaceSubrange(place..<place + 8, with: $0) }
            guard var watch = SeriesWatch(decoding: changed) else { continue }
            for _ in 0..<3 { _ = watch.take(20, at: bench.time.advanced(byMicroseconds: 300_000_000)) }
            #expect(SeriesWatch(decoding: watch.encoded()) == watch, "the number at \(place)")
        }
    }
}
