import Ports
import PostgresStore
import ServerHarness
import Telemetry
import Testing

/// Outlines are readings as they are, and right at any moment.
@Suite(.enabled(if: Server.isInstalled, .init(rawValue: PostgresPrograms.advice))) struct OutlineTests {
    private static let series = Series(device: DeviceID(unchecked: "d"), metric: Metric(unchecked: "t"))
    private static let log = LogID(high: 1, low: 1)
    private static let writer = WriterID(7)
    private static let start = Instant(rfc3339: "2024-02-28T23:51:30Z") ?? .epoch
    private static let stretch: Int64 = 600_000_000

    private func withStore(_ body: (PostgresStore) async throws -> Void) async throws {
        let server = try Server.shared()
        let store = try Server.store(server.address(try server.database()))
        _ = try await store.prepare()
        _ = try await store.register(log: Self.log, node: "n0", by: Self.writer, replacing: nil)
        try await body(store)
        await store.close()
    }

    private func append(_ points: [HistoryPoint], to store: PostgresStore) async throws {
        let row = try #require(try await store.checkpoint(of: Self.log))
        var verdicts = VerdictBatch()
        for point in points {
            verdicts.append(
                Verdict(
                    result: point.result, score: point.score, model: ModelID(name: "forest", version: 1), isLate: false)
            )
        }
        let readings = points.map { Reading(series: Self.series, time: $0.time, value: $0.value) }
        let batch = ScoredBatch(
            position: row.position, readings: ReadingBatch(receivedAt: Self.start, readings: readings),
            verdicts: verdicts)
        _ = try await store.commit(
            StoreTransaction(
                log: Self.log, writer: Self.writer, start: row.position, end: batch.end, batches: [batch], damaged: 0,
                accepted: batch.end))
    }

    private func whole(_ store: PostgresStore, _ from: Instant, _ to: Instant) async throws -> [HistoryPoint] {
        try await store.history(of: Self.series, from: from, to: to, after: nil, limit: 100_000)
    }

    /// What the outline should be: of each whole stretch the first of the lowest and the first of the highest, every
    /// anomaly, and the ends of the range.
    private func expected(_ all: [HistoryPoint], _ from: Instant, _ to: Instant) -> [HistoryPoint] {
        // Where there are no readings there is no end to cut.
        let firstStretch = max(
            (max(0, from.microseconds) + Self.stretch - 1) / Self.stretch,
            (all.first?.time.microseconds ?? 0) / Self.stretch)
        let lastStretch = min(to.microseconds / Self.stretch, (all.last?.time.microseconds ?? 0) / Self.stretch + 1)
        let groups = Dictionary(grouping: all) { $0.time.microseconds / Self.stretch }
        var found: [HistoryPoint] = []
        for (stretch, points) in groups {
            guard stretch >= firstStretch, stretch < lastStretch else {
                found += points
                continue
            }
            let ordinary = points.filter { $0.result != .anomaly }
            let low = ordinary.min { ($0.value, $0.time) < ($1.value, $1.time) }
            let high = ordinary.min { (-$0.value, $0.time) < (-$1.value, $1.time) }
            found += points.filter { $0.result == .anomaly } + [low].compactMap(\.self)
            if let high, high.value != low?.value { found.append(high) }
        }
        return found.sorted { ($0.time, $0.value) < ($1.time, $1.value) }
    }

    private func points(seed: UInt64, count: Int) -> [HistoryPoint] {
        var random = SeededGenerator(seed: seed)
        var time = Self.start
        return (0..<count).map { _ in
            // Mostly some seconds, now and then an hour without any.
            time = time.advanced(
                byMicroseconds: random.draw(below: 200) == 0 ? 4_000_000_000 : 1 + Int64(random.draw(below: 60_000_000))
            )
            let result: ScoreResult = [.normal, .normal, .normal, .learning, .unscored][random.draw(below: 5)]
            let isAnomaly = random.draw(below: 50) == 0
            return HistoryPoint(
                time: time, value: Double(random.draw(below: 12)) - 6, score: Double(random.draw(below: 100)) / 100,
                result: isAnomaly ? .anomaly : result)
        }
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>) func theyAreTheExtremesOfEveryStretch(seed: UInt64) async throws {
        try await withStore { store in
            let all = points(seed: seed, count: 9_000)
            try await append(all, to: store)
            let end = (all.last?.time ?? .epoch).advanced(byMicroseconds: 1)
            let ranges = [
                (Self.start, end), (Instant.distantPast, Instant.distantFuture),
                (Self.start.advanced(byMicroseconds: 77_777_777_777), end.advanced(byMicroseconds: -88_888_888_888)),
            ]
            // Twice: made, then known.
            for (from, to) in ranges + ranges {
                let outline = try #require(
                    try await store.outline(of: Self.series, from: from, to: to, points: 300))
                let inside = try await whole(store, from, to)
                #expect(outline == expected(inside, from, to))
                #expect(outline.count < inside.count / 2)
            }
        }
    }

    /// Ones that come late, twice, or at a moment that had none.
    @Test func aLateReadingIsShownAtOnce() async throws {
        try await withStore { store in
            let all = points(seed: 9, count: 6_000)
            try await append(all, to: store)
            let end = (all.last?.time ?? .epoch).advanced(byMicroseconds: 1)
            for round in 0..<5 {
                _ = try await store.outline(of: Self.series, from: Self.start, to: end, points: 200)
                let late = (0..<20).map { index in
                    HistoryPoint(
                        time: Self.start.advanced(byMicroseconds: Int64(round * 20 + index) * 1_234_567_891),
                        value: index % 2 == 0 ? 50 : -50, score: 0.5, result: index % 5 == 0 ? .anomaly : .normal)
                }
                try await append(late.filter { $0.time < end } + all.prefix(3), to: store)
                let outline = try await store.outline(of: Self.series, from: Self.start, to: end, points: 200)
                #expect(outline == expected(try await whole(store, Self.start, end), Self.start, end))
            }
        }
    }

    @Test func manyAnomaliesAreThinnedToTheHighestScores() async throws {
        try await withStore { store in
            let all = points(seed: 5, count: 9_000)
            let noisy = all.enumerated().map { index, point in
                HistoryPoint(
                    time: point.time, value: point.value, score: point.score,
                    result: index % 3 == 0 ? .anomaly : point.result)
            }
            try await append(noisy, to: store)
            let outline = try #require(
                try await store.outline(of: Self.series, from: .distantPast, to: .distantFuture, points: 300))
            let peaks = outline.filter { $0.result == .anomaly }
            let groups = Dictionary(grouping: noisy.filter { $0.result == .anomaly }) {
                $0.time.microseconds / Self.stretch
            }
            #expect(peaks.count == groups.count)
            #expect(peaks.allSatisfy { $0.score == groups[$0.time.microseconds / Self.stretch]?.map(\.score).max() })
        }
    }

    @Test func whatIsShortOrNewIsReadAsItIs() async throws {
        try await withStore { store in
            let all = points(seed: 3, count: 2_000)
            try await append(all, to: store)
            let to = Self.start.advanced(byMicroseconds: 50 * Self.stretch)
            #expect(try await store.outline(of: Self.series, from: Self.start, to: to, points: 1_000) == nil)
            #expect(try await store.outline(of: Self.series, from: to, to: Self.start, points: 1) == nil)
            let never = Instant.distantFuture
            #expect(try await store.outline(of: Self.series, from: never, to: never, points: 1) == nil)
            let nobody = Series(device: DeviceID(unchecked: "e"), metric: Self.series.metric)
            await #expect {
                _ = try await store.outline(of: nobody, from: .distantPast, to: .distantFuture, points: 10)
            } throws: {
                ($0 as? StoreError)?.code == .unknownSeries
            }
        }
    }
}
