import HashRing
import LogFormat
package import Ports
package import Telemetry

/// The origin's side of a reading's way: from a client's batch to the row in the store, exactly once.
///
/// A value: no clock, no disk, no store, no randomness. The driver (`Ingest` in the node, the simulator in tests) reports
/// what happened (`Event`) and performs what comes back (`Effect`), in the order given. The same events give the same
/// effects, always.
///
/// The way of a batch, and what each step waits for:
///
///     offered ─▶ append (readings) ─▶ appended ─▶ acknowledge        202 is never sent for less than a synced record
///                                        └─────▶ call(owner) ─▶ scored         only synced readings are sent on
///                                                                 └─▶ append (verdicts, not synced)
///                                                                 └─▶ commit(readings + verdicts + checkpoint) ─▶ committed ─▶ trim
///
/// - One append is outstanding at a time; what arrives meanwhile shares the next one: that is the group commit.
/// - One call is outstanding per owner, so at most one per slot, and calls carry readings in log order. After the ring
///   changed, no call leaves until those of the old ring are settled.
/// - One transaction is outstanding at a time, from the checkpoint on, without holes: readings are stored in log order.
/// - A commit without an answer may have gone in. Nothing is decided until the log's row is read again.
/// - Memory is a window. What has its verdict in the log may be forgotten and is read back (`backfill`) when the store has
///   room for it; so the store may be away for as long as the log's size allows.
/// - At the start the log is read once from the checkpoint (`replay`): readings without a verdict are scored, readings
///   with one are not scored again.
/// - A row that contradicts the log (beyond its end, moved by somebody else, gone) retires the log's name: everything it
///   still holds is stored again under a new one, and the identity of readings makes that harmless.
package struct IngestCore: Hashable, Sendable {
    package let limits: IngestLimits
    package internal(set) var log: LogID
    /// The log's row as last seen.
    package internal(set) var checkpoint: Checkpoint?

    // Accepting: batches that wait, the append that is outstanding, how far the log is synced.
    var waiting: [Offer] = []
    var waitingReadings = 0
    var append: Append?
    var appendsCount: UInt64 = 0
    var end: LogPosition
    var base: LogPosition
    /// What the log held when this life of it began.
    var openedEnd: LogPosition
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
    var queues: [Owner: CallQueue] = [:]
    var calls: [CallNumber: Call] = [:]
    var callsCount: UInt64 = 0
    /// Calls under an older ring; none leaves before they are settled.
    var callsOfOldRing: Set<CallNumber> = []

    // Storing.
    package internal(set) var phase = Phase.starting
    package internal(set) var store = StoreState.unknown(retryAt: Moment(microseconds: .min))
    var storeRetryDelay: Int64
    /// Entries of the transaction that is outstanding, to be put back if it did not go in.
    var committing: [IngestEntry] = []
    /// Where the last transaction handed out would have put the row.
    var attempted: LogPosition?
    var backfill: Backfill?
    var replay = Replay()

    /// - Parameter log: the log's name, and the positions it holds.
    package init(log: LogID, base: LogPosition, end: LogPosition, limits: IngestLimits = IngestLimits()) {
        self.limits = limits
        self.log = log
        self.base = base
        self.end = end
        openedEnd = end
        storeRetryDelay = limits.storeRetryFirst
    }

    package mutating func handle(_ event: Event, now: Moment) -> [Effect] {
        var effects: [Effect] = []
        switch event {
        case .started(let log, let base, let end): start(log, base, end, &effects)
        case .offered(let offers): for one in offers { offer(one, &effects) }
        case .appended(let number): appended(number, now, &effects)
        case .appendFailed(let number, let failure): appendFailed(number, failure, now, &effects)
        case .ring(let ring):
            hasRing = true
            adopt(ring)
        case .scored(let number, let verdicts): scored(number, verdicts)
        case .callFailed(let number): callFailed(number)
        case .committed(let row): committed(row, &effects)
        case .commitFailed: commitFailed(now)
        case .checkpoint(let row): checkpointRead(row, &effects)
        case .checkpointUnavailable: checkpointUnavailable(now, &effects)
        case .logRead(.replay, let records, let next, let isAtEnd):
            replayRead(records, next: next, isAtEnd: isAtEnd, now, &effects)
        case .logRead(.backfill, let records, let next, let isAtEnd):
            backfillRead(records, next: next, isAtEnd: isAtEnd)
        case .logReadFailed(let purpose): logReadFailed(purpose, now, &effects)
        case .retired(let log, let base, let end): start(log, base, end, &effects)
        case .logFailed(let message): closeLog(message, &effects)
        case .drain: isDraining = true
        case .tick: giveUpOnOwners(now)
        }
        proceed(now, &effects)
        return effects
    }

    /// Whatever can go on now, does. Every event ends here, so no transition needs to know what waits for it.
    private mutating func proceed(_ now: Moment, _ effects: inout [Effect]) {
        replayNext(&effects)
        appendNext(now, &effects)
        callOwners(&effects)
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
        /// The name is given up: waits for the outstanding append, then for the new name. → starting
        case retiring(isOrdered: Bool)
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
        waiting.isEmpty && append == nil && (checkpoint.map { end <= $0.position } ?? (end == .start))
    }

    package var isStoreReachable: Bool {
        switch store {
        case .idle, .committing: true
        case .unknown, .reading: false
        }
    }
}
