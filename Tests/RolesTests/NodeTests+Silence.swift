import Ports
import Roles
import Synchronization
import Telemetry
import Testing

/// Silences from the outside. They take as long as the shortest silence, ten seconds.
extension NodeTests {
    @Test func aMetricThatStopsIsToldEverywhereAndSoIsItsEnd() async throws {
        let store = MemoryStore()
        try await withNode(store: store) { node in
            let listener = Listener()
            node.subscribe(listener)
            for value in 0..<5 { try await Self.say(["humidity", "temperature"], Double(value), to: node) }
            let last = try #require(await Self.metric("temperature", at: node)).time
            try await until {
                try await Self.say(["humidity"], 40, to: node)
                return !listener.heard.episodes.isEmpty
            }
            let begun = try #require(listener.heard.episodes.first)
            #expect(begun.id == "device-0/temperature/silence/\(last.microseconds)")
            #expect(begun.kind == .silence && begun.start == last && begun.end == nil && begun.value == 4)
            #expect(listener.heard.silent.map(\.metric.metric.text) == ["temperature"])
            let device = try #require(await node.latest(Self.all).devices.first)
            #expect(!device.isSilent)
            #expect(device.metrics.map(\.isSilent) == [false, true])

            try await until {
                try await Self.say(["humidity"], 40, to: node)
                return try await !node.anomalies(Self.always).isEmpty
            }
            let stored = try await node.anomalies(Self.always)
            #expect(stored.map(\.id) == [begun.id] && stored.map(\.end) == [nil])
            var other = Self.always
            other.metric = Metric(unchecked: "humidity")
            #expect(try await node.anomalies(other).isEmpty)

            try await Self.say(["humidity", "temperature"], 40, to: node)
            let again = try #require(await Self.metric("temperature", at: node)).time
            try await until { listener.heard.episodes.contains { $0.end != nil } }
            #expect(listener.heard.episodes.map(\.id) == [begun.id, begun.id])
            #expect(listener.heard.episodes.last?.end == again)
            try await until { try await node.anomalies(Self.always).first?.end == again }
            #expect(await Self.metric("temperature", at: node)?.isSilent == false)
        }
        #expect(store.content.withLock { $0.silences.values.map(\.count) } == [1])
    }

    @Test func aRestartAfterMinutesIsNoSilenceOfThoseThatComeBack() async throws {
        let store = MemoryStore()
        let folder = try TemporaryFolder()
        try await withNode(store: store, folder: folder) { node in
            try await Self.say(["humidity", "temperature"], 1, to: node)
        }
        store.content.withLock { content in content.latest = content.latest.mapValues(Self.fiveMinutesAgo) }
        try await withNode(store: store, folder: folder) { node in
            let known = try #require(await node.latest(Self.all).devices.first)
            #expect(known.isSilent && known.metrics.count == 2)
            try await until {
                try await Self.say(["humidity"], 1, to: node)
                return !store.content.withLock { $0.silences.isEmpty }
            }
        }
        let silences = store.content.withLock { $0.silences }
        #expect(silences.keys.map(\.metric.text) == ["temperature"], "of those that did not come back, it is")
        let silence = try #require(silences.values.first?.first)
        #expect(silence.noticed.microseconds(since: silence.start) > 310_000_000)
    }

    private static func fiveMinutesAgo(_ row: LatestRow) -> LatestRow {
        LatestRow(
            series: row.series, time: row.time.advanced(byMicroseconds: -300_000_000), value: row.value,
            verdict: row.verdict, lastHeard: row.lastHeard.advanced(byMicroseconds: -300_000_000),
            usualInterval: 1_000_000, state: row.state)
    }

    private static let always = AnomalyQuery(from: .epoch, to: .distantFuture, limit: 10)

    private static func metric(_ name: String, at node: Node) async -> LatestMetric? {
        await node.latest(all).devices.first?.metrics.first { $0.metric.text == name }
    }

    /// Now; and `latest` shows it.
    private static func say(_ metrics: [String], _ value: Double, to node: Node) async throws {
        let now = node.receiptTime()
        let device = DeviceID(unchecked: "device-0")
        try await node.accept(
            ReadingBatch(
                receivedAt: now,
                readings: metrics.map { metric in
                    Reading(
                        series: Series(device: device, metric: Metric(unchecked: metric)), time: now, value: value)
                }))
        while await metric(metrics[0], at: node)?.time != now {
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    private final class Listener: LiveSink {
        struct Heard: Sendable {
            var episodes: [AnomalyEpisode] = []
            var silent: [LiveReading] = []
        }

        private let content = Mutex(Heard())
        var heard: Heard { content.withLock { $0 } }

        func take(_ batch: LiveBatch) -> Bool {
            content.withLock { heard in
                heard.episodes += batch.anomalies
                heard.silent += batch.readings.filter(\.metric.isSilent)
            }
            return true
        }
    }
}
