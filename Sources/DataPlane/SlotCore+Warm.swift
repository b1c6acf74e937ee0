import Detection
import HashRing
import Ports
import Telemetry

/// Warming up: from cold to open, with a former owner's state, with the store's rows, or without.
extension SlotCore {
    /// Asks the owners that may have the state, or else the store.
    mutating func warm(
        from owners: [Owner], keeping kept: Open = Open(), for calls: [Waiting] = [], _ now: Moment,
        _ models: inout ModelRegistry
    ) -> [Effect] {
        var warming = Warming(since: now, open: kept, calls: calls)
        warming.open.pulls = [:]
        warming.open.offeredAt = nil
        var effects: [Effect] = []
        for owner in owners { ask(owner, &warming, now, &effects) }
        return effects + goOn(warming, now, &models)
    }

    func ask(_ owner: Owner, _ warming: inout Warming, _ now: Moment, _ effects: inout [Effect]) {
        guard warming.open.ask(owner, now) else { return }
        warming.asked.insert(owner)
        effects.append(.pull(slot, from: owner))
    }

    /// Opens the slot once nothing is awaited that would make it better.
    mutating func goOn(_ warming: Warming, _ now: Moment, _ models: inout ModelRegistry) -> [Effect] {
        state = .warming(warming)
        guard !warming.awaitsRing, !warming.open.awaitsPull else { return [] }
        if warming.hasState { return open(warming, now, &models) }
        switch warming.rows {
        case .asked: return []
        case .came, .failed: return open(warming, now, &models)
        case .unasked:
            var asking = warming
            asking.rows = .asked
            state = .warming(asking)
            return [.warm(slot)]
        }
    }

    /// Calls that waited are judged, then those who asked for the slot have it.
    private mutating func open(_ warming: Warming, _ now: Moment, _ models: inout ModelRegistry) -> [Effect] {
        var open = warming.open
        let isWhole = warming.rows == .came || (warming.hasState && !warming.hasGaps)
        open.rowsAskedAt = isWhole ? nil : now
        open.quietSince = nil
        state = .open(open)
        watch.begin(now)
        var effects: [Effect] = []
        for one in warming.calls { effects += score(one.ticket, one.call, one.part, now, &models) }
        for pull in warming.pulls {
            // Who waited in vain has gone on without: sealing for it would leave the slot with nobody.
            let isLate = pull.since.advanced(byMicroseconds: Self.givePatience) <= now
            effects += isLate ? [.give(pull.ticket, .nothing)] : pullRequested(pull.ticket, by: pull.owner, now)
        }
        return effects + offerIfDue(now)
    }

    mutating func warmed(
        _ rows: [LatestRow], _ stored: [Tombstone], _ now: Moment, _ models: inout ModelRegistry
    ) -> [Effect] {
        switch state {
        case .warming(var warming) where warming.rows == .asked:
            state = .cold
            for tombstone in stored { bury(tombstone, in: &warming.open) }
            let ended = warming.open.take(rows, but: tombstones, isLaterTaken: true, now)
            warming.rows = .came
            return ended.map(Effect.silenceEnded) + goOn(warming, now, &models)
        case .open(var open) where open.rowsAskedAt != nil:
            state = .cold
            for tombstone in stored { bury(tombstone, in: &open) }
            open.rowsAskedAt = nil
            let ended = open.take(rows, but: tombstones, now)
            state = .open(open)
            return ended.map(Effect.silenceEnded)
        case .cold, .warming, .open, .sealed:
            return []
        }
    }

    mutating func warmFailed(_ now: Moment, _ models: inout ModelRegistry) -> [Effect] {
        guard case .warming(var warming) = state, warming.rows == .asked else { return [] }
        warming.rows = .failed
        return goOn(warming, now, &models)
    }

    /// Nobody keeps calls waiting for longer than his patience: another owner, then the store. Those are asked again: a
    /// state that comes late is taken where it is later, rows for series that sent nothing until then, tombstones for all.
    mutating func tick(_ now: Moment, _ models: inout ModelRegistry) -> [Effect] {
        switch state {
        case .cold: return []
        case .warming(let warming): return losePatience(warming, now, &models)
        case .open(var open):
            if open.panelsWait {
                state = .cold
                open.beginWaitingPanels(now)
                state = .open(open)
            }
            return askAgain(open, now) + offerIfDue(now)
        case .sealed(let sealed): return keep(sealed, now, &models)
        }
    }

    private mutating func losePatience(
        _ warming: Warming, _ now: Moment, _ models: inout ModelRegistry
    ) -> [Effect] {
        var warming = warming
        for (owner, pull) in warming.open.pulls
        where pull.askedAt.advanced(byMicroseconds: Self.pullPatience) <= now {
            warming.open.pulls[owner]?.isAwaited = false
        }
        if warming.since.advanced(byMicroseconds: Self.ringPatience) <= now { warming.awaitsRing = false }
        if warming.since.advanced(byMicroseconds: Self.warmPatience) <= now {
            if warming.rows != .came { warming.rows = .failed }
            for owner in warming.open.pulls.keys { warming.open.pulls[owner]?.isAwaited = false }
        }
        return goOn(warming, now, &models)
    }

    private mutating func askAgain(_ open: Open, _ now: Moment) -> [Effect] {
        let isRowsDue = open.rowsAskedAt.map { $0.advanced(byMicroseconds: Self.warmRetry) <= now } ?? false
        let due = open.pulls.filter { $0.value.askedAt.advanced(byMicroseconds: Self.pullRetry) <= now }.keys.sorted()
        guard isRowsDue || !due.isEmpty else { return [] }
        state = .cold
        var again = open
        var effects: [Effect] = []
        if isRowsDue {
            again.rowsAskedAt = now
            effects.append(.warm(slot))
        }
        for owner in due {
            if (again.pulls[owner]?.triesCount ?? 0) < Self.pullTriesMax, again.ask(owner, now) {
                effects.append(.pull(slot, from: owner))
            } else {
                again.pulls[owner] = nil
            }
        }
        state = .open(again)
        return effects
    }
}
