import LogFormat
import Ports
import Telemetry

/// Reading the log: once at the start for what has no verdict, later for what memory did not keep.
extension IngestCore {
    /// Batches seen in the log whose verdicts did not come yet, and verdicts that wait for the store.
    struct Replay: Hashable, Sendable {
        var from = LogPosition.start
        var unscored: [LogPosition: ReadingBatch] = [:]
        /// Positions of `unscored`, rising, some gone: the order that a dictionary does not have.
        var order: [LogPosition] = []
        var unscoredReadings = 0
        /// Where to go on once the owners have caught up with what was found so far.
        var paused: LogCursor?
        /// The read that is outstanding, or failed; how often, and when it is tried again.
        var reading = ReadStart.position(.start)
        var failures = 0
        var retryAt: Moment?

        mutating func found(_ position: LogPosition, _ batch: ReadingBatch) {
            guard order.last.map({ $0 < position }) ?? true else { return }
            unscored[position] = batch
            order.append(position)
            unscoredReadings += batch.count
        }

        /// Positions that the verdicts cover and that were stored, or seen before, are simply not there.
        mutating func judged(_ positions: Range<LogPosition>) {
            let first = order.partitionPoint { $0 < positions.lowerBound }
            for position in order[first...].prefix(while: { $0 < positions.upperBound }) {
                if let batch = unscored.removeValue(forKey: position) { unscoredReadings -= batch.count }
            }
            if order.count > 1_024, order.count > 4 * unscored.count { order.removeAll { unscored[$0] == nil } }
        }
    }

    // MARK: Replay

    mutating func beginReplay(from position: LogPosition, _ now: Moment, _ effects: inout [Effect]) {
        phase = .replaying
        replay = Replay()
        replay.from = position
        guard position < end else { return endReplay(now) }
        replay.reading = .position(position)
        effects.append(.readLog(.replay, log, replay.reading))
    }

    mutating func replayRead(
        _ records: [LogRecord], next: LogCursor, isAtEnd: Bool, _ now: Moment
    ) {
        guard phase == .replaying else { return }
        replay.failures = 0
        for record in records {
            switch record {
            case .readings(let position, let batch):
                if position + batch.count > replay.from { replay.found(position, batch) }
            case .verdicts(let position, let verdicts):
                replay.judged(position..<(position + verdicts.count))
            }
        }
        if isAtEnd { return endReplay(now) }
        replay.paused = next
        // Far more than a crash leaves without verdicts: a log under a new name has none at all. Memory takes it in
        // portions, as fast as the owners judge.
        if replay.unscoredReadings >= limits.replayReadingsMax { enterReplayed(now) }
    }

    /// Reads on when there is room for what may be found.
    mutating func replayNext(_ now: Moment, _ effects: inout [Effect]) {
        if phase == .replaying, let retryAt = replay.retryAt, retryAt <= now {
            replay.retryAt = nil
            return effects.append(.readLog(.replay, log, replay.reading))
        }
        guard phase == .replaying, let cursor = replay.paused, unscoredReadings < limits.scoringReadingsMax else {
            return
        }
        replay.paused = nil
        replay.reading = .cursor(cursor)
        effects.append(.readLog(.replay, log, replay.reading))
    }

    private mutating func enterReplayed(_ now: Moment) {
        for position in replay.order {
            // The row may have been seen since it was read: what is stored needs no verdict.
            guard let batch = replay.unscored[position], position + batch.count > checkpoint?.position ?? .start else {
                continue
            }
            enter(IngestEntry(position: position, readings: batch, since: now), now)
        }
        let from = replay.from
        let paused = replay.paused
        replay = Replay()
        replay.from = from
        replay.paused = paused
    }

    private mutating func endReplay(_ now: Moment) {
        enterReplayed(now)
        replay = Replay()
        phase = .running
    }

    // MARK: Backfill

    /// Stores what lies between the row and the first entry in memory.
    mutating func storeFromLog(
        _ row: Checkpoint, upTo target: LogPosition, _ effects: inout [Effect]
    ) {
        var gap = backfill ?? Backfill(from: row.position)
        guard !gap.isReading else { return }
        backfill = nil  // one owner of its arrays, so that changing them copies nothing
        defer { backfill = gap }
        // Memory has forgotten more since the log's end was seen: read on.
        if gap.isAtEnd, row.position >= gap.covers { gap.isAtEnd = false }
        let target = gap.isAtEnd ? min(target, gap.covers) : target
        gap.advance(from: row.position, to: target, readingsMax: limits.commitReadingsMax)
        let isExhausted = gap.isExhausted(before: target)
        guard isExhausted || gap.readyReadings >= limits.commitReadingsMax else {
            return effects.append(.readLog(.backfill, log, gap.order(upTo: target)))
        }
        let batches = gap.takeReady()
        if let first = batches.first, first.position < row.position { return retire(.rowMisplaced) }
        // What lies between the batches, and before the target when nothing more is in the log, is lost on disk.
        var next = row.position
        var damaged: UInt64 = 0
        for batch in batches {
            damaged += batch.position - next
            next = batch.end
        }
        if isExhausted {
            damaged += target - next
            next = max(next, target)
        }
        commit(
            StoreTransaction(
                log: log, writer: writer, start: row.position, end: next, batches: batches, damaged: damaged,
                accepted: max(end, next)), &effects)
    }

    mutating func backfillRead(_ records: [LogRecord], next: LogCursor, isAtEnd: Bool) {
        guard var gap = backfill, gap.isReading else { return }
        backfill = nil
        gap.take(records, next: next, isAtEnd: isAtEnd)
        backfill = gap
    }

    mutating func logReadFailed(_ purpose: ReadPurpose, _ now: Moment) {
        switch purpose {
        case .replay:
            guard phase == .replaying else { return }
            replay.failures += 1
            if replay.failures < limits.replayTriesMax {
                replay.retryAt = now.advanced(byMicroseconds: limits.replayRetry)
            } else {
                // What cannot be read cannot be scored: a later read stores it `unscored`, or counts it as damaged.
                endReplay(now)
            }
        case .backfill:
            guard phase == .running else { return }
            backfill = nil
            askStoreLater(now)
        }
    }
}
