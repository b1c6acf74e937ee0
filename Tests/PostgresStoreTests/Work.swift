import Dispatch
import Glibc
import NodeHarness
import Ports
import Telemetry

/// A log that is stored step by step, as a node does: after a failure it reads where the row stands and goes on there.
struct Work {
    static let writer = WriterID(7)

    let log: LogID
    var devices = 20

    init(_ number: UInt64 = 1) {
        log = LogID(high: 1, low: number)
    }

    func series(_ number: Int) -> Series {
        Series(
            device: DeviceID(unchecked: "log-\(log.low)-device-\(number % devices)"),
            metric: Metric(unchecked: "temperature"))
    }

    func register(_ store: any ReadingStore) async throws(StoreError) -> Checkpoint {
        try await store.register(log: log, node: "n0", by: Self.writer, replacing: nil)
    }

    /// The step that starts at `position`; every reading is another.
    func transaction(at position: LogPosition, count: Int = 400) -> StoreTransaction {
        let first = Int64(bitPattern: position.readings)
        let readings = (0..<count).map {
            Reading(series: series($0), time: Instant(microseconds: first + Int64($0)), value: 0.5)
        }
        let batch = ScoredBatch(
            position: position, readings: ReadingBatch(receivedAt: .epoch, readings: readings),
            verdicts: VerdictBatch(repeating: .learning, count: count))
        return StoreTransaction(
            log: log, writer: Self.writer, start: position, end: batch.end, batches: [batch], damaged: 0,
            accepted: batch.end)
    }

    /// Stores until the row is at `end`, whatever happens to the line.
    func store(until end: LogPosition, step: Int, on store: any ReadingStore) async throws -> Checkpoint {
        var known: Checkpoint?
        var failures = 0
        let deadline = Deadline(in: .seconds(120))
        while true {
            do throws(StoreError) {
                if known == nil {
                    _ = try await register(store)
                    known = try await store.checkpoint(of: log)
                }
                guard let row = known else { throw StoreError(.unusable, "the row is gone") }
                if row.position >= end { return row }
                let count = min(step, Int(end - row.position))
                known = try await store.commit(transaction(at: row.position, count: count))
            } catch {
                guard error.code == .unavailable, !deadline.isPast else { throw error }
                known = nil
                failures += 1
                await Pause.short()
            }
        }
    }

    /// All readings that the store has of this log.
    func storedCount(_ store: any ReadingStore) async throws -> Int {
        var count = 0
        for number in 0..<devices {
            do throws(StoreError) {
                count += try await store.history(
                    of: series(number), from: .distantPast, to: .distantFuture, after: nil, limit: .max
                ).count
            } catch {
                guard error.code == .unknownSeries else { throw error }
            }
        }
        return count
    }

    /// The sum that `/devices` shows.
    func countedReadings(_ store: any ReadingStore) async throws -> Int {
        try await store.devices(after: nil, limit: 10_000).filter { $0.device.text.hasPrefix("log-\(log.low)-") }
            .reduce(0) { $0 + Int($1.readings) }
    }
}

/// What stands between two looks at a store that may be back.
enum Pause {
    static func short() async {
        var nothing = pollfd(fd: -1, events: 0, revents: 0)
        poll(&nothing, 1, 5)
        await Task.yield()
    }

    /// Asks until `call` succeeds or fails for good.
    static func until<T>(_ call: () async throws(StoreError) -> T) async throws -> T {
        let deadline = Deadline(in: .seconds(60))
        while true {
            do throws(StoreError) {
                return try await call()
            } catch {
                guard error.code == .unavailable, !deadline.isPast else { throw error }
                await short()
            }
        }
    }
}

/// Runs what blocks on a thread that no task waits for.
func apart<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    let result: Result<T, any Error> = await withCheckedContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(returning: Result { try body() }) }
    }
    return try result.get()
}

/// The code that a call fails with; nil if it does not fail.
func code(of call: () async throws -> Void) async throws -> StoreError.Code? {
    do {
        try await call()
        return nil
    } catch let error as StoreError {
        return error.code
    }
}
