import DataPlane
import HashRing
import Ports
import Telemetry
import Testing

@testable import Roles

/// How long an answer of `/latest` may be kept, and that it is not kept longer.
@Suite struct LatestTests {
    private static let now = Instant(microseconds: 1_800_000_000_000_000)

    private static func state(heard microsecondsAgo: Int64, every interval: Int64) -> SeriesState {
        SeriesState(
            LatestRow(
                series: series("d"), time: now.advanced(byMicroseconds: -microsecondsAgo), value: 1, verdict: .learning,
                lastHeard: now.advanced(byMicroseconds: -microsecondsAgo), usualInterval: interval, state: []))
    }

    private static func series(_ device: String, _ metric: String = "t") -> Series {
        Series(device: DeviceID(unchecked: device), metric: Metric(unchecked: metric))
    }

    private static func rows(_ states: [Series: SeriesState], all: Bool = false) -> LatestBuilder.Rows {
        var query = LatestQuery()
        query.all = all
        return LatestBuilder(query: query, now: now, inactiveAfter: 60_000_000).rows(from: [states])
    }

    @Test(arguments: [
        // Silent after 10 s at least, hidden after 60; never kept longer than 5 s.
        (0 as Int64, false, 5_000_000 as Int64, 1), (7_000_000, false, 3_000_000, 1), (10_000_000, false, 0, 1),
        (10_000_001, false, 5_000_000, 1), (59_000_000, false, 1_000_000, 1), (60_000_001, false, 5_000_000, 0),
        (59_000_000, true, 5_000_000, 1), (9_999_999, true, 1, 1),
    ])
    func aRowIsRightUntilTimeAloneChangesIt(heard: Int64, all: Bool, validFor: Int64, count: Int) {
        let rows = Self.rows([Self.series("d"): Self.state(heard: heard, every: 1_000_000)], all: all)
        #expect(rows.validFor == validFor)
        #expect(rows.devices.count == count)
        #expect(rows.devices.allSatisfy { $0.isSilent == (heard > 10_000_000) })
    }

    /// Who was away for a while is told of what fell silent meanwhile, though nothing was heard of it.
    @Test(arguments: [(4_000_000 as Int64, 1), (2_000_001, 1), (2_000_000, 1), (1_999_999, 0)])
    func aSeriesChangesWhenItFallsSilent(ago: Int64, count: Int) {
        var query = LatestQuery()
        query.all = true
        query.since = Self.now.advanced(byMicroseconds: -ago)
        // Silent since two seconds.
        let states = [Self.series("d"): Self.state(heard: 12_000_000, every: 1_000_000)]
        let rows = LatestBuilder(query: query, now: Self.now, inactiveAfter: 60_000_000).rows(from: [states])
        #expect(rows.devices.count == count)
    }

    @Test func metricsOfADeviceAreTogetherAndInOrder() {
        var states: [Series: SeriesState] = [:]
        for device in ["b", "a", "aa"] {
            for metric in ["t", "h", "tt"] { states[Self.series(device, metric)] = Self.state(heard: 1, every: 1) }
        }
        let devices = Self.rows(states).devices
        #expect(devices.map(\.device.text) == ["a", "aa", "b"])
        #expect(devices.allSatisfy { $0.metrics.map(\.metric.text) == ["h", "t", "tt"] })
    }

    @Test func aPartIsForgottenInTimeAndTheOldestQuestionFirst() {
        var cache = LatestCache()
        let owner = Owner(name: "n0", incarnation: 1)
        let reply = LatestReply(devices: [], warm: SlotSet(), version: 7, validFor: 0)
        func entry(until time: Int64) -> LatestCache.Entry {
            LatestCache.Entry(
                parts: [owner: .init(reply: reply, validUntil: Moment(microseconds: time))],
                answer: LatestAnswer(devices: [], missing: []))
        }
        var queries: [LatestQuery] = []
        for limit in 1...3 {
            var query = LatestQuery()
            query.limit = limit
            queries.append(query)
            cache.keep(entry(until: 100), for: query)
        }
        #expect(cache.entry(for: queries[0], now: Moment(microseconds: 0)).parts.isEmpty)
        #expect(cache.entry(for: queries[2], now: Moment(microseconds: 99)).answer != nil)
        let late = cache.entry(for: queries[2], now: Moment(microseconds: 100))
        #expect(late.parts.isEmpty && late.answer == nil)
    }
}
