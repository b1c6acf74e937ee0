import HashRing
import Ports
import Telemetry
import Testing

extension ConformanceCase {
    static let latestRows: [ConformanceCase] = [
        .init("a latest row is replaced by none that is older", newestWins),
        .init("latest rows of unknown series are left out", unknownLatest),
        .init("latest rows come by slot, whole", bySlot),
        .init("a flush moves last_heard by the store's clock", heard),
        .init("many latest rows go in one call", manyLatest),
    ]

    private static func newestWins(_ store: any ReadingStore) async throws {
        let series = Make.series("d")
        try await store.append(Make.readings(series, 0..<3))
        let steps: [(seconds: Int64, value: Double, expected: Double)] = [
            (5, 1, 1), (4, 2, 1), (5, 3, 3), (6, 4, 4), (0, 5, 4),
        ]
        for step in steps {
            try await store.flush(latest: [Make.latest(series, step.seconds, step.value)])
            #expect(try await store.latest(in: [Slot(of: series.device)]).map(\.value) == [step.expected])
        }
    }

    private static func unknownLatest(_ store: any ReadingStore) async throws {
        let known = Make.series("d", "a")
        try await store.append(Make.readings(known, 0..<1))
        try await store.flush(latest: [
            Make.latest(Make.series("d", "b"), 1), Make.latest(known, 1), Make.latest(Make.series("e"), 1),
        ])
        #expect(try await store.latest(in: Make.allSlots).map(\.series) == [known])
        #expect(try await store.device(DeviceID(unchecked: "e")) == nil)
        try await store.flush(latest: [])
    }

    private static func bySlot(_ store: any ReadingStore) async throws {
        let rows = (0..<20).map(latestRow)
        try await store.append(rows.map { Reading(series: $0.series, time: $0.time, value: $0.value) })
        try await store.flush(latest: rows)
        #expect(Set(try await store.latest(in: Make.allSlots)) == Set(rows))
        for row in rows {
            let slot = Slot(of: row.series.device)
            let expected = rows.filter { Slot(of: $0.series.device) == slot }
            #expect(Set(try await store.latest(in: [slot, slot])) == Set(expected))
        }
        #expect(try await store.latest(in: []).isEmpty)
        let none = Make.allSlots.filter { slot in !rows.contains { Slot(of: $0.series.device) == slot } }
        #expect(try await store.latest(in: none).isEmpty)
    }

    private static func latestRow(_ number: Int) -> LatestRow {
        let verdict = Verdict(
            result: .anomaly, score: 0.75, model: ModelID(name: "forest", version: UInt32(number)),
            isLate: number % 2 == 0)
        let second = Int64(number)
        return LatestRow(
            series: Make.series("d\(number)", "m\(number % 3)"), time: Make.time(second), value: Double(number) / 3,
            verdict: verdict, lastHeard: Make.time(second + 1), usualInterval: second * 1_000,
            state: [UInt8](repeating: UInt8(number), count: number * 7))
    }

    private static func heard(_ store: any ReadingStore) async throws {
        let series = Make.series("d")
        try await store.append(Make.readings(series, 0..<1))
        let before = try #require(try await store.device(series.device))
        #expect(before.firstSeen <= before.lastHeard)
        // Older than the row there, and of a device whose clock is years off: it was heard all the same.
        try await store.flush(latest: [Make.latest(series, -400_000_000)])
        let after = try #require(try await store.device(series.device))
        #expect(after.lastHeard >= before.lastHeard)
        #expect(after.lastHeard > Make.time(-400_000_000))
        #expect(after.firstSeen == before.firstSeen)
    }

    private static func manyLatest(_ store: any ReadingStore) async throws {
        let series = (0..<4_500).map { Make.series("d\($0)") }
        try await store.append(series.map { Make.reading($0, 0) })
        try await store.flush(latest: series.map { Make.latest($0, 1) })
        #expect(try await store.latest(in: Make.allSlots).count == 4_500)
    }
}
