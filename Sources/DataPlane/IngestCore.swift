import HashRing
import LogFormat
package import Ports
package import Telemetry

/// The origin's side of a reading's way: from a client's batch to the row in the store, exactly once.
///
/// A value without a clock, a disk, a store or randomness: the same events give the same effects. The node drives it
/// (`Ingest`), and so does the simulator, which looks for the schedule that breaks what follows.
///
/// ## How to drive it
///
///     var core = IngestCore(log: opened, writer: drawnForThisProcess)
///     on every event:  for effect in core.handle(event, now: clock) { perform(effect) }
///
/// Begin with `started`; give it a `ring` as soon as there is one, and a `tick` about twenty times a second. Answer
/// clients (`acknowledge`, `refuse`) at once and in order. Everything else may run at the same time as anything else,
/// take any time and fail; each effect is answered by one event, and what the core allows at once is in this table:
///
///     effect                        at once      answered by
///     append                        1            appended | appendFailed
///     call(owner)                   1 an owner   scored | callFailed; nothing, or twice: the core has a deadline
///     claim, register, readCheckpoint, commit
///                                   1 of them    checkpoint | checkpointUnavailable; committed | commitFailed
///     readLog                       1 a purpose  logRead | logReadFailed
///     retire                        1            retired | retireFailed | logFailed
///     trim                          any          nothing; it may be late or never happen
///
/// When the process dies nothing has to be saved: open the log, draw a new writer, make a new core.
///
/// ## What comes before what
///
///     offered ─▶ append(readings) ─▶ appended ─┬▶ acknowledge
///                                              └▶ call ─▶ scored ─┬▶ append(verdicts)
///                                                                 └▶ commit ─▶ committed ─▶ trim
///     commitFailed ─▶ readCheckpoint ─▶ checkpoint ─▶ commit …
///     started | retired ─▶ readCheckpoint ─▶ checkpoint ─▶ claim | register ─▶ checkpoint ─▶ trim
///                                        └────────── or checkpointUnavailable ──────────┴▶ readLog(replay) … ─▶ running
///
/// Batches wait until the replay is over; readings wait for the first ring. A store that is away delays neither.
///
/// 1. **Synced, then told.** `appended` means that the readings are synced. No 202 and no call leaves before it. One
///    append is outstanding; what arrives meanwhile shares the next one: that is the group commit.
/// 2. **Asked in order, asked once.** One call is outstanding per owner and per slot, readings in log order: after a new
///    ring a slot that is on its way to its former owner waits for that call's end, and nothing else does. An owner
///    recognises what it is asked again. A slot that moved is asked for where it went, at once and without blame. What two
///    owners died under, what failed for `unscoredAfter`, or what waits that long for an owner that answers nothing, is
///    stored as `unscored` (a call's deadline may come on top).
/// 3. **Judged once.** Verdicts are appended, without a sync, before memory may forget them. A start reads the log once
///    (`replay`) and asks only for what has no verdict in it.
/// 4. **Stored from the row on, without holes.** A transaction begins where the log's row stands, holds everything up
///    to its end (what a disk lost is counted as damaged), and moves the row in the same transaction.
/// 5. **One writer.** A life claims the row before its first commit, from a former life of this very log that cannot have
///    moved it further than the log reached; with that, nothing that a former life or a copy of this folder still has
///    under way can go in. So within a life only its own commits move the row.
/// 6. **A commit without an answer is neither.** Nothing is decided until the row is read again: it stands at the
///    start or at the end.
/// 7. **Stored, then trimmed.** `trim` follows the row only: as committed, or as read and found to be this log's.
/// 8. **A contradiction retires the name.** A row of another writer, behind what was seen, beyond the log's end, or
///    gone: what the log holds goes on under a new name and is stored from there; readings that were stored already
///    count as duplicates, since a reading is its own identity. Calls end, and their verdicts are appended, first.
/// 9. **Memory is a window.** What has its verdict in the log may be forgotten and is read back (`backfill`) when the
///    store takes it: the store may be away for as long as the log has room. What is full pushes back: clients are
///    refused, nothing accepted is dropped.
package struct IngestCore: Hashable, Sendable {
    package let limits: IngestLimits
    package internal(set) var log: LogID
    /// This life of the process, as the log's row names it.
    package let writer: WriterID
    /// The log's row as last seen; nil until this life has claimed it.
    package internal(set) var checkpoint: Checkpoint?

    // Accepting: batches that wait, the append that is outstanding, how far the log is synced.
    var waiting: [Offer] = []
    var waitingReadings = 0
    /// When each of them came.
    var waitingSince: [Moment] = []
    /// When the first came that the last group had no place for; nil if it took all that waited.
    var standingSince: Moment?
    var append: Append?
    var appendsCount: UInt64 = 0
    package internal(set) var end: LogPosition
    var base: LogPosition
    /// The log as this life of it found it.
    var opened: OpenLog
    var verdictRecords: [LogRecord] = []
    /// The next append is to hold verdicts only: together with readings they were refused.
    var verdictsAlone = false
    var verdictsHeldUntil = Moment(microseconds: .min)
    var failure: String?
    var isDraining = false

    // Scoring: what memory knows, queues by owner, calls by number.
    var window = EntryWindow()
    var unscoredReadings = 0
    var ring = Ring([])
    /// Before the first ring nobody can be said to have no owner.
    var hasRing = false
    /// What no member of the ring owns.
    var ownerless: [Chunk] = []
    var queues: [Owner: CallQueue] = [:]
    var calls: [CallNumber: Call] = [:]
    var callsCount: UInt64 = 0
    /// Slots that their owner by the ring sent on.
    var detours: [Slot: Detour] = [:]
    /// Slots whose readings wait, and these.
    var holds: [Slot: Hold] = [:]
    var held: [Chunk] = []

    // Storing.
    package internal(set) var phase = Phase.starting
    package internal(set) var store = StoreState.unknown(retryAt: Moment(microseconds: .min))
    var storeRetryDelay: Int64
    /// Entries of the transaction that is outstanding, to be put back if it did not go in.
    var committing: [IngestEntry] = []
    /// How far the life that the row is claimed from can have moved it.
    var claimedReach: LogPosition?
    var rowSeenAt = Moment(microseconds: .min)
    var retireAgainAt = Moment(microseconds: .min)
    var backfill: Backfill?
    var replay = Replay()

    /// - Parameters:
    ///   - log: as it was opened; `started` tells it again.
    ///   - writer: drawn anew for every process, and by every process.
    package init(log: OpenLog, writer: WriterID, limits: IngestLimits = IngestLimits()) {
        self.limits = limits
        self.writer = writer
        self.log = log.id
        base = log.base
        end = log.end
        opened = log
        storeRetryDelay = limits.storeRetryFirst
    }

    package mutating func handle(_ event: Event, now: Moment) -> [Effect] {
        var effects: [Effect] = []
        switch event {
        case .started(let log), .retired(let log): start(log, &effects)
        case .offered(let offers): for one in offers { offer(one, now, &effects) }
        case .appended(let number): appended(number, now, &effects)
        case .appendFailed(let number, let failure): appendFailed(number, failure, now, &effects)
        case .ring(let ring): adopt(ring, now)
        case .scored(let number, let answer): scored(number, answer, now)
        case .callFailed(let number, let failure): callFailed(number, failure, now)
        case .committed(let row): committed(row, now, &effects)
        case .commitFailed: commitFailed(now)
        case .checkpoint(let row): checkpointRead(row, now, &effects)
        case .checkpointUnavailable: checkpointUnavailable(now, &effects)
        case .logRead(.replay, let records, let next, let isAtEnd):
            if next.log == log { replayRead(records, next: next, isAtEnd: isAtEnd, now) }
        case .logRead(.backfill, let records, let next, let isAtEnd):
            if next.log == log { backfillRead(records, next: next, isAtEnd: isAtEnd) }
        case .logReadFailed(let purpose, let id): if id == log { logReadFailed(purpose, now) }
        case .retireFailed(let message): retireFailed(message, now, &effects)
        case .logFailed(let message): closeLog(message, &effects)
        case .drain: isDraining = true
        case .tick:
            expireCalls(now)
            giveUpOnOwners(now)
        }
        proceed(now, &effects)
        return effects
    }

    /// Whatever can go on now, does. Every event ends here, so no transition needs to know what waits for it.
    private mutating func proceed(_ now: Moment, _ effects: inout [Effect]) {
        replayNext(now, &effects)
        appendNext(now, &effects)
        callOwners(now, &effects)
        forgetLogged()
        storeNext(now, &effects)
    }
}

extension IngestCore {
    /// The life of a log under one name.
    package enum Phase: Hashable, Sendable {
        /// Waits for the log's row. → replaying
        case starting
        /// Looks for readings without a verdict; batches wait. → running
        case replaying
        /// → retiring
        case running
        /// The name is given up: waits for the outstanding append and calls, then for the new name. → starting
        case retiring(RetireReason, isOrdered: Bool)

        var isRetiring: Bool {
            if case .retiring = self { true } else { false }
        }

        var isRetired: Bool {
            if case .retiring(_, isOrdered: true) = self { true } else { false }
        }
    }

    /// What is known of the log's row.
    package enum StoreState: Hashable, Sendable {
        /// The row was not seen, or a commit had no answer. It is read when the moment comes. → reading
        case unknown(retryAt: Moment)
        /// → idle, unknown
        case reading
        /// The row stands at `checkpoint`. → committing
        case idle
        /// → idle, unknown
        case committing(StoreTransaction)
    }

    /// A client's batch before its append.
    package struct Offer: Hashable, Sendable {
        package let request: RequestID
        package let batch: ReadingBatch

        package init(request: RequestID, batch: ReadingBatch) {
            self.request = request
            self.batch = batch
        }
    }

    /// The append that is outstanding.
    struct Append: Hashable, Sendable {
        let number: AppendNumber
        let requests: [RequestID]
        let readings: [(position: LogPosition, batch: ReadingBatch)]
        let verdicts: [LogRecord]
        let end: LogPosition

        static func == (lhs: Append, rhs: Append) -> Bool { lhs.number == rhs.number }
        func hash(into hasher: inout Hasher) { hasher.combine(number) }
    }

    /// The ledger of this log, from the same values that decide: closed at any moment.
    package var ledger: Ledger {
        var ledger = Ledger()
        ledger.accepted = max(end, checkpoint?.position ?? .start).readings
        guard let checkpoint else {
            ledger.pending = ledger.accepted
            return ledger
        }
        ledger.stored = checkpoint.stored
        ledger.duplicates = checkpoint.duplicates
        ledger.discarded = checkpoint.discarded
        ledger.damaged = checkpoint.damaged
        ledger.pending = end - checkpoint.position
        return ledger
    }

    /// Batches are taken at once, not held until the start is over.
    package var isRunning: Bool { phase == .running && failure == nil }

    /// Entries in memory: accepted, not yet stored, not yet forgotten.
    package var entriesInMemory: Int { window.count + committing.count }

    /// The log closed for good: why.
    package var logFailure: String? { failure }

    /// Everything accepted is stored, nobody waits for an answer.
    package var isDrained: Bool {
        waiting.isEmpty && append == nil && !phase.isRetiring
            && (checkpoint.map { end <= $0.position } ?? (end == .start))
    }

    package var isStoreReachable: Bool {
        switch store {
        case .idle, .committing: true
        case .unknown, .reading: false
        }
    }
}
