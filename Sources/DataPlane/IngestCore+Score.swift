import HashRing
import LogFormat
import Telemetry

/// Scoring: readings to their owners in log order, verdicts back into the window.
extension IngestCore {
    /// Readings of one entry that wait for one owner.
    struct Chunk: Hashable, Sendable {
        let position: LogPosition
        /// Indices in the entry, rising.
        let readings: [UInt32]
    }

    /// What waits for one owner, in log order.
    struct CallQueue: Hashable, Sendable {
        var chunks: [Chunk] = []
        var outstanding: CallNumber?
    }

    /// A call without an answer: `refs[i]` is where the verdict on the call's reading i goes.
    struct Call: Hashable, Sendable {
        let owner: Owner
        let chunks: [Chunk]
        let refs: [Ref]
    }

    struct Ref: Hashable, Sendable {
        let position: LogPosition
        let reading: UInt32
    }

    mutating func enter(_ entry: IngestEntry) {
        window.append(entry)
        unscoredReadings += entry.unscoredCount
        enqueue(entry, only: nil)
    }

    /// Divides the entry's readings (those in `only`, or all) among their owners' queues.
    private mutating func enqueue(_ entry: IngestEntry, only: [UInt32]?) {
        let slots = entry.readings.series.map { Slot(of: $0.device) }
        var indicesByOwner: [(owner: Owner, indices: [UInt32])] = []
        let owners = slots.map { ring.owner(of: $0) }
        if let owner = owners.first.flatMap({ $0 }), owners.allSatisfy({ $0 == owner }) {
            indicesByOwner = [(owner, only ?? Array(0..<UInt32(entry.readings.count)))]
        } else {
            var places: [Owner: Int] = [:]
            for index in only ?? Array(0..<UInt32(entry.readings.count)) {
                guard let owner = owners[Int(entry.readings.seriesIndices[Int(index)])] else { continue }
                let place = places[owner] ?? indicesByOwner.count
                if place == indicesByOwner.count {
                    places[owner] = place
                    indicesByOwner.append((owner, []))
                }
                indicesByOwner[place].indices.append(index)
            }
        }
        for (owner, indices) in indicesByOwner where !indices.isEmpty {
            queues[owner, default: CallQueue()].chunks.append(Chunk(position: entry.position, readings: indices))
        }
    }

    /// The next ring: queues are made anew from what has no verdict and is not on its way.
    mutating func adopt(_ next: Ring) {
        guard next != ring else { return }
        ring = next
        callsOfOldRing = Set(calls.keys)
        queues = [:]
        let onTheWay = Set(calls.values.flatMap(\.refs))
        for index in 0..<window.count where !window[index].isComplete {
            let entry = window[index]
            let missing = (0..<UInt32(entry.readings.count)).filter {
                entry.verdicts.results[Int($0)] == .unscored && !entry.givenUp.contains($0)
                    && !onTheWay.contains(Ref(position: entry.position, reading: $0))
            }
            enqueue(entry, only: missing)
        }
    }

    mutating func callOwners(_ effects: inout [Effect]) {
        guard callsOfOldRing.isEmpty else { return }
        for owner in ring.owners {
            guard let queue = queues[owner], queue.outstanding == nil, !queue.chunks.isEmpty else { continue }
            effects.append(.call(owner, makeCall(to: owner)))
        }
    }

    private mutating func makeCall(to owner: Owner) -> ScoreCall {
        callsCount += 1
        let number = CallNumber(callsCount)
        let chunks = takeChunks(of: owner)
        queues[owner]?.outstanding = number
        var call = ScoreCall(origin: log, number: number)
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
        calls[number] = Call(owner: owner, chunks: chunks, refs: refs)
        return call
    }

    /// Whole chunks up to the call's bound; the first in any case (a record never exceeds the bound).
    private mutating func takeChunks(of owner: Owner) -> [Chunk] {
        guard var queue = queues[owner] else { return [] }
        var count = 0
        var readings = 0
        while count < queue.chunks.count,
            count == 0 || readings + queue.chunks[count].readings.count <= limits.callReadingsMax
        {
            readings += queue.chunks[count].readings.count
            count += 1
        }
        let taken = Array(queue.chunks[..<count])
        queue.chunks.removeFirst(count)
        queues[owner] = queue
        return taken
    }

    mutating func scored(_ number: CallNumber, _ verdicts: VerdictBatch) {
        guard let call = settle(number) else { return }
        guard verdicts.count == call.refs.count else { return requeue(call, but: []) }
        var index = 0
        for (place, ref) in call.refs.enumerated() {
            if index >= window.count || window[index].position != ref.position {
                guard let found = window.index(at: ref.position) else { continue }
                index = found
            }
            let verdict = verdicts[place]
            window.modify(at: index) { entry in
                entry.verdicts[Int(ref.reading)] = verdict
                entry.unscoredCount -= 1
            }
            unscoredReadings -= 1
        }
        recordVerdicts(of: Set(call.chunks.map(\.position)).sorted())
    }

    mutating func callFailed(_ number: CallNumber) {
        guard let call = settle(number) else { return }
        for position in Set(call.chunks.map(\.position)).sorted() {
            guard let index = window.index(at: position) else { continue }
            window.modify(at: index) { $0.ownersLost += 1 }
        }
        let lost = call.chunks.filter { chunk in
            window.index(at: chunk.position).map { window[$0].ownersLost >= limits.ownersLostMax } ?? false
        }
        for chunk in lost { giveUp(chunk) }
        requeue(call, but: Set(lost.map(\.position)))
        recordVerdicts(of: Set(lost.map(\.position)).sorted())
    }

    /// The chunk's readings stay `unscored`.
    private mutating func giveUp(_ chunk: Chunk) {
        guard let index = window.index(at: chunk.position) else { return }
        unscoredReadings -= chunk.readings.count
        window.modify(at: index) { entry in
            entry.unscoredCount -= chunk.readings.count
            entry.givenUp.formUnion(chunk.readings)
        }
    }

    private mutating func settle(_ number: CallNumber) -> Call? {
        guard let call = calls.removeValue(forKey: number) else { return nil }
        callsOfOldRing.remove(number)
        if queues[call.owner]?.outstanding == number { queues[call.owner]?.outstanding = nil }
        return call
    }

    /// Back to the front of the queues, by the ring of now.
    private mutating func requeue(_ call: Call, but gone: Set<LogPosition>) {
        let later = queues
        queues = queues.mapValues { CallQueue(outstanding: $0.outstanding) }
        for chunk in call.chunks where !gone.contains(chunk.position) {
            guard let index = window.index(at: chunk.position) else { continue }
            enqueue(window[index], only: chunk.readings)
        }
        for (owner, queue) in later {
            queues[owner, default: CallQueue(outstanding: queue.outstanding)].chunks += queue.chunks
        }
    }

    /// Readings that found no owner in time are stored as they are: nothing blocks the rest. A ring with members gives
    /// every slot an owner, and an owner that does not answer is settled by its call's failure.
    mutating func giveUpOnOwners(_ now: Moment) {
        guard hasRing, ring.owners.isEmpty, unscoredReadings > 0 else { return }
        let onTheWay = Set(calls.values.flatMap(\.chunks).map(\.position))
        var givenUp: [LogPosition] = []
        for index in 0..<window.count {
            let entry = window[index]
            guard entry.since.advanced(byMicroseconds: limits.unscoredAfter) <= now else { break }
            guard !entry.isComplete, !onTheWay.contains(entry.position) else { continue }
            unscoredReadings -= entry.unscoredCount
            window.modify(at: index) { $0.unscoredCount = 0 }
            givenUp.append(entry.position)
        }
        recordVerdicts(of: givenUp)
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
