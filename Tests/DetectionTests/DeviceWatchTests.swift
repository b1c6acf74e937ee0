import Foundation
import Telemetry
import Testing

@testable import Detection

/// A device of several metrics, a row each five minutes.
struct DeviceBench {
    enum Life: CaseIterable { case gaussian, walk, walkWithSeason, season }

    var generator: SeededGenerator
    let width: Int
    var time = DetectorBench.start
    private var levels: [Double]
    private let phases: [Double]

    init(width: Int, seed: UInt64) {
        generator = SeededGenerator(seed: seed)
        self.width = width
        levels = .init(repeating: 20, count: width)
        phases = (0..<width).map { 0.3 * Double($0) }
    }

    var metrics: [Metric] { (0..<width).map { Metric(unchecked: "m\($0)") } }

    mutating func row(_ life: Life) -> [Double] {
        time = time.advanced(byMicroseconds: 300_000_000)
        let day = 2 * .pi * Double(time.microseconds / 1_000_000 % 86_400) / 86_400
        return (0..<width).map { channel in
            let noise = SeriesKind.gaussian(&generator)
            let season = 5 * sin(day + phases[channel])
            switch life {
            case .gaussian: return 20 + noise
            case .season: return 20 + season + 0.3 * noise
            case .walk, .walkWithSeason:
                levels[channel] += 0.3 * noise
                return levels[channel] + (life == .walk ? 0 : season)
            }
        }
    }

    /// All channels share a pulse: correlations of 0.9.
    mutating func pulse() -> [Double] {
        time = time.advanced(byMicroseconds: 300_000_000)
        let shared = SeriesKind.gaussian(&generator)
        return (0..<width).map { _ in 0.9.squareRoot() * shared + 0.1.squareRoot() * SeriesKind.gaussian(&generator) }
    }

    mutating func fit(_ count: Int = DeviceWatch.rowsCount, _ row: (inout DeviceBench) -> [Double]) -> DeviceWatch? {
        var (rows, times): ([Double], [Instant]) = ([], [])
        for _ in 0..<count {
            rows += row(&self)
            times.append(time)
        }
        return DeviceWatch(fit: rows, metrics: metrics, times: times)
    }
}

@Suite struct DeviceWatchTests {
    static let seeds: [UInt64] = [1, 2, 3, 4]

    @Test(arguments: DeviceBench.Life.allCases, [1, 3, 8]) func cleanRowsAreWithinTheBudget(
        life: DeviceBench.Life, width: Int
    ) throws {
        var (rows, alarms) = (0, 0)
        for seed in Self.seeds {
            var bench = DeviceBench(width: width, seed: seed)
            var watch = try #require(bench.fit { $0.row(life) })
            for _ in 0..<5000 {
                let row = bench.row(life)
                let found = watch.assess(row, at: bench.time)
                rows += 1
                if found.raw > 1 { alarms += 1 }
            }
        }
        #expect(Double(alarms) <= 0.001 * Double(rows), "\(alarms) of \(rows)")
    }

    @Test(arguments: seeds) func unitsDoNotMatter(seed: UInt64) throws {
        var (plain, other) = (DeviceBench(width: 4, seed: seed), DeviceBench(width: 4, seed: seed))
        func inOtherUnits(_ row: [Double]) -> [Double] {
            [row[0] * 1.8 + 32, row[1] * -1000, row[2] / 1e6, row[3] + 273.15]
        }
        var watch = try #require(plain.fit { $0.pulse() })
        var otherWatch = try #require(other.fit { inOtherUnits($0.pulse()) })
        for index in 0..<500 {
            var row = plain.pulse()
            if index > 200 { row[1] += 3 }
            let (found, same) = (
                watch.assess(row, at: plain.time), otherWatch.assess(inOtherUnits(row), at: plain.time)
            )
            #expect(abs(found.raw - same.raw) < 1e-6 * (1 + found.raw))
        }
    }

    @Test(arguments: seeds) func theOrderOfMetricsDoesNotMatter(seed: UInt64) throws {
        let order = [2, 0, 3, 1]
        var (plain, other) = (DeviceBench(width: 4, seed: seed), DeviceBench(width: 4, seed: seed))
        func reordered(_ row: [Double]) -> [Double] { order.map { row[$0] } }
        var watch = try #require(plain.fit { $0.row(.gaussian) })
        var (rows, times): ([Double], [Instant]) = ([], [])
        for _ in 0..<DeviceWatch.rowsCount {
            rows += reordered(other.row(.gaussian))
            times.append(other.time)
        }
        var otherWatch = try #require(
            DeviceWatch(fit: rows, metrics: order.map { plain.metrics[$0] }, times: times))
        for index in 0..<500 {
            var row = plain.row(.gaussian)
            if index > 200 { row[1] += 4 }
            let (found, same) = (watch.assess(row, at: plain.time), otherWatch.assess(reordered(row), at: plain.time))
            #expect(abs(found.raw - same.raw) < 1e-6 * (1 + found.raw))
            if index > 400 { #expect(found.reason == same.reason) }
        }
    }

    @Test(arguments: seeds) func aShiftThatNoRowShowsIsFoundAndNamed(seed: UInt64) throws {
        var bench = DeviceBench(width: 5, seed: seed)
        var watch = try #require(bench.fit { $0.row(.gaussian) })
        var first: (row: Int, finding: DeviceWatch.Finding)?
        for index in 0..<400 {
            var row = bench.row(.gaussian)
            row[3] -= 2.5
            let found = watch.assess(row, at: bench.time)
            if found.raw > 1, first == nil { first = (index, found) }
        }
        let found = try #require(first)
        #expect(found.row < 80)
        guard case .offLevel(let metric, let deviations) = found.finding.reason else {
            Issue.record("\(String(describing: found.finding.reason))")
            return
        }
        #expect(metric.text == "m3" && deviations < -0.5)
    }

    /// Each channel keeps its level, its size and its distribution.
    @Test(arguments: seeds) func metricsThatNoLongerGoTogetherDisagree(seed: UInt64) throws {
        var bench = DeviceBench(width: 3, seed: seed)
        var watch = try #require(bench.fit { $0.pulse() })
        var alarms: [AnomalyReason] = []
        for _ in 0..<200 {
            var row = bench.pulse()
            row[1] = -row[1]
            let found = watch.assess(row, at: bench.time)
            if let reason = found.reason { alarms.append(reason) }
        }
        #expect(alarms.count > 50)
        let named = alarms.count { reason in
            guard case .disagreement(let first, let second) = reason else { return false }
            return first.text == "m1" || second.text == "m1"
        }
        #expect(named * 2 > alarms.count, "\(named) of \(alarms.count)")
    }

    @Test(arguments: seeds) func aBrokenChannelAlarmsAtOnceAndIsNamed(seed: UInt64) throws {
        var bench = DeviceBench(width: 4, seed: seed)
        var watch = try #require(bench.fit { $0.row(.walk) })
        var row = bench.row(.walk)
        row[2] += 100
        let found = watch.assess(row, at: bench.time)
        #expect(found.raw > 1)
        #expect(found.reason?.description.contains("m2") == true, "\(String(describing: found.reason))")
    }

    @Test(arguments: seeds) func constantAndCopiedChannelsDoNoHarm(seed: UInt64) throws {
        var bench = DeviceBench(width: 4, seed: seed)
        func row(_ bench: inout DeviceBench) -> [Double] {
            let row = bench.row(.gaussian)
            return [row[0], row[0], 7, row[3]]
        }
        var watch = try #require(bench.fit { row(&$0) })
        var alarms = 0
        for _ in 0..<3000 {
            let found = watch.assess(row(&bench), at: bench.time)
            if found.raw > 1 { alarms += 1 }
        }
        #expect(alarms <= 3)
        var moved = row(&bench)
        moved[2] = 8
        #expect(watch.finding(of: moved, at: bench.time).raw < 1, "its own series watches it")
        var same = DeviceBench(width: 3, seed: seed)
        #expect(same.fit { _ in [1, 2, 3] } == nil)
    }

    @Test(arguments: seeds) func whatIsAbsentSaysNothing(seed: UInt64) throws {
        var bench = DeviceBench(width: 4, seed: seed)
        func row(_ bench: inout DeviceBench, share: Int) -> [Double] {
            let (row, missing) = (bench.row(.walk), bench.generator.draw(below: 4 * share))
            return row.indices.map { $0 == missing ? [.nan, .infinity, -.infinity][missing % 3] : row[$0] }
        }
        var watch = try #require(bench.fit { row(&$0, share: 2) })
        var alarms = 0
        for _ in 0..<3000 {
            let found = watch.assess(row(&bench, share: 1), at: bench.time)
            if found.raw > 1 { alarms += 1 }
        }
        #expect(alarms <= 3)
        for _ in 0..<100 {
            bench.time = bench.time.advanced(byMicroseconds: 300_000_000)
            let found = watch.assess(.init(repeating: .nan, count: 4), at: bench.time)
            #expect(found.raw < 1)
        }
    }

    @Test(arguments: seeds) func aGapIsNoAnomaly(seed: UInt64) throws {
        var bench = DeviceBench(width: 3, seed: seed)
        var watch = try #require(bench.fit { $0.row(.walk) })
        var alarms = 0
        for _ in 0..<100 {
            for _ in 0..<(5 + bench.generator.draw(below: 50)) { _ = bench.row(.walk) }
            let found = watch.assess(bench.row(.walk), at: bench.time)
            if found.raw > 1 { alarms += 1 }
        }
        #expect(alarms == 0)
    }

    @Test(arguments: seeds) func whatLastsIsTheNewNormal(seed: UInt64) throws {
        var bench = DeviceBench(width: 4, seed: seed)
        var watch = try #require(bench.fit { $0.row(.gaussian) })
        var alarms: [Int] = []
        for index in 0..<3000 {
            let row = bench.row(.gaussian).map { $0 + 6 }
            if watch.assess(row, at: bench.time).raw > 1 { alarms.append(index) }
        }
        #expect(alarms.first.map { $0 < 20 } == true)
        let count = Int(DeviceWatch.acceptCount)
        #expect((count...count + 50).contains(alarms.count), "\(alarms.count)")
        #expect(alarms.allSatisfy { $0 < count + 100 }, "\(alarms.max() ?? 0)")
    }

    @Test func lateRowsMoveNothing() throws {
        var bench = DeviceBench(width: 3, seed: 9)
        let watch = try #require(bench.fit { $0.row(.gaussian) })
        let copy = watch
        #expect(watch.finding(of: [90, 20, 20], at: DetectorBench.start).raw > 1)
        #expect(watch.finding(of: [20, 20, 20], at: DetectorBench.start).raw < 1)
        #expect(watch == copy)
    }

    @Test func aSmallerBudgetAlarmsLess() throws {
        var raws: [Double] = []
        for budget in [1e-2, 1e-4, 1e-6] {
            var bench = DeviceBench(width: 3, seed: 9)
            let rows = (0..<400).flatMap { _ in bench.row(.gaussian) }
            let times = (0..<400).map { DetectorBench.start.advanced(byMicroseconds: 300_000_000 * $0) }
            let watch = try #require(DeviceWatch(fit: rows, metrics: bench.metrics, times: times, budget: budget))
            raws.append(watch.finding(of: [26, 20, 20], at: bench.time).raw)
        }
        #expect(raws == raws.sorted(by: >) && raws[0] > raws[2])
    }

    @Test func whatCannotBeLearnedIsRefused() {
        let times = (0..<400).map { DetectorBench.start.advanced(byMicroseconds: $0) }
        let metrics = [Metric(unchecked: "a")]
        let rows = (0..<400).map { Double($0 % 7) }
        #expect(DeviceWatch(fit: rows, metrics: metrics, times: times) != nil)
        #expect(DeviceWatch(fit: rows, metrics: [], times: times) == nil)
        #expect(DeviceWatch(fit: rows, metrics: metrics, times: Array(times.prefix(399))) == nil)
        #expect(DeviceWatch(fit: Array(rows.prefix(99)), metrics: metrics, times: Array(times.prefix(99))) == nil)
        let many = (0...DeviceWatch.metricsCountMax).map { Metric(unchecked: "m\($0)") }
        let wide = rows.flatMap { value in many.map { _ in value } }
        #expect(DeviceWatch(fit: wide, metrics: many, times: times) == nil)
        #expect(DeviceWatch(fit: .init(repeating: .nan, count: 400), metrics: metrics, times: times) == nil)
    }
}
