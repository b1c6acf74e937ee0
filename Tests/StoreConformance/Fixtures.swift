import HashRing
package import Ports
package import Telemetry

/// Names and batches for the cases.
enum Make {
    static let receivedAt = Instant(rfc3339: "2026-11-22T15:04:05Z") ?? .epoch

    static func series(_ device: String, _ metric: String = "temperature") -> Series {
        Series(device: DeviceID(unchecked: device), metric: Metric(unchecked: metric))
    }

    static func log(_ number: UInt64) -> LogID { LogID(high: 0xA0, low: number) }

    /// The one that writes where a case is not about writers.
    static let writer = WriterID(0xFEDC_BA98_0000_0001)

    static func time(_ seconds: Int64) -> Instant {
        receivedAt.advanced(byMicroseconds: seconds * 1_000_000)
    }

    static func reading(_ series: Series, _ seconds: Int64, _ value: Double = 1) -> Reading {
        Reading(series: series, time: time(seconds), value: value)
    }

    static func readings(_ series: Series, _ seconds: Range<Int64>) -> [Reading] {
        seconds.map { reading(series, $0, Double($0)) }
    }

    static func verdict(_ result: ScoreResult, score: Double = 0.25, late: Bool = false) -> Verdict {
        Verdict(result: result, score: score, model: ModelID(name: "forest", version: 7), isLate: late)
    }

    static let normal = verdict(.normal)

    static func transaction(
        _ log: LogID, at start: LogPosition = .start, _ readings: [Reading], by writer: WriterID = writer,
        receivedAt: Instant = receivedAt, verdicts: [Verdict]? = nil, damaged: UInt64 = 0
    ) -> StoreTransaction {
        var batch = VerdictBatch()
        for index in readings.indices { batch.append(verdicts?[index] ?? normal) }
        let scored = ScoredBatch(
            position: start, readings: ReadingBatch(receivedAt: receivedAt, readings: readings), verdicts: batch)
        let end = LogPosition(scored.end.readings + damaged)
        return StoreTransaction(
            log: log, writer: writer, start: start, end: end, batches: [scored], damaged: damaged, accepted: end)
    }

    static func latest(
        _ series: Series, _ seconds: Int64, _ value: Double = 1, state: [UInt8] = [], isHeard: Bool = true,
        usualInterval: Int64 = 1_000_000
    ) -> LatestRow {
        LatestRow(
            series: series, time: time(seconds), value: value, verdict: normal, lastHeard: time(seconds),
            usualInterval: usualInterval, state: state, isHeard: isHeard)
    }

    static let allSlots = (0..<UInt16(Slot.count)).map(Slot.init)
}

extension ReadingStore {
    /// Registers the log as `Make.writer`'s, and commits at its end.
    @discardableResult
    func append(
        _ readings: [Reading], to log: LogID = Make.log(1), receivedAt: Instant = Make.receivedAt,
        verdicts: [Verdict]? = nil, damaged: UInt64 = 0
    ) async throws -> Checkpoint {
        let row = try await register(log)
        return try await commit(
            Make.transaction(
                log, at: row.position, readings, receivedAt: receivedAt, verdicts: verdicts, damaged: damaged))
    }

    /// Claims a row from whoever has it.
    func claim(log: LogID, by writer: WriterID) async throws(StoreError) -> Checkpoint? {
        try await claim(log: log, from: try await checkpoint(of: log)?.writer ?? writer, by: writer)
    }

    /// Registers a log that replaces none.
    @discardableResult
    func register(
        _ log: LogID, node: String = "n0", by writer: WriterID = Make.writer
    ) async throws(StoreError) -> Checkpoint {
        try await register(log: log, node: node, by: writer, replacing: nil)
    }

    func wholeHistory(of series: Series) async throws -> [HistoryPoint] {
        try await history(of: series, from: .distantPast, to: .distantFuture, after: nil, limit: 100_000)
    }

    /// Nil for a series that the store does not know.
    func historyIfKnown(of series: Series) async throws -> [HistoryPoint]? {
        do {
            return try await wholeHistory(of: series)
        } catch let error as StoreError where error.code == .unknownSeries {
            return nil
        }
    }
}

extension Checkpoint {
    var isBalanced: Bool { position.readings == stored + duplicates + discarded + damaged }
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

extension PruneStore {
    /// Who was heard after a time, whatever the devices' rhythms; and who was between two.
    package func census(after time: Instant, old: Instant) async throws(StoreError) -> Census {
        try await census(CensusQuery(through: time, crowdAfter: 0, old: old, approved: nil))
    }
}
