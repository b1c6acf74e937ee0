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
            guard !phase.isRetired, now >= retryAt else { return }
            store = .reading
            effects.append(.readCheckpoint(log))
        case .idle:
            guard phase == .running, let row = checkpoint else { break }
            let target = window.first?.position ?? end
            if row.position < target {
                storeFromLog(row, upTo: target, &effects)
            } else {
                backfill = nil
                storeFromMemory(row, now, &effects)
            }
            lookAtRow(now, &effects)
        }
        orderRetirement(now, &effects)
    }

    /// Now and then also when there is nothing to store.
    private mutating func lookAtRow(_ now: Moment, _ effects: inout [Effect]) {
        guard store == .idle, phase == .running, backfill == nil,
            rowSeenAt.advanced(byMicroseconds: limits.rowLook) <= now
        else { return }
        store = .reading
        effects.append(.readCheckpoint(log))
    }

    private mutating func storeFromMemory(_ row: Checkpoint, _ now: Moment, _ effects: inout [Effect]) {
        guard let first = window.first, first.isComplete else { return }
        // The row stands inside an entry: it was moved by somebody else.
        guard first.position == row.position else { return retire(.rowMisplaced) }
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
                log: log, writer: writer, start: row.position, end: last, batches: batches, damaged: 0,
                accepted: max(end, last)),
            &effects)
    }

    /// Nothing is known of the row: it is read again, later each time.
    mutating func askStoreLater(_ now: Moment) {
        store = .unknown(retryAt: now.advanced(byMicroseconds: storeRetryDelay))
        storeRetryDelay = min(storeRetryDelay * 2, limits.storeRetryLast)
    }

    mutating func commit(_ transaction: StoreTransaction, _ effects: inout [Effect]) {
        store = .committing(transaction)
        effects.append(.commit(transaction))
    }

    mutating func committed(_ row: Checkpoint, _ now: Moment, _ effects: inout [Effect]) {
        guard case .committing = store else { return }
        committing.removeAll()
        store = .idle
        storeRetryDelay = limits.storeRetryFirst
        checkpoint = row
        rowSeenAt = now
        effects.append(.trim(log, row.position))
    }

    /// It may have gone in: only the row can tell. What was taken goes back, in case it did not.
    mutating func commitFailed(_ now: Moment) {
        guard case .committing = store else { return }
        askStoreLater(now)
        window.putBack(committing)
        committing.removeAll()
        backfill = nil
    }

    mutating func checkpointUnavailable(_ now: Moment, _ effects: inout [Effect]) {
        guard store == .reading else { return }
        askStoreLater(now)
        // Accepting and scoring do not wait for a store that is away.
        if phase == .starting { beginReplay(from: base, now, &effects) }
    }

    mutating func checkpointRead(_ row: Checkpoint?, _ now: Moment, _ effects: inout [Effect]) {
        guard store == .reading, !phase.isRetired else { return }
        guard let row, row.log == log else {
            // A store that never heard of this log, or forgot it. If the log has forgotten too (trimmed), its
            // positions mean nothing there: it goes on under a new name.
            if base == .start && checkpoint == nil {
                return effects.append(.register(log, by: writer, replacing: opened.replaces))
            }
            store = .idle
            return retire(.rowMissing)
        }
        if checkpoint == nil, row.writer != writer, let reach = opened.reach(of: row.writer), row.position <= reach {
            claimedReach = reach
            return effects.append(.claim(log, from: row.writer, by: writer))
        }
        store = .idle
        rowSeenAt = now
        let contradiction = contradiction(of: row)
        let isClaimed = checkpoint == nil
        checkpoint = row
        if let contradiction { return retire(contradiction) }
        // The row proves that the log once reached further: what is gone is skipped, and counted when it is passed.
        if isClaimed { end = max(end, row.accepted) }
        backfill = nil
        forgetStored()
        effects.append(.trim(log, row.position))
        if phase == .starting { beginReplay(from: max(row.position, base), now, &effects) }
    }

    /// Why the row cannot be this log's; nil if it can.
    private func contradiction(of row: Checkpoint) -> RetireReason? {
        guard let seen = checkpoint else {
            // Positions that this log had not given when it was opened. Those it has given since are others.
            if row.position > opened.end { return .rowBeyondLog }
            guard row.writer == writer, row.position <= claimedReach ?? opened.end else { return .claimedByAnother }
            let hasGivenSince = end > opened.end || append.map { !$0.readings.isEmpty } ?? false
            return row.accepted > opened.end && hasGivenSince ? .rowBeyondLog : nil
        }
        if row.writer != writer { return .claimedByAnother }
        // Only this life moves the row, and only forward.
        return row.position < seen.position ? .rowMovedBack : nil
    }

    /// Entries before the row's position went in with a commit whose answer was lost.
    private mutating func forgetStored() {
        guard let position = checkpoint?.position else { return }
        while let first = window.first, first.end <= position {
            unscoredReadings -= first.unscoredCount
            _ = window.removeFirst()
        }
    }

    mutating func retire(_ reason: RetireReason) {
        phase = .retiring(reason, isOrdered: false)
    }

    /// The new name is made when no append and no call is outstanding: every record is then in the log or not, and with
    /// it every verdict that an owner gave.
    private mutating func orderRetirement(_ now: Moment, _ effects: inout [Effect]) {
        guard case .retiring(let reason, isOrdered: false) = phase, store == .idle, append == nil, calls.isEmpty,
            verdictRecords.isEmpty, retireAgainAt <= now
        else { return }
        phase = .retiring(reason, isOrdered: true)
        effects.append(.retire(log, reason))
    }

    mutating func retireFailed(_ message: String, _ now: Moment, _ effects: inout [Effect]) {
        guard case .retiring(let reason, isOrdered: true) = phase else { return }
        phase = .retiring(reason, isOrdered: false)
        retireAgainAt = now.advanced(byMicroseconds: limits.storeRetryLast)
        // Nothing is accepted until there is a name: nobody is kept waiting for that.
        refuseWaiting(.logFull(retryAfterSeconds: limits.fullRetryAfterSeconds), &effects)
    }

    /// Begins the life of a log under a name: all that memory knew of the old one is read again from the log.
    mutating func start(_ opened: OpenLog, _ effects: inout [Effect]) {
        log = opened.id
        base = opened.base
        end = opened.end
        self.opened = opened
        claimedReach = nil
        phase = .starting
        checkpoint = nil
        window = EntryWindow()
        unscoredReadings = 0
        queues = [:]
        ownerless = []
        calls = [:]
        (detours, holds, held) = ([:], [:], [])
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
