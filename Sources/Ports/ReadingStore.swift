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

    /// If the row is `old`'s, makes `writer` the only one who may move it from now on: a transaction of anybody before it
    /// that is still under way can no longer go in. Asked again, it changes nothing.
    /// - Returns: the row as it stands then, whoever's it is; nil if the store has none for this log.
    func claim(log: LogID, from old: WriterID, by writer: WriterID) async throws(StoreError) -> Checkpoint?

    /// Adds the row of a log that has none yet, as `writer`'s; a row that is there stays as it is. `node` is for people
    /// who read the table.
    /// - Parameter replaced: the log that went on under this name: whatever it had not stored is this one's now, so its
    ///   row is closed (`accepted` becomes `position`) in the same transaction, and it is no orphan.
    func register(
        log: LogID, node: String, by writer: WriterID, replacing replaced: LogID?
    ) async throws(StoreError) -> Checkpoint

    /// The row of a log, nil if it was never registered (or the store was restored from before that). Durable when it
    /// is read: a row that a lost commit may still change is not returned before that is settled.
    func checkpoint(of log: LogID) async throws(StoreError) -> Checkpoint?

    /// Every log's row, for the ledger and for `orphaned`.
    func checkpoints() async throws(StoreError) -> [Checkpoint]

    /// In ONE durable transaction: locks the log's row, goes on only if its position is `transaction.start` and its
    /// writer `transaction.writer`, inserts the readings (the identity (series, time, value) once), leaves out those of
    /// deleted devices, moves rows that the store refuses to quarantine, and writes position and counters.
    /// - Throws: `.conflict` if the row's position or writer is another, `.unavailable` with an unknown outcome.
    /// - Returns: the row as committed.
    func commit(_ transaction: StoreTransaction) async throws(StoreError) -> Checkpoint

    /// Upserts `latest` where the new time is not older. The devices of rows that were heard are no longer hidden, and
    /// have the store's own time as their `last_heard`.
    /// - Returns: series that the store does not know: their first reading is still to come, or they were deleted.
    @discardableResult
    func flush(latest rows: [LatestRow]) async throws(StoreError) -> [Series]

    /// The `latest` rows of these slots: what an owner warms up from.
    func latest(in slots: [Slot]) async throws(StoreError) -> [LatestRow]

    /// The newest tombstones of devices in these slots, at most `limit`: an owner that warms up must not take what a log
    /// still holds of a deleted device for its new life.
    func tombstones(in slots: [Slot], limit: Int) async throws(StoreError) -> [Tombstone]

    /// Readings of a series in `from..<to`, oldest first, at most `limit`, after the (time, value) of `after`.
    /// - Throws: `.unknownSeries` if the store never saw it.
    func history(
        of series: Series, from: Instant, to: Instant, after: HistoryPoint?, limit: Int
    ) async throws(StoreError) -> [HistoryPoint]

    /// Readings that stand for all of a series in `from..<to` on a chart of `points` points, oldest first: its anomalies,
    /// and of each stretch of time the lowest and the highest of the others. Of very many anomalies, the highest scores.
    /// - Returns: nil where that is no quicker than reading all of them.
    /// - Throws: `.unknownSeries` if the store never saw it.
    func outline(
        of series: Series, from: Instant, to: Instant, points: Int
    ) async throws(StoreError) -> [HistoryPoint]?

    /// Anomalous readings in `from..<to`, newest first, at most `limit`, by device and metric if given.
    func anomalies(_ query: AnomalyQuery) async throws(StoreError) -> [AnomalyRow]

    /// Devices by id, after `after`, at most `limit`.
    func devices(after: DeviceID?, limit: Int) async throws(StoreError) -> [DeviceRow]
    func device(_ device: DeviceID) async throws(StoreError) -> DeviceRow?

    /// Makes the device unknown, at once and whole, and leaves a tombstone with the store's time, in one transaction, with
    /// a row in the audit. Nothing leads to its readings any more; the rows themselves go with `sweep`.
    /// - Parameter isKnown: an owner knows the device, though its first readings may still be on their way here: the
    ///   tombstone is left in any case.
    /// - Returns: the tombstone's time; nil if nobody knows such a device (nothing is written then).
    func delete(_ device: DeviceID, isKnown: Bool) async throws(StoreError) -> Instant?

    /// Removes rows of deleted devices: one part at least, then for so many microseconds. What is left goes with the next
    /// `prepare`, `flush` or `sweep`, of whichever node. A failure is no one's: the rows cannot be seen.
    func sweep(for microseconds: Int64) async

    /// How often devices were deleted: moves with every deletion, by whomever.
    func deletions() async throws(StoreError) -> Int64

    /// True if the last call reached the store.
    var isReachable: Bool { get }

    /// Waits for running calls, then closes. Calls after it throw `.unavailable`.
    func close() async
}

extension ReadingStore {
    package func outline(
        of series: Series, from: Instant, to: Instant, points: Int
    ) async throws(StoreError) -> [HistoryPoint]? { nil }

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
        /// Another node was elected since: this is the newest token.
        case fenced(newest: FencingToken)
        /// The data is of a newer program, of another flock, or damaged: a person must act.
        case unusable

        /// The store answered, whatever it said.
        package var isAnswer: Bool {
            switch self {
            case .unavailable, .unusable: false
            case .conflict, .unknownSeries, .fenced: true
            }
        }
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
