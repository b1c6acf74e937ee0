import HashRing
import LogFormat
import Telemetry

/// Scoring: readings to their owners in log order, verdicts back into the window.
extension IngestCore {
    /// Readings of one entry that wait for one owner, or for any.
    struct Chunk: Hashable, Sendable {
        let position: LogPosition
        /// Indices in the entry, rising.
        let readings: [UInt32]
        var trouble: Trouble
    }

    /// What a chunk's readings have been through; it goes with them from owner to owner.
    struct Trouble: Hashable, Sendable {
        /// When the first call with them failed, or no owner was to be found.
        var since: Moment?
        /// Owners that died under them, and the last of these: the same one asked again is not another.
        var ownersLost = 0
        var lastLost: Owner?
    }

    /// What waits for one owner, in log order.
    struct CallQueue: Hashable, Sendable {
        var chunks: [Chunk] = []
        var outstanding: CallNumber?
        /// After a call without an answer.
        var heldUntil = Moment(microseconds: .min)
        /// When the first of the calls without an answer failed; nil after an answer.
        var failingSince: Moment?
    }

    /// A call without an answer: `refs[i]` is where the verdict on the call's reading i goes.
    struct Call: Hashable, Sendable {
        let owner: Owner
        let chunks: [Chunk]
        let refs: [Ref]
        let parts: [ScoreCall.Part]
        let deadline: Moment
    }

    struct Ref: Hashable, Sendable {
        let position: LogPosition
        let reading: UInt32
    }

    mutating func callOwners(_ now: Moment, _ effects: inout [Effect]) {
        // A log that is about to be renamed lets its calls end: what they judged is then in it.
        guard !phase.isRetiring else { return }
        endPauses(now)
        for owner in ring.owners {
            guard let queue = queues[owner], queue.outstanding == nil, !queue.chunks.isEmpty, queue.heldUntil <= now
            else { continue }
            let chunks = takeChunks(of: owner)
            if !chunks.isEmpty { effects.append(.call(owner, makeCall(to: owner, with: chunks, now))) }
        }
    }

    private mutating func makeCall(to owner: Owner, with chunks: [Chunk], _ now: Moment) -> ScoreCall {
        callsCount += 1
        let number = CallNumber(callsCount)
        queues[owner]?.outstanding = number
        var call = ScoreCall(origin: log, writer: writer, number: number)
        var keys: [(slot: UInt16, series: UInt32, entry: Int, reading: UInt32)] = []
        for chunk in chunks {
            guard let index = window.index(at: chunk.position) else { continue }
            let batch = window[index].readings
            let offset = call.add(series: batch.series)
            let slots = batch.series.map { Slot(of: $0.device).number }
            for reading in chunk.readings {
                let series = batch.seriesIndices[Int(reading)]
                keys.append((slots[Int(series)], series + offset, index, reading))
            }
        }
        // By slot, and within it in log order: the key is unique, so the sort need not be stable.
        keys.sort { ($0.slot, $0.entry, $0.reading) < ($1.slot, $1.entry, $1.reading) }
        call.reserve(keys.count)
        var refs: [Ref] = []
        refs.reserveCapacity(keys.count)
        for key in keys {
            let entry = window[key.entry]
            let reading = Int(key.reading)
            call.append(
                slot: Slot(key.slot), series: key.series, time: entry.readings.times[reading],
                value: entry.readings.values[reading], receivedAt: entry.readings.receivedAt,
                position: entry.position + reading)
            refs.append(Ref(position: entry.position, reading: key.reading))
        }
        if !detours.isEmpty {
            for part in call.parts { call.note(moves: detours[part.slot]?.moves ?? 0, of: part.slot) }
        }
        calls[number] = Call(
            owner: owner, chunks: chunks, refs: refs, parts: call.parts,
            deadline: now.advanced(byMicroseconds: limits.callDeadline))
        return call
    }

    /// Whole chunks up to the call's bound; the first in any case (a record never exceeds the bound).
    private mutating func takeChunks(of owner: Owner) -> [Chunk] {
        guard let waiting = queues[owner]?.chunks else { return [] }
        var count = 0
        var readings = 0
        while count < waiting.count, count == 0 || readings + waiting[count].readings.count <= limits.callReadingsMax {
            readings += waiting[count].readings.count
            count += 1
        }
        // What the row has passed meanwhile, memory has forgotten: nobody waits for its verdict.
        let taken = waiting[..<count].filter { window.index(at: $0.position) != nil }
        queues[owner]?.chunks = Array(waiting[count...])
        return taken
    }

    mutating func scored(_ number: CallNumber, _ answer: ScoreAnswer, _ now: Moment) {
        guard let asked = calls[number] else { return }
        let moved = Dictionary(answer.moved.map { ($0.slot, $0.owner) }) { first, _ in first }
        let judged = asked.parts.filter { moved[$0.slot] == nil }
        let judgedCount = judged.reduce(0) { $0 + $1.readings.count }
        let isAnswer = asked.parts.count == judged.count + moved.count && judgedCount == answer.verdicts.count
        guard isAnswer, let call = settle(number) else { return callFailed(number, .noAnswer, now) }
        queues[call.owner]?.failingSince = nil
        var place = 0
        var index = 0
        for part in judged {
            for reading in part.readings {
                enter(answer.verdicts[place], at: call.refs[reading], &index)
                place += 1
            }
        }
        recordVerdicts(of: Set(call.chunks.map(\.position)).sorted())
        if !detours.isEmpty { for part in judged { arrived(part.slot) } }
        if !moved.isEmpty { follow(moved, call, now) }
        release(number, now)
    }

    /// - Parameter index: of the entry that the verdict before was for; mostly this one's too.
    private mutating func enter(_ verdict: Verdict, at ref: Ref, _ index: inout Int) {
        if index >= window.count || window[index].position != ref.position {
            guard let found = window.index(at: ref.position) else { return }
            index = found
        }
        window.modify(at: index) { entry in
            entry.verdicts[Int(ref.reading)] = verdict
            entry.unscoredCount -= 1
        }
        unscoredReadings -= 1
    }

    /// Tries again; or gives up on what two owners died under, or what failed for too long.
    mutating func callFailed(_ number: CallNumber, _ failure: CallFailure, _ now: Moment) {
        guard let call = settle(number) else { return }
        var again: [Chunk] = []
        var lost: [Chunk] = []
        for chunk in call.chunks {
            var chunk = chunk
            let since = chunk.trouble.since ?? now
            chunk.trouble.since = since
            if failure == .ownerLost, chunk.trouble.lastLost != call.owner {
                chunk.trouble.ownersLost += 1
                chunk.trouble.lastLost = call.owner
            }
            let isLost =
                chunk.trouble.ownersLost >= limits.ownersLostMax
                || since.advanced(byMicroseconds: limits.unscoredAfter) <= now
            if isLost { lost.append(chunk) } else { again.append(chunk) }
        }
        giveUp(lost)
        if leaveDetours(to: call.owner, call) { placeWithQueue(of: call.owner, again, now) } else { place(again, now) }
        release(number, now)
        guard ring.owners.contains(call.owner) else { return }
        queues[call.owner, default: CallQueue()].heldUntil = now.advanced(byMicroseconds: limits.callRetry)
        giveUpOnQueue(of: call.owner, now)
    }

    /// An owner that stays in the ring and answers nothing must not hold up what waits behind it, call by call.
    private mutating func giveUpOnQueue(of owner: Owner, _ now: Moment) {
        guard var queue = queues.removeValue(forKey: owner) else { return }
        let since = queue.failingSince ?? now
        queue.failingSince = since
        var lost: [Chunk] = []
        if since.advanced(byMicroseconds: limits.unscoredAfter) <= now {
            let isOld = { (chunk: Chunk) in
                guard let index = window.index(at: chunk.position) else { return true }
                return window[index].since.advanced(byMicroseconds: limits.unscoredAfter) <= now
            }
            lost = queue.chunks.filter(isOld)
            queue.chunks.removeAll(where: isOld)
        }
        queues[owner] = queue
        giveUp(lost)
    }

    /// Replies get lost, and owners hang: their answers, if they still come, find no call.
    mutating func expireCalls(_ now: Moment) {
        for number in calls.filter({ $0.value.deadline <= now }).keys.sorted() { callFailed(number, .noAnswer, now) }
    }

    /// The chunks' readings stay `unscored`.
    mutating func giveUp(_ chunks: [Chunk]) {
        for chunk in chunks {
            guard let index = window.index(at: chunk.position) else { continue }
            unscoredReadings -= chunk.readings.count
            window.modify(at: index) { $0.unscoredCount -= chunk.readings.count }
        }
        recordVerdicts(of: Set(chunks.map(\.position)).sorted())
    }

    /// Readings that found no owner in time are stored as they are: nothing blocks the rest. A ring with members gives
    /// every slot an owner, and an owner that does not answer is settled by its call's failure.
    mutating func giveUpOnOwners(_ now: Moment) {
        guard hasRing, !ownerless.isEmpty else { return }
        let isLost = { (chunk: Chunk) in
            chunk.trouble.since.map { $0.advanced(byMicroseconds: limits.unscoredAfter) <= now } ?? false
        }
        let lost = ownerless.filter(isLost)
        guard !lost.isEmpty else { return }
        ownerless.removeAll(where: isLost)
        giveUp(lost)
    }

    /// Writes the verdicts of entries that are complete now: one record for neighbours.
    private mutating func recordVerdicts(of positions: [LogPosition]) {
        var run: (start: LogPosition, verdicts: VerdictBatch)?
        for position in positions {
            guard let index = window.index(at: position), window[index].isComplete else { continue }
            let verdicts = window[index].verdicts
            if let open = run, open.start + open.verdicts.count == position,
                open.verdicts.count + verdicts.count <= limits.recordReadingsMax
            {
                run?.verdicts.append(0..<verdicts.count, of: verdicts)
            } else {
                if let open = run { verdictRecords.append(.verdicts(open.start, open.verdicts)) }
                run = (position, verdicts)
            }
        }
        if let open = run { verdictRecords.append(.verdicts(open.start, open.verdicts)) }
    }
}
