import Ports
import Telemetry

/// A log that appends forty readings of four devices a step, every reading another.
struct Work {
    static let log = LogID(high: 1, low: 1)
    static let writer = WriterID(7)
    static let readingsPerStep = 40

    static func series(_ number: Int) -> Series {
        Series(device: DeviceID(unchecked: "device-\(number % 4)"), metric: Metric(unchecked: "temperature"))
    }

    static func register(_ store: any ReadingStore) async throws(StoreError) -> Checkpoint {
        try await store.register(log: log, node: "n0", by: writer, replacing: nil)
    }

    /// The step that starts at `position`.
    static func transaction(at position: LogPosition, count: Int = readingsPerStep) -> StoreTransaction {
        let first = Int64(bitPattern: position.readings)
        let readings = (0..<count).map {
            Reading(series: series($0), time: Instant(microseconds: first + Int64($0)), value: 0.5)
        }
        let batch = ScoredBatch(
            position: position, readings: ReadingBatch(receivedAt: .epoch, readings: readings),
            verdicts: VerdictBatch(repeating: .learning, count: count))
        return StoreTransaction(
            log: log, writer: writer, start: position, end: batch.end, batches: [batch], damaged: 0,
            accepted: batch.end)
    }

    /// All readings that the store has of this log.
    static func storedCount(_ store: any ReadingStore) async throws -> Int {
        var count = 0
        for number in 0..<4 {
            do throws(StoreError) {
                let points = try await store.history(
                    of: series(number), from: .distantPast, to: .distantFuture, after: nil, limit: .max)
                count += points.count
            } catch {
                guard error.code == .unknownSeries else { throw error }
            }
        }
        return count
    }

    /// The sum that `/devices` shows.
    static func countedReadings(_ store: any ReadingStore) async throws -> Int {
        try await store.devices(after: nil, limit: 100).reduce(0) { $0 + Int($1.readings) }
    }
}
