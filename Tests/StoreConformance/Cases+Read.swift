import Ports
import Telemetry
import Testing

extension ConformanceCase {
    static let histories: [ConformanceCase] = [
        .init("history pages add up to the whole, whatever their size", paging),
        .init("a range has its start and not its end", range),
        .init("a series that was never stored is unknown", unknownSeries),
    ]

    private static func paging(_ store: any ReadingStore) async throws {
        let series = Make.series("d")
        // Three values at some times, so that pages end between readings of one time.
        let readings = (0..<20).flatMap { second in
            (0..<(second % 3 + 1)).map { Make.reading(series, Int64(second), Double(-$0)) }
        }
        try await store.append(readings)
        try await store.append(Make.readings(Make.series("d", "other"), 0..<20))
        let whole = try await store.wholeHistory(of: series)
        #expect(whole.count == readings.count)
        for limit in [1, 2, 3, 7, 100] {
            var pages: [HistoryPoint] = []
            while true {
                let page = try await store.history(
                    of: series, from: .distantPast, to: .distantFuture, after: pages.last, limit: limit)
                #expect(page.count <= limit)
                pages += page
                if page.isEmpty { break }
            }
            #expect(pages == whole)
        }
    }

    private static func range(_ store: any ReadingStore) async throws {
        let series = Make.series("d")
        try await store.append(Make.readings(series, 0..<10))
        let ranges: [(from: Int64, to: Int64, expected: [Double])] = [
            (3, 6, [3, 4, 5]), (0, 1, [0]), (9, 100, [9]), (-5, 0, []), (10, 20, []), (5, 5, []), (6, 3, []),
        ]
        for range in ranges {
            let points = try await store.history(
                of: series, from: Make.time(range.from), to: Make.time(range.to), after: nil, limit: 100)
            #expect(points.map(\.value) == range.expected, "\(range)")
        }
        let none = try await store.history(of: series, from: .distantPast, to: .distantFuture, after: nil, limit: 0)
        #expect(none.isEmpty)
    }

    private static func unknownSeries(_ store: any ReadingStore) async throws {
        try await store.append(Make.readings(Make.series("d"), 0..<1))
        for series in [Make.series("d", "other"), Make.series("e"), Make.series("D")] {
            #expect(try await code { _ = try await store.wholeHistory(of: series) } == .unknownSeries)
            #expect(store.isReachable)
        }
    }

    static let devices: [ConformanceCase] = [
        .init("devices come in the order of their bytes", byteOrder),
        .init("a device knows its metrics and its readings", deviceRow),
    ]

    /// Two of them are one text to Unicode and two devices to us.
    private static func byteOrder(_ store: any ReadingStore) async throws {
        let names = ["Z", "a", "b", "\u{E9}", "e\u{301}", "e", "ﬁ", "fi", "デバイス", "🦜", "a b", "a%"]
        try await store.append(names.map { Make.reading(Make.series($0), 0) })
        let sorted = names.map { DeviceID(unchecked: $0) }.sorted()
        #expect(try await store.devices(after: nil, limit: 100).map(\.device) == sorted)
        var pages: [DeviceID] = []
        while true {
            let page = try await store.devices(after: pages.last, limit: 5)
            pages += page.map(\.device)
            if page.isEmpty { break }
        }
        #expect(pages == sorted)
        #expect(try await store.device(DeviceID(unchecked: "\u{E9}"))?.device.text.utf8.count == 2)
        #expect(try await store.wholeHistory(of: Make.series("e\u{301}")).count == 1)
    }

    private static func deviceRow(_ store: any ReadingStore) async throws {
        let metrics = ["b", "a", "B", "ä"]
        for (index, metric) in metrics.enumerated() {
            try await store.append(Make.readings(Make.series("d", metric), 0..<Int64(index + 1)))
        }
        let row = try #require(try await store.device(DeviceID(unchecked: "d")))
        #expect(row.metrics.map(\.text) == ["B", "a", "b", "ä"])
        #expect(row.readings == 10)
        #expect(!row.isHidden)
        #expect(try await store.devices(after: nil, limit: 2) == [row])
    }
}
