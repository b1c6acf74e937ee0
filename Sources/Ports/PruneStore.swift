package import Telemetry

/// What the pruner needs of the store: its token, the ticks by which silence is counted, and acts that nobody but the
/// holder of the newest token can do (docs/decisions/0015, 0016).
///
/// Every call that takes a token is one transaction that first locks the job's row and goes on only if the token is the
/// newest there is; the lock is held to the transaction's end, so a newer token is minted before the act or after it and
/// never beside it. A server gives up a transaction that stands still in the middle of one, so that a frozen holder keeps
/// nobody waiting.
/// - Throws: `.fenced` if the token is not the newest: nothing was done, and nothing more may be tried with it.
///
/// Times are the store's own unless said otherwise. Silence is never measured against them alone: see `Tick`.
package protocol PruneStore: Sendable {
    /// Mints a token larger than every one before it, for `holder` (a node's name, for people).
    func elect(_ holder: String) async throws(StoreError) -> FencingToken

    /// Takes the turn for one run: at most one in `period` microseconds, whoever asks.
    func beginRun(_ token: FencingToken, every period: Int64) async throws(StoreError) -> RunTurn

    /// The newest tick whose total is at most `total`; nil if there is none.
    func tick(atMost total: Int64) async throws(StoreError) -> Tick?

    /// Counts who is heard and who fell silent lately, hidden or not, each by its own rhythm: a device that reports once an
    /// hour is not silent after a minute. While more than half of all are heard, the others are only counted.
    func census(_ query: CensusQuery) async throws(StoreError) -> Census

    /// Devices that were not heard after `time`, the one that is silent for longest first, at most `limit`.
    /// - Parameter isHidden: nil is hidden or not.
    func silentDevices(
        heardThrough time: Instant, isHidden: Bool?, limit: Int
    ) async throws(StoreError) -> [SilentDevice]

    /// Adds a tick, and forgets those whose total is below `oldest`, but for the newest of them.
    func write(_ tick: Tick, keepingFrom oldest: Int64, _ token: FencingToken) async throws(StoreError)

    /// Takes ticks back that were written after `time`: the flock was not heard then, as it turned out.
    func takeBackTicks(after time: Instant, _ token: FencingToken) async throws(StoreError)

    /// Hides devices that are not hidden and were not heard after `time`, at most `limit`, each with a row in the audit.
    /// - Returns: those that were hidden.
    func hide(
        heardThrough time: Instant, limit: Int, reason: String, _ token: FencingToken
    ) async throws(StoreError) -> [DeviceID]

    /// Deletes those of `devices` of which nothing was heard and nothing was stored since they were read, each with a row
    /// in the audit.
    ///
    /// The tombstone of each lies in the middle between the time at which it was last heard and now: what it may send at
    /// this very moment is welcome, and what was received before stays away, though the clocks of nodes and store differ.
    /// - Returns: the tombstones of those that were deleted.
    func delete(
        _ devices: [SilentDevice], reason: String, _ token: FencingToken
    ) async throws(StoreError) -> [Tombstone]

    /// Drops a part of the readings that are older than `time`, by their own times, with what was derived from them; by
    /// chunks where there are chunks, and never a reading that is younger. Each drop of chunks has a row in the audit.
    /// - Parameter cursor: of the part before; nil begins.
    func dropReadings(
        before time: Instant, after cursor: RetentionCursor?, _ token: FencingToken
    ) async throws(StoreError) -> RetentionPart

    /// Writes down how a run ended. A reason to wait that differs from the one before has a row in the audit; nil ends the
    /// waiting.
    func endRun(_ result: String, waiting: Waiting?, _ token: FencingToken) async throws(StoreError)

    /// Writes down that a run failed. What the last one waited with stays as it is.
    func failRun(_ result: String, _ token: FencingToken) async throws(StoreError)

    /// Members that were approved to be gone are back: another absence of theirs needs another approval. Each has a row in
    /// the audit.
    func revoke(_ members: [String], _ token: FencingToken) async throws(StoreError)

    /// An operator says: do what the last run waited with.
    /// - Parameter reason: as the operator was told it; nil is whatever it is now.
    /// - Returns: what it waits with; nil if with nothing that can be approved. Nothing was approved if its reason is another
    ///   than `reason`: the operator has to look again.
    func approve(_ reason: String?) async throws(StoreError) -> Waiting?

    /// Undoes hiding, with a row in the audit; the device counts as heard now, for the pruner alone.
    /// - Returns: when that was; nil if there is no such device.
    func restore(_ device: DeviceID) async throws(StoreError) -> Instant?

    /// Decisions, newest first, at most `limit`.
    func audit(limit: Int) async throws(StoreError) -> [AuditRow]

    /// How the job stands; nil before the first election.
    func job() async throws(StoreError) -> JobRow?

    /// As `ReadingStore.sweep`.
    func sweep(for microseconds: Int64) async
}

extension PruneStore {
    package func approve() async throws(StoreError) -> Waiting? { try await approve(nil) }

    package func silentDevices(heardThrough time: Instant, limit: Int) async throws(StoreError) -> [SilentDevice] {
        try await silentDevices(heardThrough: time, isHidden: nil, limit: limit)
    }
}
