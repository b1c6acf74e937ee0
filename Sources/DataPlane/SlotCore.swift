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
///     owned ─▶ warm ─▶ warmed | warmFailed ─▶ (open)
///     score ─▶ reply                            when open
///     score ─▶ warm ─▶ warmed ─▶ reply          when cold; what comes meanwhile waits with it
///     tick  ─▶ reply | warm                     the store is slow: open without its rows, ask for them again
///
/// The rules, in the order in which a call meets them:
///
/// 1. A cold slot asks for its series' last rows and lets calls wait; after `warmPatience`, or when the store is away, it
///    opens with nothing: a state that starts anew is better than a verdict that never comes. It goes on asking. Rows that
///    come late are taken for series that sent nothing until then.
/// 2. A reading that was answered before (origin, position, and the reading itself) gets the same verdict again: the
///    reply was lost, not the work. A later call of the same origin settles what lies before it.
/// 3. A reading later than its series' last moves the state that judges, and nothing else does; any other is judged by it
///    as it is and marked late (the newest one, sent again, gets its own verdict). So no reading can count twice, in whatever order and however often it comes.
/// 4. A reading received before its device was deleted changes nothing that `latest` shows, though a log may bring it up
///    again after any time: tombstones come with the rows.
package struct SlotCore: Hashable, Sendable {
    package let slot: Slot
    package internal(set) var state = State.cold
    /// When the devices deleted lately were deleted: readings received before do not bring them back.
    var tombstones: [DeviceID: Instant] = [:]

    /// Calls that wait for warm-up: an origin has one outstanding, and perhaps one that it tried again.
    package static let waitingCallsMax = 256
    /// How long a slot waits for the store's rows before it opens without them, in microseconds: within a call's deadline.
    package static let warmPatience: Int64 = 3_000_000
    /// How long after it a slot that opened without them asks for its rows again, in microseconds.
    package static let warmRetry: Int64 = 5_000_000
    /// How long the last replies are kept for a caller that did not get them, in microseconds: it gives up well before.
    package static let repliesKept: Int64 = 30_000_000
    /// Deleted devices remembered; older ones are in the store's tombstones, which the origins obey.
    package static let tombstonesMax = 1_024

    package init(slot: Slot) {
        self.slot = slot
    }

    package enum State: Hashable, Sendable {
        /// Owned, but nothing asked for it yet. → warming
        case cold
        /// Waits for the store's rows. → open
        case warming(Warming)
        /// Judges. → sealed
        case open(Open)
        /// Handed over: calls are answered with the new owner.
        case sealed(to: Owner)
    }

    /// A call's part that waits for warm-up.
    package struct Waiting: Hashable, Sendable {
        let ticket: Ticket
        let call: ScoreCall
        let part: ScoreCall.Part
    }

    /// The slot while its rows are on their way.
    package struct Warming: Hashable, Sendable {
        let since: Moment
        var calls: [Waiting] = []
    }

    /// A slot that judges.
    package struct Open: Hashable, Sendable {
        package internal(set) var series: [Series: SeriesState] = [:]
        /// By origin: the last verdicts given to it, by position.
        var replies: [LogID: Replies] = [:]
        /// When the store was last asked for the rows that the slot opened without; nil once they came.
        var rowsAskedAt: Moment?

        /// Takes what the store knows of series that sent nothing yet; not what was deleted since it was written.
        mutating func take(_ rows: [LatestRow], but tombstones: [DeviceID: Instant]) {
            for row in rows where series[row.series] == nil {
                if let deleted = tombstones[row.series.device], deleted >= row.lastHeard { continue }
                series[row.series] = SeriesState(row)
            }
        }
    }

    struct Replies: Hashable, Sendable {
        var givenAt: Moment
        var verdicts: [Given]

        /// A disk that lost its newest records gives their positions again: the reading itself tells a retry.
        struct Given: Hashable, Sendable {
            let position: LogPosition
            let reading: Reading
            let verdict: Verdict
        }
    }

    package enum Event: Hashable, Sendable {
        /// The slot is this owner's from now on: warm up before the first call comes.
        case owned
        /// One slot's part of a call.
        case score(Ticket, ScoreCall, ScoreCall.Part)
        /// The store's rows and newest tombstones of this slot.
        case warmed([LatestRow], [Tombstone])
        /// The store could not be asked.
        case warmFailed
        /// The device was deleted at that time (the store's clock).
        case forget(DeviceID, at: Instant)
        case tick
    }

    package enum Effect: Hashable, Sendable {
        /// Ask the store for the slot's rows and tombstones; answered by `warmed` or `warmFailed`.
        case warm(Slot)
        /// Verdicts on one part, in its order.
        case reply(Ticket, ScoreCall.Part, [Verdict])
        /// Too many calls wait: the call fails, its origin tries again.
        case refuse(Ticket, ScoreCall.Part)
        case moved(Ticket, ScoreCall.Part, to: Owner)
    }

    /// One arrival of a call at this owner. The same call may arrive twice, and each arrival is answered.
    package struct Ticket: Hashable, Sendable {
        package let number: UInt64

        package init(_ number: UInt64) {
            self.number = number
        }
    }

    package mutating func handle(
        _ event: Event, now: Moment, models: inout ModelRegistry
    ) -> [Effect] {
        switch event {
        case .owned:
            guard isCold else { return [] }
            state = .warming(Warming(since: now))
            return [.warm(slot)]
        case .score(let ticket, let call, let part): return score(ticket, call, part, now, &models)
        case .warmed(let rows, let tombstones): return warmed(rows, tombstones, now, &models)
        case .warmFailed: return openWithoutRows(now, &models)
        case .forget(let device, let time):
            forget(device, at: time)
            return []
        case .tick:
            forgetReplies(now)
            return askAgain(now, &models)
        }
    }

    mutating func score(
        _ ticket: Ticket, _ call: ScoreCall, _ part: ScoreCall.Part, _ now: Moment, _ models: inout ModelRegistry
    ) -> [Effect] {
        switch state {
        case .cold:
            state = .warming(Warming(since: now, calls: [Waiting(ticket: ticket, call: call, part: part)]))
            return [.warm(slot)]
        case .warming(var warming):
            guard warming.calls.count < Self.waitingCallsMax else { return [.refuse(ticket, part)] }
            warming.calls.append(Waiting(ticket: ticket, call: call, part: part))
            state = .warming(warming)
            return []
        case .open(var open):
            state = .cold  // one owner of the dictionaries, so that changing them copies nothing
            let verdicts = judge(call, part, &open, now, &models)
            state = .open(open)
            return [.reply(ticket, part, verdicts)]
        case .sealed(let owner):
            return [.moved(ticket, part, to: owner)]
        }
    }

    private func judge(
        _ call: ScoreCall, _ part: ScoreCall.Part, _ open: inout Open, _ now: Moment, _ models: inout ModelRegistry
    ) -> [Verdict] {
        // The caller asks from here on, so what was given before is settled.
        var given = open.replies[call.origin]?.verdicts ?? []
        given.removeAll { $0.position < part.start }
        var verdicts: [Verdict] = []
        verdicts.reserveCapacity(part.readings.count)
        // Mostly none: this is the first time that these readings are asked for. Both rise in the log's order.
        let known = given
        var next = 0
        for index in part.readings {
            let position = call.positions[index]
            let reading = Reading(
                series: call.series[Int(call.seriesIndices[index])], time: call.times[index], value: call.values[index])
            while next < known.count, known[next].position < position { next += 1 }
            var same = next
            while same < known.count, known[same].position == position, known[same].reading != reading { same += 1 }
            if same < known.count, known[same].position == position {
                verdicts.append(known[same].verdict)
                continue
            }
            let verdict = judge(reading, receivedAt: call.receivedAt[index], &open, &models)
            verdicts.append(verdict)
            given.append(Replies.Given(position: position, reading: reading, verdict: verdict))
        }
        // Two processes with copies of one log may ask in turns; for one alone it is in order already.
        if zip(given, given.dropFirst()).contains(where: { $0.position > $1.position }) {
            given.sort { $0.position < $1.position }
        }
        open.replies[call.origin] = Replies(givenAt: now, verdicts: given)
        return verdicts
    }

    private func judge(
        _ reading: Reading, receivedAt: Instant, _ open: inout Open, _ models: inout ModelRegistry
    ) -> Verdict {
        let series = reading.series
        let arrival = SeriesState.Arrival(time: reading.time, value: reading.value, receivedAt: receivedAt)
        if let deleted = tombstones[series.device], receivedAt <= deleted {
            var stranger = SeriesState()
            return stranger.judge(arrival, of: series, &models)
        }
        return open.series[series, default: SeriesState()].judge(arrival, of: series, &models)
    }

    mutating func remember(_ tombstone: Tombstone) {
        let known = tombstones[tombstone.device]
        if known == nil, tombstones.count >= Self.tombstonesMax,
            let oldest = tombstones.min(by: { ($0.value, $0.key) < ($1.value, $1.key) })
        {
            guard oldest.value < tombstone.time else { return }
            tombstones[oldest.key] = nil
        }
        tombstones[tombstone.device] = max(known ?? tombstone.time, tombstone.time)
    }

    mutating func forget(_ device: DeviceID, at time: Instant) {
        remember(Tombstone(device: device, time: time))
        guard case .open(var open) = state else { return }
        state = .cold
        // What it sent since it was deleted is its new life.
        open.series = open.series.filter { $0.key.device != device || $0.value.lastHeard > time }
        state = .open(open)
    }

    private mutating func forgetReplies(_ now: Moment) {
        let isKept = { (replies: Replies) in replies.givenAt.advanced(byMicroseconds: Self.repliesKept) > now }
        guard case .open(var open) = state, !open.replies.values.allSatisfy(isKept) else { return }
        state = .cold
        open.replies = open.replies.filter { isKept($0.value) }
        state = .open(open)
    }

    /// The state of every series, for `latest`; nil while the slot is not open.
    package var series: [Series: SeriesState]? {
        guard case .open(let open) = state else { return nil }
        return open.series
    }

    /// The store's rows would be taken now.
    package var awaitsRows: Bool {
        switch state {
        case .warming: true
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
        for row in rows where open.series[row.series] != nil { open.series[row.series]?.isChanged = true }
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
        }
        state = .open(open)
        return rows
    }
}
