import HashRing
import LogFormat
import Telemetry

/// Whom readings wait for: the owner that the ring names, or whom it has sent them on to. Of each slot one call is on its
/// way at most; what belongs behind it waits for its end, though the slot may have another owner by then.
extension IngestCore {
    /// Where a slot's readings wait.
    enum Place: Hashable, Sendable {
        case owner(Owner)
        /// No member of the ring owns it.
        case nobody
        case held
    }

    /// A slot that its owner by the ring sent on. The next ring ends it.
    struct Detour: Hashable, Sendable {
        /// Nil: the ring's owner is to be asked again.
        var owner: Owner?
        /// Since the last verdicts.
        var moves: UInt8
    }

    /// Why a slot's readings are held back.
    enum Hold: Hashable, Sendable {
        /// A call with readings of it is still out at an owner that is not asked next.
        case call(CallNumber)
        /// Who has it is not in the ring yet.
        case until(Moment)
    }

    mutating func enter(_ entry: IngestEntry, _ now: Moment) {
        window.append(entry)
        unscoredReadings += entry.unscoredCount
        let all = Chunk(position: entry.position, readings: Array(0..<UInt32(entry.readings.count)), trouble: Trouble())
        for (place, chunk) in divide(all, entry, now) { wait(chunk, at: place) }
    }

    private mutating func wait(_ chunk: Chunk, at place: Place) {
        switch place {
        case .owner(let owner): queues[owner, default: CallQueue()].chunks.append(chunk)
        case .nobody: ownerless.append(chunk)
        case .held: held.append(chunk)
        }
    }

    private func place(of slot: Slot) -> Place {
        if !holds.isEmpty, holds[slot] != nil { return .held }
        if !detours.isEmpty, let owner = detours[slot]?.owner { return .owner(owner) }
        return ring.owner(of: slot).map { .owner($0) } ?? .nobody
    }

    /// The chunk's readings by where they are to wait.
    private func divide(_ chunk: Chunk, _ entry: IngestEntry, _ now: Moment) -> [(place: Place, chunk: Chunk)] {
        let places = entry.readings.series.map { place(of: Slot(of: $0.device)) }
        guard let first = places.first, !places.allSatisfy({ $0 == first }) else {
            return [(places.first ?? .nobody, placed(chunk, chunk.readings, places.first ?? .nobody, now))]
        }
        var known: [Place: Int] = [:]
        var parts: [(place: Place, readings: [UInt32])] = []
        for index in chunk.readings {
            let place = places[Int(entry.readings.seriesIndices[Int(index)])]
            let part = known[place] ?? parts.count
            if part == parts.count {
                known[place] = part
                parts.append((place, []))
            }
            parts[part].readings.append(index)
        }
        return parts.map { ($0.place, placed(chunk, $0.readings, $0.place, now)) }
    }

    private func placed(_ chunk: Chunk, _ readings: [UInt32], _ place: Place, _ now: Moment) -> Chunk {
        var trouble = chunk.trouble
        if place == .nobody, hasRing { trouble.since = trouble.since ?? now }
        return Chunk(position: chunk.position, readings: readings, trouble: trouble)
    }

    /// Puts chunks where they are to wait now, in log order with what waits there.
    mutating func place(_ chunks: [Chunk], _ now: Moment) {
        var touched: Set<Place> = []
        for chunk in chunks {
            // What the row has passed meanwhile, memory has forgotten: nobody waits for its verdict.
            guard let index = window.index(at: chunk.position) else { continue }
            for (place, part) in divide(chunk, window[index], now) {
                wait(part, at: place)
                touched.insert(place)
            }
        }
        let isBefore = { (one: Chunk, other: Chunk) in
            (one.position, one.readings.first ?? 0) < (other.position, other.readings.first ?? 0)
        }
        for place in touched {
            switch place {
            case .owner(let owner): queues[owner]?.chunks.sort(by: isBefore)
            case .nobody: ownerless.sort(by: isBefore)
            case .held: held.sort(by: isBefore)
            }
        }
    }

    // MARK: Rings

    /// The next ring: what waits is divided anew; what is on its way comes back by itself. Only slots that are on their
    /// way to another owner than their next wait for that.
    mutating func adopt(_ next: Ring, _ now: Moment) {
        let isFirst = !hasRing
        hasRing = true
        guard isFirst || next != ring else { return }
        ring = next
        let waiting = queues.values.flatMap(\.chunks) + ownerless + held
        var kept: [Owner: CallQueue] = [:]
        for owner in ring.owners {
            guard var queue = queues[owner] else { continue }
            queue.chunks = []
            queue.outstanding = nil
            kept[owner] = queue
        }
        (detours, holds, held, ownerless) = ([:], [:], [], [])
        for (number, call) in calls {
            if ring.owners.contains(call.owner) { kept[call.owner, default: CallQueue()].outstanding = number }
            for part in call.parts where ring.owner(of: part.slot) != call.owner { holds[part.slot] = .call(number) }
        }
        queues = kept
        place(waiting, now)
    }

    mutating func settle(_ number: CallNumber) -> Call? {
        guard let call = calls.removeValue(forKey: number) else { return nil }
        if queues[call.owner]?.outstanding == number { queues[call.owner]?.outstanding = nil }
        return call
    }

    /// What waited for that call's end goes on, behind what came back from it.
    mutating func release(_ number: CallNumber, _ now: Moment) {
        endHolds(now) { $0 == .call(number) }
    }

    mutating func endPauses(_ now: Moment) {
        endHolds(now) { if case .until(let moment) = $0 { moment <= now } else { false } }
    }

    private mutating func endHolds(_ now: Moment, _ isOver: (Hold) -> Bool) {
        guard !holds.isEmpty else { return }
        let left = holds.filter { !isOver($0.value) }
        guard left.count < holds.count else { return }
        holds = left
        let chunks = held
        held = []
        place(chunks, now)
    }

    // MARK: Slots that moved

    /// Asks those who have the slots now: at once, unless the ring does not know them yet, or nobody seems to have them.
    mutating func follow(_ moved: [Slot: Owner], _ call: Call, _ now: Moment) {
        var wanderers: Set<Slot> = []
        for (slot, owner) in moved {
            let moves = min(detours[slot]?.moves ?? 0, .max - 1) + 1
            let isKnown = ring.owners.contains(owner)
            detours[slot] = Detour(owner: isKnown ? owner : nil, moves: moves)
            if moves > SlotCore.movesMax { wanderers.insert(slot) }
            if !isKnown || moves > SlotCore.movesMax {
                holds[slot] = .until(now.advanced(byMicroseconds: limits.movedPause))
            }
        }
        var again: [Chunk] = []
        var lost: [Chunk] = []
        for chunk in call.chunks {
            guard let index = window.index(at: chunk.position) else { continue }
            let readings = window[index].readings
            let slots = readings.series.map { Slot(of: $0.device) }
            let slot = { (reading: UInt32) in slots[Int(readings.seriesIndices[Int(reading)])] }
            for isWandering in [false, true] {
                let mine = chunk.readings.filter {
                    moved[slot($0)] != nil && wanderers.contains(slot($0)) == isWandering
                }
                guard !mine.isEmpty else { continue }
                var trouble = chunk.trouble
                if isWandering { trouble.since = trouble.since ?? now }
                let isLost = isWandering && trouble.isOver(limits, now)
                let part = Chunk(position: chunk.position, readings: mine, trouble: trouble)
                if isLost { lost.append(part) } else { again.append(part) }
            }
        }
        giveUp(lost)
        placeWithQueue(of: call.owner, again, now)
    }

    /// Places chunks, and what waits behind them for that owner: their slots may be somebody else's by now.
    mutating func placeWithQueue(of owner: Owner, _ chunks: [Chunk], _ now: Moment) {
        let waiting = queues[owner]?.chunks ?? []
        queues[owner]?.chunks = []
        place(chunks + waiting, now)
    }

    /// The slot has verdicts: where it is, is known.
    mutating func arrived(_ slot: Slot) {
        guard let detour = detours[slot] else { return }
        detours[slot] = detour.owner.map { Detour(owner: $0, moves: 0) }
    }

    /// Whom the slots were sent on to did not answer: the ring's owner is asked again.
    /// - Returns: true if any slot is concerned.
    mutating func leaveDetours(to owner: Owner, _ call: Call) -> Bool {
        guard !detours.isEmpty else { return false }
        let left = call.parts.map(\.slot).filter { detours[$0]?.owner == owner }
        for slot in left { detours[slot]?.owner = nil }
        return !left.isEmpty
    }
}

extension IngestCore.Trouble {
    func isOver(_ limits: IngestLimits, _ now: Moment) -> Bool {
        since.map { $0.advanced(byMicroseconds: limits.unscoredAfter) <= now } ?? false
    }
}
