package import Detection
package import HashRing
package import Ports
package import Telemetry

/// The owner's side: the running state of one slot's devices, and the verdicts made from it, each reading counted once.
///
/// A value, driven as `IngestCore` is: `handle` an event, perform the effects in the order given. Every arrival of a call
/// has a `Ticket`, drawn by the driver; the slot answers each part of it with one `reply`, `refuse` or `moved`, now or
/// when it has warmed up.
///
///     ring gives it ─▶ pull | warm               from the owner before, if one is known; else from the store
///     pull  ─▶ pulled ─▶ (open)                  or pullFailed, or nothing for `pullPatience`: ─▶ warm
///     warm  ─▶ warmed | warmFailed ─▶ (open)
///     score ─▶ reply                             when open, whoever the ring names; before the first ring it waits
///     score ─▶ warm ─▶ warmed ─▶ reply           when cold; what comes meanwhile waits with it
///     score ─▶ moved                             when given away, or never had
///     ring takes it ─▶ offer, offer …            until it is pulled
///     pullRequested ─▶ give                      the state goes, the slot is sealed
///     tick  ─▶ reply | warm | pull | offer       somebody is slow: go on without, ask again
///
/// The rules, in the order in which a call meets them:
///
/// 1. A cold slot asks for its state, its former owner first, then the store for its series' last rows, and lets calls
///    wait; after `warmPatience`, or when the store is away, it opens with nothing: a state that starts anew is better than
///    a verdict that never comes. It goes on asking. Rows that come late are taken for series that sent nothing until then.
/// 2. **The state is where it is.** An open slot judges whatever it is asked, also when its ring names somebody else: it
///    is the one that has the state. It is given away whole when it is pulled (last times, detectors, replies,
///    tombstones), and from then on calls are answered `moved`. A slot that was never here is answered so too. An origin
///    that was sent on `movesMax` times insists: then the slot is fetched here, from where it was said to be.
/// 3. **Never merged.** Where two states of a series meet, the one with the later last time is taken whole: after a
///    partition, when a reply came late, when the store knows more than what was kept.
/// 4. A reading that was answered before (origin, position, and the reading itself) gets the same verdict again: the
///    reply was lost, not the work. A later call of the same origin settles what lies before it.
/// 5. A reading later than its series' last moves the state that judges, and nothing else does; any other is judged by it
///    as it is and marked late (the newest one, sent again, gets its own verdict). So no reading can count twice, in
///    whatever order and however often it comes.
/// 6. A reading received before its device was deleted changes nothing that `latest` shows, though a log may bring it up
///    again after any time: tombstones come with the rows, and with the state.
package struct SlotCore: Hashable, Sendable {
    package let slot: Slot
    package internal(set) var state = State.cold
    /// Whose the slot is by this node's ring.
    package internal(set) var holder = Holder.unknown
    /// When the devices deleted lately were deleted: readings received before do not bring them back.
    var tombstones: [DeviceID: Instant] = [:]
    var watch = SilenceWatch()

    package init(slot: Slot) {
        self.slot = slot
    }

    package enum State: Hashable, Sendable {
        /// Nothing is known here. → warming
        case cold
        /// Waits for the state, or for the store's rows. → open, sealed
        case warming(Warming)
        /// Judges. → sealed, cold
        case open(Open)
        /// Given away: calls are answered with the new owner. → warming, cold
        case sealed(Sealed)
    }

    package enum Holder: Hashable, Sendable {
        /// There was no ring yet.
        case unknown
        /// The ring has no members.
        case nobody
        case me
        case other(Owner)
    }

    package enum Event: Hashable, Sendable {
        /// The slot is this owner's by a ring; `from` owned it by the ring before. Warm up before the first call comes.
        case owned(from: Owner?)
        /// By a ring it is somebody else's, or nobody's. `RingChange` says which of the two.
        case disowned(to: Owner?)
        /// One slot's part of a call.
        case score(Ticket, ScoreCall, ScoreCall.Part)
        /// The store's rows and newest tombstones of this slot.
        case warmed([LatestRow], [Tombstone])
        /// The store could not be asked.
        case warmFailed
        /// Another owner asks for the slot.
        case pullRequested(PullTicket, by: Owner)
        /// What a former owner gave.
        case pulled(Gift, from: Owner)
        /// It did not answer, or there is no way to it.
        case pullFailed(from: Owner)
        /// Another owner has a state of the slot, and a ring that names this one.
        case offered(by: Owner)
        /// The device was deleted at that time (the store's clock), just now: what it says since, it says as a new one.
        case forget(DeviceID, at: Instant)
        /// It was deleted at some time, perhaps long before anything that is known here.
        case bury(Tombstone)
        /// A few times a second.
        case tick
    }

    package enum Effect: Hashable, Sendable {
        /// Ask the store for the slot's rows and tombstones; answered by `warmed` or `warmFailed`.
        case warm(Slot)
        /// Ask that owner for the slot's state; answered by `pulled` or `pullFailed`, within `pullPatience`.
        case pull(Slot, from: Owner)
        /// Tell that owner that there is a state of its slot here. Nobody waits for an answer.
        case offer(Slot, to: Owner)
        /// The answer to a pull: the slot is sealed, or there was nothing to give.
        case give(PullTicket, Gift)
        /// Verdicts on one part, in its order.
        case reply(Ticket, ScoreCall.Part, [Verdict])
        /// Too many calls wait: the call fails, its origin tries again.
        case refuse(Ticket, ScoreCall.Part)
        /// Nothing of this part was judged; its origin asks that owner.
        case moved(Ticket, ScoreCall.Part, to: Owner)
        /// A series was heard again after a silence that this owner noticed, or that one before it may have noticed.
        case silenceEnded(SilenceEnd)
    }

    /// One arrival of a call at this owner. The same call may arrive twice, and each arrival is answered.
    package struct Ticket: Hashable, Sendable {
        package let number: UInt64

        package init(_ number: UInt64) {
            self.number = number
        }
    }

    /// One arrival of a pull at this owner.
    package struct PullTicket: Hashable, Sendable {
        package let number: UInt64

        package init(_ number: UInt64) {
            self.number = number
        }
    }

    package mutating func handle(
        _ event: Event, now: Moment, models: inout ModelRegistry
    ) -> [Effect] {
        switch event {
        case .score(let ticket, let call, let part): return score(ticket, call, part, now, &models)
        case .owned(let former): return owned(from: former, now, &models)
        case .disowned(let next): return disowned(to: next, now, &models)
        case .warmed(let rows, let tombstones): return warmed(rows, tombstones, now, &models)
        case .warmFailed: return warmFailed(now, &models)
        case .pullRequested(let ticket, let owner): return pullRequested(ticket, by: owner, now)
        case .pulled(let gift, let owner): return pulled(gift, from: owner, now, &models)
        case .pullFailed(let owner): return pullFailed(from: owner, now, &models)
        case .offered(let owner): return offered(by: owner, now, &models)
        case .forget(let device, let time):
            forget(Tombstone(device: device, time: time), isNews: true)
            return []
        case .bury(let tombstone):
            forget(tombstone, isNews: false)
            return []
        case .tick:
            forgetReplies(now)
            return tick(now, &models)
        }
    }

    mutating func score(
        _ ticket: Ticket, _ call: ScoreCall, _ part: ScoreCall.Part, _ now: Moment, _ models: inout ModelRegistry
    ) -> [Effect] {
        switch state {
        case .open(var open):
            state = .cold  // one owner of the dictionaries, so that changing them copies nothing
            open.quietSince = nil
            let (verdicts, ended) = judge(call, part, &open, now, &models)
            state = .open(open)
            return [.reply(ticket, part, verdicts)] + ended.map(Effect.silenceEnded)
        case .warming(var warming):
            guard warming.calls.count < Self.waitingCallsMax else { return [.refuse(ticket, part)] }
            state = .cold
            warming.calls.append(Waiting(ticket: ticket, call: call, part: part))
            state = .warming(warming)
            return []
        case .cold:
            let calls = [Waiting(ticket: ticket, call: call, part: part)]
            if holder == .unknown {
                // Others' rings name this node already; its own will say where the state is.
                state = .warming(Warming(since: now, open: Open(), awaitsRing: true, calls: calls))
                return []
            }
            guard case .other(let owner) = holder else { return warm(from: [], for: calls, now, &models) }
            // Its owner by another ring may have the state by now; here is where it is wanted.
            guard call.moves(of: slot) < Self.movesMax else { return warm(from: [owner], for: calls, now, &models) }
            return [.moved(ticket, part, to: owner)]
        case .sealed(let sealed):
            guard call.moves(of: slot) >= Self.movesMax else { return [.moved(ticket, part, to: sealed.to)] }
            let calls = [Waiting(ticket: ticket, call: call, part: part)]
            return warm(from: [sealed.to], keeping: sealed.open, for: calls, now, &models)
        }
    }

    /// The state of every series, for `latest`; nil while the slot is not open.
    package var series: [Series: SeriesState]? {
        guard case .open(let open) = state else { return nil }
        return open.series
    }

    /// The store's rows would be taken now.
    package var awaitsRows: Bool {
        switch state {
        case .warming(let warming): warming.rows == .asked
        case .open(let open): open.rowsAskedAt != nil
        case .cold, .sealed: false
        }
    }

    package var isCold: Bool {
        if case .cold = state { true } else { false }
    }

    /// Rows that could not be told to the store after all.
    package mutating func markChanged(_ rows: some Sequence<LatestRow>) {
        guard case .open(var open) = state else { return }
        state = .cold
        for row in rows where open.series[row.series] != nil {
            open.series[row.series]?.isChanged = true
            if row.isHeard { open.series[row.series]?.isHeard = true }
        }
        state = .open(open)
    }

    /// Rows that changed since the last call, for the store's `latest`; marks them as taken.
    package mutating func takeChanged(atMost limit: Int) -> [LatestRow] {
        guard limit > 0, case .open(var open) = state else { return [] }
        state = .cold
        var rows: [LatestRow] = []
        for series in open.series.keys.sorted() where rows.count < limit {
            guard let changed = open.series[series], changed.isChanged else { continue }
            rows.append(changed.row(of: series))
            open.series[series]?.isChanged = false
            open.series[series]?.isHeard = false
        }
        state = .open(open)
        return rows
    }
}
