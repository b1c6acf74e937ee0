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
        var retryAt: ReadStart?
    }

    /// The gap between the row and what memory knows, read in order.
    struct Backfill: Hashable, Sendable {
        var batches: [Batch] = []
        var verdicts: [Verdicts] = []
        var next: ReadStart
        var isReading = false
        /// The last read reached the end of the log: nothing before `covers` will still be found.
        var isAtEnd = false
        /// How far the gap reached when the last read was ordered.
        var covers = LogPosition.start

        struct Batch: Hashable, Sendable {
            let position: LogPosition
            let readings: ReadingBatch
        }

        struct Verdicts: Hashable, Sendable {
            let position: LogPosition
            let verdicts: VerdictBatch
        }
    }

    // MARK: Replay

    mutating func beginReplay(from position: LogPosition, _ effects: inout [Effect]) {
        phase = .replaying
        replay = Replay()
        replay.from = position
        guard position < end else { return endReplay(Moment(microseconds: 0)) }
        effects.append(.readLog(.replay, .position(position)))
    }

    mutating func replayRead(
        _ records: [LogRecord], next: LogCursor, isAtEnd: Bool, _ now: Moment, _ effects: inout [Effect]
    ) {
        guard phase == .replaying else { return }
        for record in records {
            switch record {
            case .readings(let position, let batch):
                guard position + batch.count > replay.from else { continue }
                replay.unscored[position] = batch
                replay.order.append(position)
            case .verdicts(let position, let verdicts):
                var position = position
                let end = position + verdicts.count
                while position < end, let batch = replay.unscored.removeValue(forKey: position) {
                    position = position + batch.count
                }
            }
        }
        if isAtEnd { return endReplay(now) }
        replay.order.removeAll { replay.unscored[$0] == nil }
        effects.append(.readLog(.replay, .cursor(next)))
    }

    private mutating func endReplay(_ now: Moment) {
        for position in replay.order {
            guard let batch = replay.unscored[position] else { continue }
            enter(IngestEntry(position: position, readings: batch, since: now))
        }
        replay = Replay()
        phase = .running
    }

    // MARK: Backfill

    /// Stores what lies between the row and the first entry in memory. Every verdict on it is in the log: entries are
    /// forgotten only then.
    mutating func storeFromLog(
        _ row: Checkpoint, upTo target: LogPosition, _ now: Moment, _ effects: inout [Effect]
    ) {
        var gap = backfill ?? Backfill(next: .position(row.position))
        defer { backfill = gap }
        // Memory has forgotten more since the log's end was seen: read on.
        if gap.isAtEnd, row.position >= gap.covers { gap.isAtEnd = false }
        let target = gap.isAtEnd ? min(target, gap.covers) : target
        var next = row.position
        var damaged: UInt64 = 0
        var batches: [ScoredBatch] = []
        var readings = 0
        while let batch = gap.batches.first, batch.position < target, readings < limits.commitReadingsMax {
            let end = batch.position + batch.readings.count
            guard end > next else {
                gap.batches.removeFirst()
                continue
            }
            guard let verdicts = gap.takeVerdicts(on: batch) else { break }
            gap.batches.removeFirst()
            damaged += batch.position - next
            next = end
            readings += batch.readings.count
            batches.append(ScoredBatch(position: batch.position, readings: batch.readings, verdicts: verdicts))
        }
        // Nothing more of the gap is in the log: the rest of it is lost on disk.
        let isExhausted = gap.isAtEnd && gap.batches.first.map { $0.position >= target } ?? gap.isAtEnd
        if isExhausted, next < target {
            damaged += target - next
            next = target
        }
        if readings >= limits.commitReadingsMax || (isExhausted && next > row.position) {
            commit(
                StoreTransaction(
                    log: log, start: row.position, end: next, batches: batches, damaged: damaged,
                    accepted: max(end, next)), &effects)
        } else {
            // Not enough for a transaction: what was taken waits for more.
            gap.putBack(batches)
            guard !gap.isReading, !gap.isAtEnd else { return }
            gap.isReading = true
            gap.covers = target
            effects.append(.readLog(.backfill, gap.next))
        }
    }

    mutating func backfillRead(_ records: [LogRecord], next: LogCursor, isAtEnd: Bool) {
        guard var gap = backfill, gap.isReading else { return }
        gap.isReading = false
        gap.next = .cursor(next)
        gap.isAtEnd = isAtEnd
        for record in records {
            switch record {
            case .readings(let position, let batch):
                gap.batches.append(Backfill.Batch(position: position, readings: batch))
            case .verdicts(let position, let verdicts):
                gap.verdicts.append(Backfill.Verdicts(position: position, verdicts: verdicts))
            }
        }
        backfill = gap
    }

    mutating func logReadFailed(_ purpose: ReadPurpose, _ now: Moment, _ effects: inout [Effect]) {
        switch purpose {
        case .replay:
            // What cannot be read cannot be scored either; it shows as damaged once the row has passed it.
            if phase == .replaying { endReplay(now) }
        case .backfill:
            backfill = nil
            store = .unknown(retryAt: retryMoment(now))
            storeRetryDelay = min(storeRetryDelay * 2, limits.storeRetryLast)
        }
    }
}

extension IngestCore.Backfill {
    /// The verdicts on a batch, put together from the records that cover it; nil if they must still be read.
    ///
    /// At the log's end, readings whose verdict record was damaged are `unscored`: scoring them again could change what
    /// somebody has seen.
    mutating func takeVerdicts(on batch: Batch) -> VerdictBatch? {
        let end = batch.position + batch.readings.count
        let covering = verdicts.filter { $0.position < end && $0.position + $0.verdicts.count > batch.position }
        if let whole = covering.last(where: {
            $0.position <= batch.position && $0.position + $0.verdicts.count >= end
        }) {
            let offset = Int(batch.position - whole.position)
            verdicts.removeAll { $0.position + $0.verdicts.count <= end }
            return whole.verdicts.slice(offset..<(offset + batch.readings.count))
        }
        return isAtEnd ? VerdictBatch(repeating: .unscored, count: batch.readings.count) : nil
    }

    mutating func putBack(_ taken: [ScoredBatch]) {
        guard !taken.isEmpty else { return }
        batches.insert(contentsOf: taken.map { Batch(position: $0.position, readings: $0.readings) }, at: 0)
        verdicts.insert(contentsOf: taken.map { Verdicts(position: $0.position, verdicts: $0.verdicts) }, at: 0)
    }
}
