import Detection
import HashRing
import Ports
import Telemetry

/// From owner to owner: who the ring names pulls, who has the state gives it, once, and says so from then on.
extension SlotCore {
    mutating func owned(from former: Owner?, _ now: Moment, _ models: inout ModelRegistry) -> [Effect] {
        holder = .me
        switch state {
        case .cold: return warm(from: former.map { [$0] } ?? [], now, &models)
        case .warming(var warming):
            var effects: [Effect] = []
            if let former, !warming.asked.contains(former) { ask(former, &warming, now, &effects) }
            warming.awaitsRing = false
            return effects + goOn(warming, now, &models)
        case .open(var open):
            // Perhaps given back before it was pulled: it simply goes on.
            open.offeredAt = nil
            state = .open(open)
            // Devices that spoke through a member that is gone need time to find another.
            watch.begin(now)
            return []
        case .sealed(let sealed):
            let owners = [sealed.to] + (former.map { $0 == sealed.to ? [] : [$0] } ?? [])
            return warm(from: owners, keeping: sealed.open, now, &models)
        }
    }

    mutating func disowned(to next: Owner?, _ now: Moment, _ models: inout ModelRegistry) -> [Effect] {
        let before = holder
        holder = next.map { .other($0) } ?? .nobody
        if case .warming(let warming) = state, warming.awaitsRing {
            // As if they came now.
            state = .cold
            var effects = warming.calls.flatMap { score($0.ticket, $0.call, $0.part, now, &models) }
            for pull in warming.pulls { effects += pullRequested(pull.ticket, by: pull.owner, now) }
            return effects
        }
        guard holder != before, case .open(var open) = state else { return [] }
        open.offeredAt = nil
        open.offersCount = 0
        state = .open(open)
        return offerIfDue(now)
    }

    // MARK: Giving

    /// Who pulls wants the slot: it is sealed and given. Asked again it is given again, since answers get lost.
    mutating func pullRequested(_ ticket: PullTicket, by owner: Owner, _ now: Moment) -> [Effect] {
        switch state {
        case .cold: return [.give(ticket, .nothing)]
        case .warming(var warming):
            // It may be on its way here from the very owner that wants it back: it waits too, if not for long.
            guard warming.pulls.count < Self.waitingPullsMax else { return [.give(ticket, .nothing)] }
            warming.pulls.append(WaitingPull(ticket: ticket, owner: owner, since: now))
            state = .warming(warming)
            return []
        case .open(let open):
            state = .sealed(Sealed(to: owner, open: open, since: now))
            return [.give(ticket, Gift(state: given(open)))]
        case .sealed(let sealed):
            let passedOn = sealed.to == owner ? nil : sealed.to
            state = .sealed(Sealed(to: owner, open: sealed.open, since: sealed.since))
            return [.give(ticket, Gift(state: given(sealed.open), passedOn: passedOn))]
        }
    }

    private func given(_ open: Open) -> SlotState {
        SlotState(
            series: open.series, replies: open.replies.mapValues(\.verdicts), tombstones: tombstones,
            awaitsRows: open.rowsAskedAt != nil)
    }

    /// What was given away is kept for a while, in case that it did not arrive; a slot that is this owner's all the same
    /// comes back.
    mutating func keep(_ sealed: Sealed, _ now: Moment, _ models: inout ModelRegistry) -> [Effect] {
        let kept = holder == .me ? Self.sealedMineKept : Self.sealedKept
        guard sealed.since.advanced(byMicroseconds: kept) <= now else { return [] }
        guard holder == .me else {
            state = .cold
            return []
        }
        return warm(from: [sealed.to], keeping: sealed.open, now, &models)
    }

    // MARK: Offering

    /// The ring's owner may have opened without the state, or not know that there is one: it is told until it pulls.
    mutating func offerIfDue(_ now: Moment) -> [Effect] {
        guard case .other(let owner) = holder, case .open(var open) = state else { return [] }
        guard open.offeredAt.map({ $0.advanced(byMicroseconds: Self.offerRetry) <= now }) ?? true else { return [] }
        let isTold = !open.series.values.contains { $0.isChanged }
        open.quietSince = isTold ? open.quietSince ?? now : nil
        let isForgotten = open.quietSince.map { $0.advanced(byMicroseconds: Self.offeredKept) <= now } ?? false
        if isForgotten || open.offersCount >= Self.offersMax {
            // Whoever needs it finds the store's rows.
            state = .cold
            return []
        }
        open.offeredAt = now
        open.offersCount += 1
        state = .open(open)
        return [.offer(slot, to: owner)]
    }

    /// An offer to whom the ring does not name is not taken: it comes again, if it was not the offer's ring that was old.
    mutating func offered(by owner: Owner, _ now: Moment, _ models: inout ModelRegistry) -> [Effect] {
        if case .other = holder { return [] }
        switch state {
        case .cold: return warm(from: [owner], now, &models)
        case .sealed(let sealed):
            let owners = sealed.to == owner ? [owner] : [owner, sealed.to]
            return warm(from: owners, keeping: sealed.open, now, &models)
        case .warming(var warming):
            var effects: [Effect] = []
            ask(owner, &warming, now, &effects)
            // A ring that names this node, and its former owner: all that its own will say.
            warming.awaitsRing = false
            return effects + goOn(warming, now, &models)
        case .open(var open):
            guard open.ask(owner, now) else { return [] }
            state = .open(open)
            return [.pull(slot, from: owner)]
        }
    }

    // MARK: Taking

    mutating func pulled(
        _ gift: Gift, from owner: Owner, _ now: Moment, _ models: inout ModelRegistry
    ) -> [Effect] {
        switch state {
        case .cold, .sealed: return []
        case .warming(var warming):
            state = .cold
            warming.open.pulls[owner] = nil
            var effects: [Effect] = []
            if let given = gift.state {
                effects += take(given, into: &warming.open, isTieTaken: true, now)
                warming.hasState = true
                warming.hasGaps = warming.hasGaps || given.awaitsRows
            }
            if let next = gift.passedOn, !warming.asked.contains(next) { ask(next, &warming, now, &effects) }
            return effects + goOn(warming, now, &models)
        case .open(var open):
            state = .cold
            open.pulls[owner] = nil
            var effects: [Effect] = []
            if let given = gift.state {
                effects += take(given, into: &open, isTieTaken: false, now)
                open.quietSince = nil
            }
            state = .open(open)
            return effects
        }
    }

    mutating func pullFailed(from owner: Owner, _ now: Moment, _ models: inout ModelRegistry) -> [Effect] {
        switch state {
        case .cold, .sealed: return []
        case .warming(var warming):
            // It is asked again once the slot is open.
            warming.open.pulls[owner]?.isAwaited = false
            return goOn(warming, now, &models)
        case .open(var open):
            open.pulls[owner]?.isAwaited = false
            state = .open(open)
            return []
        }
    }

    private mutating func take(
        _ given: SlotState, into open: inout Open, isTieTaken: Bool, _ now: Moment
    ) -> [Effect] {
        for (device, time) in given.tombstones.sorted(by: { $0.key < $1.key }) {
            bury(Tombstone(device: device, time: time), in: &open)
        }
        return open.take(given, but: tombstones, isTieTaken: isTieTaken, now).map(Effect.silenceEnded)
    }
}
