import HashRing
import Ports
import Telemetry
import Testing

/// Random calls on a store, and beside it a model of what a store is: a set of readings, and rows that add up.
struct RandomHistory {
    private let seed: UInt64
    private var generator: SeededGenerator
    private let series: [Series]
    private let logs: [LogID]
    private let writers: [WriterID]
    /// value bits by series and time
    private var readings: [Series: Set<Point>] = [:]
    private var rows: [LogID: Checkpoint] = [:]
    private var tombstones: [DeviceID: Instant] = [:]
    /// Transactions that were tried, to be tried again.
    private var tried: [StoreTransaction] = []
    private var now = Make.receivedAt

    private struct Point: Hashable {
        let time: Int64
        let value: Double
    }

    init(seed: UInt64) {
        self.seed = seed
        generator = SeededGenerator(seed: seed)
        series = (0..<6).map { Make.series("s\(seed)-\($0 / 2)", "m\($0 % 2)") }
        logs = (0..<3).map { LogID(high: seed, low: $0) }
        writers = (0..<3).map { WriterID(~$0) }
    }

    mutating func step(on stores: [any ReadingStore]) async throws {
        let store = stores[generator.draw(below: stores.count)]
        switch generator.draw(below: 12) {
        case 10: try await claim(store)
        case 11: try await replace(store)
        case 0: try await delete(store)
        case 1 where !tried.isEmpty: try await commit(tried[generator.draw(below: tried.count)], store)
        case 2: try await commit(drawTransaction(isAtEnd: false), store)
        default: try await commit(drawTransaction(isAtEnd: true), store)
        }
    }

    /// A few times and values, so that equal readings are drawn often.
    private mutating func drawTransaction(isAtEnd: Bool) -> StoreTransaction {
        let log = logs[generator.draw(below: logs.count)]
        let position = rows[log]?.position ?? .start
        let start = isAtEnd ? position : LogPosition(UInt64(generator.draw(below: 60)))
        var batches: [ScoredBatch] = []
        var end = start
        for _ in 0..<generator.draw(below: 4) {
            let drawn = (0..<generator.draw(below: 12)).map { _ in
                Make.reading(
                    series[generator.draw(below: series.count)], Int64(generator.draw(below: 8)),
                    generator.draw(below: 30) == 0 ? .nan : Double(generator.draw(below: 3)) / 3)
            }
            // Some were received before the last deletion.
            let receivedAt = now.advanced(byMicroseconds: Int64(generator.draw(below: 5)) - 2)
            let batch = ReadingBatch(receivedAt: receivedAt, readings: drawn)
            batches.append(
                ScoredBatch(
                    position: end, readings: batch, verdicts: VerdictBatch(repeating: Make.normal, count: drawn.count)))
            end = end + drawn.count
        }
        let damaged = UInt64(generator.draw(below: 3))
        end = LogPosition(end.readings + damaged)
        let transaction = StoreTransaction(
            log: log, writer: drawWriter(of: log), start: start, end: end, batches: batches, damaged: damaged,
            accepted: end + generator.draw(below: 3))
        tried.append(transaction)
        return transaction
    }

    /// Mostly the one that the row knows.
    private mutating func drawWriter(of log: LogID) -> WriterID {
        let drawn = writers[generator.draw(below: writers.count)]
        return generator.draw(below: 8) == 0 ? drawn : rows[log]?.writer ?? drawn
    }

    private mutating func claim(_ store: any ReadingStore) async throws {
        let log = logs[generator.draw(below: logs.count)]
        let writer = writers[generator.draw(below: writers.count)]
        rows[log]?.writer = writer
        #expect(try await store.claim(log: log, by: writer) == rows[log], "seed \(seed)")
    }

    private mutating func replace(_ store: any ReadingStore) async throws {
        let drawn = generator.draw(below: logs.count)
        let (log, replaced) = (logs[drawn], logs[(drawn + 1) % logs.count])
        let writer = writers[generator.draw(below: writers.count)]
        rows[log] = rows[log] ?? Checkpoint(log: log, node: "n", writer: writer)
        if let position = rows[replaced]?.position { rows[replaced]?.accepted = position }
        let row = try await store.register(log: log, node: "n", by: writer, replacing: replaced)
        #expect(row == rows[log], "seed \(seed)")
    }

    private mutating func commit(_ transaction: StoreTransaction, _ store: any ReadingStore) async throws {
        let log = transaction.log
        if rows[log] == nil, generator.draw(below: 4) > 0 {
            let row = try await store.register(log, node: "n", by: transaction.writer)
            #expect(row == Checkpoint(log: log, node: "n", writer: transaction.writer), "seed \(seed)")
            rows[log] = row
        }
        guard var row = rows[log], row.position == transaction.start, row.writer == transaction.writer else {
            let found = try await code { _ = try await store.commit(transaction) }
            #expect(found == .conflict(rows[log]), "seed \(seed)")
            return
        }
        for batch in transaction.batches {
            for index in 0..<batch.readings.count {
                let reading = batch.readings[index]
                let tombstone = tombstones[reading.series.device]
                if let tombstone, batch.readings.receivedAt <= tombstone {
                    row.discarded += 1
                } else if !reading.value.isFinite {
                    row.discarded += 1
                } else {
                    let point = Point(time: reading.time.microseconds, value: reading.value)
                    let isNew = readings[reading.series, default: []].insert(point).inserted
                    if isNew { row.stored += 1 } else { row.duplicates += 1 }
                }
            }
        }
        row.damaged += transaction.damaged
        row.position = transaction.end
        row.accepted = transaction.accepted
        rows[log] = row
        #expect(row.isBalanced, "seed \(seed): the model itself")
        #expect(try await store.commit(transaction) == row, "seed \(seed)")
    }

    private mutating func delete(_ store: any ReadingStore) async throws {
        let device = series[generator.draw(below: series.count)].device
        guard let tombstone = try await store.delete(device) else {
            let isEmpty = series.allSatisfy { $0.device != device || readings[$0, default: []].isEmpty }
            #expect(isEmpty, "seed \(seed): \(device) was there")
            return
        }
        tombstones[device] = tombstone
        now = max(now, tombstone)
        for one in series where one.device == device { readings[one] = nil }
    }

    func check(_ store: any ReadingStore) async throws {
        for log in logs {
            let row = try await store.checkpoint(of: log)
            #expect(row == rows[log], "seed \(seed)")
        }
        for one in series {
            let expected = readings[one, default: []].map { ($0.time, $0.value) }.sorted { $0 < $1 }
            let found = try await store.historyIfKnown(of: one) ?? []
            #expect(found.map(\.time.microseconds) == expected.map(\.0), "seed \(seed)")
            #expect(found.map(\.value) == expected.map(\.1), "seed \(seed)")
        }
        for device in Set(series.map(\.device)).sorted() {
            let expected = series.filter { $0.device == device }.map { readings[$0, default: []].count }.reduce(0, +)
            let found = try await store.device(device)?.readings ?? 0
            #expect(found == UInt64(expected), "seed \(seed)")
            let buried = try await store.tombstones(in: [Slot(of: device)], limit: 1_000).filter { $0.device == device }
            #expect(buried.map(\.time) == [tombstones[device]].compactMap { $0 }, "seed \(seed)")
        }
    }
}
