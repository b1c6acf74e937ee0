import Ports
import Telemetry
import Testing

extension ConformanceCase {
    static let anomalies: [ConformanceCase] = [
        .init("anomalies come newest first, each with the next normal reading", normalAfter),
        .init("anomalies are chosen by range, device, metric and limit", chosen),
        .init("anomalies keep their reasons", reasons),
    ]

    /// Results of readings one second apart, as letters: n normal, a anomaly, l learning, u unscored.
    private static func append(_ letters: String, _ series: Series, _ store: any ReadingStore) async throws {
        let verdicts = letters.map { letter -> Verdict in
            switch letter {
            case "n": Make.verdict(.normal)
            case "a": Make.verdict(.anomaly, score: 0.75)
            case "l": .learning
            default: .unscored
            }
        }
        let readings = Make.readings(series, 0..<Int64(verdicts.count))
        try await store.append(readings, verdicts: verdicts)
    }

    private static func normalAfter(_ store: any ReadingStore) async throws {
        let table: [(letters: String, expected: [(Int64, Int64?)])] = [
            ("nnn", []),
            ("a", [(0, nil)]),
            ("an", [(0, 1)]),
            ("naanna", [(5, nil), (2, 3), (1, 3)]),
            ("aulnaan", [(5, 6), (4, 6), (0, 3)]),
            ("aaul", [(1, nil), (0, nil)]),
        ]
        for (number, row) in table.enumerated() {
            let series = Make.series("d\(number)")
            try await append(row.letters, series, store)
            for metric in [nil, series.metric] {
                let query = AnomalyQuery(
                    from: .distantPast, to: .distantFuture, device: series.device, metric: metric, limit: 100)
                let found = try await store.anomalies(query)
                #expect(found.map(\.time) == row.expected.map { Make.time($0.0) }, "\(row.letters)")
                #expect(found.map(\.normalAfter) == row.expected.map { $0.1.map(Make.time) }, "\(row.letters)")
                #expect(found.allSatisfy { $0.series == series && $0.score == 0.75 })
                #expect(found.allSatisfy { $0.model == ModelID(name: "forest", version: 7) })
            }
        }
    }

    /// Stored at once, and beside readings that are there already.
    private static func reasons(_ store: any ReadingStore) async throws {
        let series = Make.series("d")
        let texts = [nil, "7.2 σ above its usual 14:00 value", "", "a 'quoted' \\ \"reason\"", nil]
        func verdict(_ reason: String?) -> Verdict {
            Verdict(
                result: .anomaly, score: 0.75, model: ModelID(name: "forest", version: 7), isLate: false, reason: reason
            )
        }
        try await store.append(Make.readings(series, 0..<3), verdicts: texts.prefix(3).map(verdict))
        try await store.append(Make.readings(series, 1..<5), verdicts: texts.dropFirst().map(verdict))
        let long = String(repeating: "σ", count: 100)
        try await store.append(
            Make.readings(series, 5..<2_000), verdicts: .init(repeating: verdict(long), count: 1_995))
        let query = AnomalyQuery(from: .distantPast, to: .distantFuture, limit: 5_000)
        for device in [nil, series.device] {
            var query = query
            query.device = device
            let found = try await store.anomalies(query)
            #expect(found.suffix(5).reversed().map { $0.reason ?? "" } == texts.map { $0 ?? "" })
            #expect(found.count == 2_000 && found.prefix(1_995).allSatisfy { $0.reason == long })
        }
    }

    private static func chosen(_ store: any ReadingStore) async throws {
        // Shifted by a half second, so that no two devices have an anomaly at one time.
        let one = Make.series("one", "a")
        let other = Make.series("one", "b")
        let third = Make.series("two", "a")
        for (index, series) in [one, other, third].enumerated() {
            let readings = (0..<10).map { second in
                let time = Make.time(Int64(second)).advanced(byMicroseconds: Int64(index) * 300_000)
                return Reading(series: series, time: time, value: Double(second))
            }
            try await store.append(readings, verdicts: .init(repeating: Make.verdict(.anomaly), count: 10))
        }
        func find(
            _ from: Int64 = 0, _ to: Int64 = 100, device: Series? = nil, metric: Series? = nil, limit: Int = 100
        ) async throws -> [AnomalyRow] {
            try await store.anomalies(
                AnomalyQuery(
                    from: Make.time(from), to: Make.time(to), device: device?.device, metric: metric?.metric,
                    limit: limit))
        }
        let all = try await find()
        #expect(all.count == 30)
        #expect(all.map(\.time) == all.map(\.time).sorted(by: >))
        #expect(try await find(limit: 7) == Array(all.prefix(7)))
        #expect(try await find(limit: 0).isEmpty)
        #expect(try await find(3, 5) == all.filter { $0.time >= Make.time(3) && $0.time < Make.time(5) })
        #expect(try await find(5, 3).isEmpty)
        #expect(try await find(device: one) == all.filter { $0.series.device == one.device })
        #expect(try await find(device: one, limit: 3) == Array(all.filter { $0.series.device == one.device }.prefix(3)))
        #expect(try await find(metric: one) == all.filter { $0.series.metric == one.metric })
        #expect(try await find(device: one, metric: other) == all.filter { $0.series == other })
        #expect(try await find(device: Make.series("nobody")).isEmpty)
    }
}
