import Ports
import Telemetry
import Testing

extension ConformanceCase {
    static let silences: [ConformanceCase] = [
        .init("a silence begins and ends once", silenceOnce),
        .init("silences of unknown series, and unknown ends, are left out", unknownSilences),
        .init("silences that touch a range are told, the latest first", silencesChosen),
        .init("many silences go in one call", manySilences),
        .init("the silences of a deleted device go with it", silencesDeleted),
    ]

    private static func silence(_ series: Series, _ start: Int64, _ end: Int64? = nil, value: Double = 1) -> Silence {
        Silence(
            series: series, start: Make.time(start), noticed: Make.time(start + 5), end: end.map(Make.time),
            value: value, usualInterval: 1_000_000)
    }

    private static func all(_ store: any Store) async throws -> [Silence] {
        try await store.silences(AnomalyQuery(from: .distantPast, to: .distantFuture, limit: 10_000))
    }

    private static func silenceOnce(_ store: any Store) async throws {
        let series = Make.series("d")
        try await store.append([Make.reading(series, 0)])
        let begun = silence(series, 10, value: 1 / 3)
        let end = SilenceEnd(series: series, start: Make.time(10), end: Make.time(30))
        for _ in 0..<2 {
            try await store.note([begun, begun], ended: [])
            #expect(try await all(store) == [begun])
        }
        // Another owner notices later: the first word counts.
        try await store.note([silence(series, 10, value: 2)], ended: [])
        #expect(try await all(store) == [begun])
        let over = silence(series, 10, 30, value: 1 / 3)
        for _ in 0..<2 {
            try await store.note([begun], ended: [end, end])
            #expect(try await all(store) == [over])
        }
        try await store.note([], ended: [SilenceEnd(series: series, start: Make.time(10), end: Make.time(40))])
        #expect(try await all(store) == [over])
        // Both in one call, in either form; of several ends the first.
        let ends = [50, 45, 47].map { SilenceEnd(series: series, start: Make.time(40), end: Make.time($0)) }
        try await store.note([silence(series, 40), silence(series, 60, 70)], ended: ends)
        #expect(try await all(store) == [silence(series, 60, 70), silence(series, 40, 45), over])
        try await store.note([], ended: [])
    }

    private static func unknownSilences(_ store: any Store) async throws {
        let series = Make.series("d")
        let stranger = Make.series("d", "other")
        try await store.append([Make.reading(series, 0)])
        let ends = [series, stranger, Make.series("e")].map {
            SilenceEnd(series: $0, start: Make.time(99), end: Make.time(100))
        }
        let good = silence(series, 10)
        let unknown = try await store.note(
            [silence(stranger, 10), good, silence(Make.series("e"), 10), silence(series, 11, value: .nan)], ended: ends)
        #expect(Set(unknown) == [stranger, Make.series("e")] && unknown.count == 2)
        #expect(try await all(store) == [good])
        #expect(try await store.device(DeviceID(unchecked: "e")) == nil)
    }

    private static func silencesChosen(_ store: any Store) async throws {
        let series = [Make.series("a", "t"), Make.series("a", "u"), Make.series("b", "t")]
        try await store.append(series.map { Make.reading($0, 0) })
        // Starts are different, so that the order is one.
        let rows = series.enumerated().flatMap { number, one in
            [(0, 10), (20, 25), (40, nil), (50, 100)].map { start, end in
                silence(one, Int64(start * 10 + number), (end as Int64?).map { $0 * 10 })
            }
        }
        try await store.note(rows, ended: [])
        for (from, to) in [(0, 2_000), (100, 101), (101, 200), (200, 250), (251, 400), (399, 403), (600, 601), (0, 1)] {
            for device in [nil, "a", "b", "nobody"] {
                for metric in [nil, "t", "u"] {
                    for limit in [0, 1, 3, 100] {
                        let query = AnomalyQuery(
                            from: Make.time(Int64(from)), to: Make.time(Int64(to)),
                            device: device.map(DeviceID.init(unchecked:)), metric: metric.map(Metric.init(unchecked:)),
                            limit: limit)
                        let expected = rows.filter { row in
                            (device.map { row.series.device.text == $0 } ?? true)
                                && (metric.map { row.series.metric.text == $0 } ?? true)
                                && row.start < query.to && (row.end.map { $0 >= query.from } ?? true)
                        }
                        .sorted { $0.start > $1.start }
                        #expect(try await store.silences(query) == Array(expected.prefix(limit)), "\(query)")
                    }
                }
            }
        }
        let backwards = AnomalyQuery(from: Make.time(300), to: Make.time(200), limit: 10)
        #expect(try await store.silences(backwards).isEmpty)
    }

    private static func manySilences(_ store: any Store) async throws {
        let series = (0..<4_500).map { Make.series("d\($0)") }
        try await store.append(series.map { Make.reading($0, 0) })
        let ends = series.map { SilenceEnd(series: $0, start: Make.time(10), end: Make.time(20)) }
        try await store.note(series.map { silence($0, 10) }, ended: ends)
        let found = try await all(store)
        #expect(found.count == 4_500 && found.allSatisfy { $0.end == Make.time(20) })
    }

    private static func silencesDeleted(_ store: any Store) async throws {
        let gone = Make.series("gone")
        let kept = Make.series("kept")
        try await store.append([Make.reading(gone, 0), Make.reading(kept, 0)])
        try await store.note([silence(gone, 1), silence(kept, 1)], ended: [])
        _ = try await store.delete(gone.device)
        #expect(try await all(store) == [silence(kept, 1)])
        try await store.append([Make.reading(gone, 0)], receivedAt: .distantFuture)
        #expect(try await all(store) == [silence(kept, 1)])
    }
}
