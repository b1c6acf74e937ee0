import Ports
import Telemetry
import Testing

extension ConformanceCase {
    static let commits: [ConformanceCase] = [
        .init("a log's row is made once", madeOnce),
        .init("values come back bit for bit", bitForBit),
        .init("a repeated commit is a conflict and changes nothing", repeated),
        .init("a commit that overlaps or leaves a gap is a conflict", overlapping),
        .init("a commit of an unknown log is a conflict without a row", unknownLog),
        .init("an empty commit moves nothing but its counters", emptyCommit),
        .init("a commit that does not add up is refused whole", notAddingUp),
    ]

    private static func madeOnce(_ store: any ReadingStore) async throws {
        let log = Make.log(1)
        #expect(try await store.checkpoint(of: log) == nil)
        let fresh = try await store.register(log)
        #expect(fresh == Checkpoint(log: log, node: "n0", writer: Make.writer))
        let committed = try await store.append([Make.reading(Make.series("d"), 0)])
        #expect(try await store.register(log) == committed)
        #expect(try await store.checkpoint(of: log) == committed)
        let other = try await store.register(Make.log(2), node: "n1")
        #expect(Set(try await store.checkpoints()) == [committed, other])
    }

    private static func bitForBit(_ store: any ReadingStore) async throws {
        let values: [Double] = [
            0, 1, -1, 21.5, 0.1, 1 / 3, .pi, .leastNonzeroMagnitude, -Double.leastNonzeroMagnitude,
            .leastNormalMagnitude, .greatestFiniteMagnitude,
            -.greatestFiniteMagnitude, 0x1p47, 0x1p53, 0x1p63, -0x1p63, 1e22, 9_007_199_254_740_991, 1e-300,
        ]
        let scores: [Double] = [0, 1, 0.5, 0.1, 1 / 3, .leastNonzeroMagnitude]
        let results = ScoreResult.allCases
        let series = Make.series("exact")
        let readings = values.enumerated().map { Make.reading(series, Int64($0.offset), $0.element) }
        let verdicts = values.indices.map {
            Make.verdict(results[$0 % results.count], score: scores[$0 % scores.count])
        }
        try await store.append(readings, verdicts: verdicts)
        let points = try await store.wholeHistory(of: series)
        #expect(points.map(\.value.bitPattern) == values.map(\.bitPattern))
        #expect(points.map(\.score.bitPattern) == verdicts.map(\.score.bitPattern))
        #expect(points.map(\.result) == verdicts.map(\.result))
        #expect(points.map(\.time) == readings.map(\.time))
    }

    private static func repeated(_ store: any ReadingStore) async throws {
        let series = Make.series("d")
        let log = Make.log(1)
        try await store.register(log)
        let transaction = Make.transaction(log, Make.readings(series, 0..<10))
        let row = try await store.commit(transaction)
        #expect(row.stored == 10)
        #expect(row.position == LogPosition(10))
        #expect(row.accepted == LogPosition(10))
        #expect(try await code { _ = try await store.commit(transaction) } == .conflict(row))
        #expect(try await store.checkpoint(of: log) == row)
        #expect(try await store.wholeHistory(of: series).count == 10)
        #expect(try await store.device(series.device)?.readings == 10)
    }

    private static func overlapping(_ store: any ReadingStore) async throws {
        let series = Make.series("d")
        let row = try await store.append(Make.readings(series, 0..<10))
        for start in [5, 11, UInt64.max / 2] {
            let transaction = Make.transaction(row.log, at: LogPosition(start), Make.readings(series, 100..<110))
            #expect(try await code { _ = try await store.commit(transaction) } == .conflict(row))
        }
        #expect(try await store.wholeHistory(of: series).count == 10)
        #expect(try await store.append(Make.readings(series, 10..<12)).stored == 12)
    }

    private static func unknownLog(_ store: any ReadingStore) async throws {
        let series = Make.series("d")
        let transaction = Make.transaction(Make.log(9), Make.readings(series, 0..<3))
        #expect(try await code { _ = try await store.commit(transaction) } == .conflict(nil))
        #expect(try await store.historyIfKnown(of: series) == nil)
        #expect(try await store.device(series.device) == nil)
    }

    private static func emptyCommit(_ store: any ReadingStore) async throws {
        let log = Make.log(1)
        try await store.register(log)
        let accepted = StoreTransaction(
            log: log, writer: Make.writer, start: .start, end: .start, batches: [], damaged: 0,
            accepted: LogPosition(40))
        #expect(
            try await store.commit(accepted)
                == Checkpoint(log: log, node: "n0", writer: Make.writer, accepted: LogPosition(40)))
        let hole = StoreTransaction(
            log: log, writer: Make.writer, start: .start, end: LogPosition(7), batches: [], damaged: 7,
            accepted: LogPosition(40))
        let row = try await store.commit(hole)
        #expect(row.damaged == 7)
        #expect(row.isBalanced)
    }

    private static func notAddingUp(_ store: any ReadingStore) async throws {
        let log = Make.log(1)
        let series = Make.series("d")
        let row = try await store.register(log)
        let whole = Make.transaction(log, Make.readings(series, 0..<3))
        for (end, damaged) in [(2, 0), (4, 0), (3, 1), (0, UInt64.max)] {
            let wrong = StoreTransaction(
                log: log, writer: Make.writer, start: .start, end: LogPosition(UInt64(end)), batches: whole.batches,
                damaged: damaged,
                accepted: whole.accepted)
            #expect(try await code { _ = try await store.commit(wrong) } == .unusable)
        }
        #expect(try await store.checkpoint(of: log) == row)
        #expect(try await store.historyIfKnown(of: series) == nil)
    }
}
