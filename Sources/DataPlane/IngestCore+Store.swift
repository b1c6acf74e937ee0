import LogFormat
import Ports
import Telemetry

/// Storing: transactions from the checkpoint on, from memory where it still knows, else from the log.
extension IngestCore {
    /// What the next transaction has to begin with, once the row is known.
    private var nextToStore: LogPosition { checkpoint?.position ?? base }

    /// Memory forgets the oldest entries beyond its bound, if their verdicts are in the log.
    mutating func forgetLogged() {
        guard window.count > 1, let first = window.first else { return }
        var excess = Int(clamping: end - first.position) - unscoredReadings - limits.storingReadingsMax
        while excess > 0, let first = window.first, first.isComplete, first.isLogged {
            excess -= window.removeFirst().readings.count
        }
    }

    mutating func storeNext(_ now: Moment, _ effects: inout [Effect]) {
        switch store {
        case .reading, .committing:
            return
        case .unknown(let retryAt):
            guard phase != .retiring(isOrdered: true), now >= retryAt else { return }
            store = .reading
            effects.append(.readCheckpoint(log))
        case .idle:
            guard phase == .running, let row = checkpoint else { return orderRetirement(&effects) }
            let target = window.first?.position ?? end
            if row.position < target {
                storeFromLog(row, upTo: target, &effects)
            } else {
                backfill = nil
                storeFromMemory(row, now, &effects)
            }
        }
        orderRetirement(&effects)
    }

    private mutating func storeFromMemory(_ row: Checkpoint, _ now: Moment, _ effects: inout [Effect]) {
        guard let first = window.first, first.isComplete else { return }
        // The row stands inside an entry: it was moved by somebody else.
        guard first.position == row.position else { return retire() }
        let isDue = first.since.advanced(byMicroseconds: limits.commitDelay) <= now
        // Every event comes by here: nothing is walked over before a transaction may be made of it.
        guard isDue || isDraining || end - first.position >= UInt64(limits.commitReadingsMax) else { return }
        var count = 0
        var readings = 0
        while count < window.count, window[count].isComplete, readings < limits.commitReadingsMax {
            // An entry that would go beyond the bound waits for the next, but for the first.
            guard count == 0 || readings + window[count].readings.count <= limits.commitReadingsMax else { break }
            guard count == 0 || window[count].position == window[count - 1].end else { break }
            readings += window[count].readings.count
            count += 1
        }
        // Nothing more can join: the bound is reached, or the next entry is not a neighbour.
        let isFull = count < window.count && window[count].isComplete
        guard isFull || isDue || isDraining || readings >= limits.commitReadingsMax else { return }
        committing = (0..<count).map { _ in window.removeFirst() }
        let batches = committing.map {
            ScoredBatch(position: $0.position, readings: $0.readings, verdicts: $0.verdicts)
        }
        let last = committing[count - 1].end
        commit(
            StoreTransaction(
                log: log, start: row.position, end: last, batches: batches, damaged: 0, accepted: max(end, last)),
            &effects)
    }

    func retryMoment(_ now: Moment) -> Moment { now.advanced(byMicroseconds: storeRetryDelay) }

    mutating func commit(_ transaction: StoreTransaction, _ effects: inout [Effect]) {
        store = .committing(transaction)
        attempted = transaction.end
        effects.append(.commit(transaction))
    }

    mutating func committed(_ row: Checkpoint, _ effects: inout [Effect]) {
        guard case .committing = store else { return }
        committing.removeAll()
        store = .idle
        storeRetryDelay = limits.storeRetryFirst
        checkpoint = row
        effects.append(.trim(log, row.position))
    }

    /// It may have gone in: only the row can tell. What was taken goes back, in case it did not.
    mutating func commitFailed(_ now: Moment) {
        guard case .committing = store else { return }
        store = .unknown(retryAt: retryMoment(now))
        storeRetryDelay = min(storeRetryDelay * 2, limits.storeRetryLast)
        window.putBack(committing)
        committing.removeAll()
        backfill = nil
    }

    mutating func checkpointUnavailable(_ now: Moment, _ effects: inout [Effect]) {
        guard store == .reading else { return }
        store = .unknown(retryAt: retryMoment(now))
        storeRetryDelay = min(storeRetryDelay * 2, limits.storeRetryLast)
        // Accepting and scoring do not wait for a store that is away.
        if phase == .starting { beginReplay(from: base, &effects) }
    }

    mutating func checkpointRead(_ row: Checkpoint?, _ effects: inout [Effect]) {
        guard store == .reading, phase != .retiring(isOrdered: true) else { return }
        store = .idle
        let seen = checkpoint
        guard let row, row.log == log else {
            // A store that never heard of this log, or forgot it. If the log has forgotten too (trimmed), its
            // positions mean nothing there: it goes on under a new name.
            if base == .start && seen == nil {
                store = .reading
                return effects.append(.register(log))
            }
            return retire()
        }
        // Positions this log had not given when it was opened, or a row that somebody else moved: a restored disk, a
        // restored store, a copied folder. What the log still holds is stored again under a new name.
        let isBeyond = row.position > (seen == nil ? openedEnd : end)
        let isForeign = seen.map { row.position != $0.position && row.position != attempted } ?? false
        checkpoint = row
        if isBeyond || isForeign { return retire() }
        backfill = nil
        forgetStored()
        if phase == .starting { beginReplay(from: max(row.position, base), &effects) }
    }

    /// Entries before the row's position went in with a commit whose answer was lost.
    private mutating func forgetStored() {
        guard let position = checkpoint?.position else { return }
        while let first = window.first, first.end <= position {
            unscoredReadings -= first.unscoredCount
            _ = window.removeFirst()
        }
    }

    mutating func retire() {
        phase = .retiring(isOrdered: false)
    }

    /// The new name is made when no append is outstanding: every record is then either in the log or not.
    private mutating func orderRetirement(_ effects: inout [Effect]) {
        guard phase == .retiring(isOrdered: false), append == nil else { return }
        phase = .retiring(isOrdered: true)
        effects.append(.retire(log))
    }

    /// Begins the life of a log under a name: all that memory knew of the old one is read again from the log.
    mutating func start(_ log: LogID, _ base: LogPosition, _ end: LogPosition, _ effects: inout [Effect]) {
        self.log = log
        self.base = base
        self.end = end
        openedEnd = end
        attempted = nil
        phase = .starting
        checkpoint = nil
        window = EntryWindow()
        unscoredReadings = 0
        queues = [:]
        calls = [:]
        callsOfOldRing = []
        committing = []
        backfill = nil
        replay = Replay()
        verdictRecords = []
        verdictsAlone = false
        storeRetryDelay = limits.storeRetryFirst
        store = .reading
        effects.append(.readCheckpoint(log))
    }
}
