package import HashRing
package import Telemetry

/// Where readings are kept for good. One shared conformance suite runs over every adapter.
///
/// Every call may block for as long as the adapter's own time-out and throws `StoreError` alone. A call that throws
/// `.unavailable` left nothing half done, except `commit`: its outcome is unknown until `checkpoint(of:)` answers.
package protocol ReadingStore: Sendable {
    /// Opens, migrates (numbered, once, whoever comes first) and returns the flock's identity. Called before the rest;
    /// may be called again after `.unavailable`.
    func prepare() async throws(StoreError) -> FlockID

    /// `sqlite` or `postgres`, and what it offers.
    var kind: StoreKind { get }

    /// Adds the row of a log that has none yet; returns the row. `node` is for people who read the table.
    func register(log: LogID, node: String) async throws(StoreError) -> Checkpoint

    /// The row of a log, nil if it was never registered (or the store was restored from before that).
    func checkpoint(of log: LogID) async throws(StoreError) -> Checkpoint?

    /// Every log's row, for the ledger and for `orphaned`.
    func checkpoints() async throws(StoreError) -> [Checkpoint]

    /// In ONE durable transaction: locks the log's row, goes on only if its position is `transaction.start`, inserts the
    /// readings (the identity (series, time, value) once), leaves out those of deleted devices, moves rows that the
    /// store refuses to quarantine, and writes position and counters.
    /// - Throws: `.conflict` if the row's position is another, `.unavailable` with an unknown outcome.
    /// - Returns: the row as committed.
    func commit(_ transaction: StoreTransaction) async throws(StoreError) -> Checkpoint

    /// Upserts `latest` where the new time is not older, and `last_heard` with the store's own clock.
    /// - Returns: series that the store does not know: their first reading is still to come, or they were deleted.
    @discardableResult
    func flush(latest rows: [LatestRow]) async throws(StoreError) -> [Series]

    /// The `latest` rows of these slots: what an owner warms up from.
    func latest(in slots: [Slot]) async throws(StoreError) -> [LatestRow]

    /// Readings of a series in `from..<to`, oldest first, at most `limit`, after the (time, value) of `after`.
    /// - Throws: `.unknownSeries` if the store never saw it.
    func history(
        of series: Series, from: Instant, to: Instant, after: HistoryPoint?, limit: Int
    ) async throws(StoreError) -> [HistoryPoint]

    /// Anomalous readings in `from..<to`, newest first, at most `limit`, by device and metric if given.
    func anomalies(_ query: AnomalyQuery) async throws(StoreError) -> [AnomalyRow]

    /// Devices by id, after `after`, at most `limit`.
    func devices(after: DeviceID?, limit: Int) async throws(StoreError) -> [DeviceRow]
    func device(_ device: DeviceID) async throws(StoreError) -> DeviceRow?

    /// Deletes every row of the device and leaves a tombstone with the store's time, in one transaction.
    /// - Parameter isKnown: an owner knows the device, though its first readings may still be on their way here: the
    ///   tombstone is left in any case.
    /// - Returns: the tombstone's time; nil if nobody knows such a device (nothing is written then).
    func delete(_ device: DeviceID, isKnown: Bool) async throws(StoreError) -> Instant?

    /// Every active model document, metric by metric.
    func models() async throws(StoreError) -> [ModelRow]

    /// Inserts version 1 of a metric's model, or returns the one that was quicker.
    func insertOrLoad(first model: ModelRow) async throws(StoreError) -> ModelRow

    /// True if the last call reached the store.
    var isReachable: Bool { get }

    /// Waits for running calls, then closes. Calls after it throw `.unavailable`.
    func close() async
}

extension ReadingStore {
    package func delete(_ device: DeviceID) async throws(StoreError) -> Instant? {
        try await delete(device, isKnown: false)
    }
}

package struct StoreKind: Hashable, Sendable {
    package enum Timescale: String, Sendable { case none, apache, community }

    package let name: String
    package let timescale: Timescale

    package init(name: String, timescale: Timescale) {
        self.name = name
        self.timescale = timescale
    }
}

/// What a store call failed with: the code says what to do, the message what was being done and what the library said.
package struct StoreError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// Away, locked for too long, or out of disk: try again later. The outcome of a commit is unknown.
        case unavailable
        /// The log's row stands elsewhere: read it again.
        case conflict(Checkpoint?)
        case unknownSeries
        /// The data is of a newer program, of another flock, or damaged: a person must act.
        case unusable
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}

/// The row of a log: how far it is stored, and its ledger so far. accepted = stored + duplicates + discarded + damaged
/// holds for the readings before `position`.
package struct Checkpoint: Hashable, Sendable {
    package var log: LogID
    package var node: String
    package var position: LogPosition
    /// How far the log was synced when this row was written: what lies between is `orphaned` if the log has no node.
    package var accepted: LogPosition
    package var stored: UInt64
    package var duplicates: UInt64
    /// Received before their device was deleted, or moved to quarantine.
    package var discarded: UInt64
    package var damaged: UInt64

    package init(
        log: LogID, node: String, position: LogPosition = .start, accepted: LogPosition = .start,
        stored: UInt64 = 0, duplicates: UInt64 = 0, discarded: UInt64 = 0, damaged: UInt64 = 0
    ) {
        self.log = log
        self.node = node
        self.position = position
        self.accepted = accepted
        self.stored = stored
        self.duplicates = duplicates
        self.discarded = discarded
        self.damaged = damaged
    }
}

/// Readings with their verdicts, as they stand at `position` in a log.
package struct ScoredBatch: Hashable, Sendable {
    package let position: LogPosition
    package let readings: ReadingBatch
    package let verdicts: VerdictBatch

    package init(position: LogPosition, readings: ReadingBatch, verdicts: VerdictBatch) {
        precondition(
            readings.count == verdicts.count, "\(verdicts.count) verdicts on \(readings.count) readings")
        self.position = position
        self.readings = readings
        self.verdicts = verdicts
    }

    package var end: LogPosition { position + readings.count }
}

/// One step of a log's checkpoint: everything accepted in `start..<end`, `damaged` of it lost on disk.
package struct StoreTransaction: Hashable, Sendable {
    package let log: LogID
    package let start: LogPosition
    package let end: LogPosition
    package let batches: [ScoredBatch]
    package let damaged: UInt64
    /// How far the log is synced now; goes into the row.
    package let accepted: LogPosition

    package init(
        log: LogID, start: LogPosition, end: LogPosition, batches: [ScoredBatch], damaged: UInt64,
        accepted: LogPosition
    ) {
        self.log = log
        self.start = start
        self.end = end
        self.batches = batches
        self.damaged = damaged
        self.accepted = accepted
    }

    package var readingsCount: Int { batches.reduce(0) { $0 + $1.readings.count } }
}
