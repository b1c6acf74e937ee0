package import Detection
package import HashRing
package import Ports
package import Telemetry

/// The owner's side: the running state of one slot's devices, and the verdicts made from it, each reading counted once.
///
/// A value, as `IngestCore` is. The rules, in the order in which a call meets them:
///
/// 1. A cold slot asks for its devices' last rows (`warm`) and lets calls wait; it opens with what comes, or with nothing
///    when the store is away: a state that starts anew is better than a verdict that never comes.
/// 2. A reading whose (origin, position) was answered before gets the same verdict again: the reply was lost, not the work.
/// 3. A reading later than its series' last moves the state; any other is judged by the state as it is and marked late.
/// 4. A reading received before its device was deleted changes nothing that `latest` shows.
package struct SlotCore: Hashable, Sendable {
    package let slot: Slot
    package internal(set) var state = State.cold
    /// When the devices deleted lately were deleted: readings received before do not bring them back.
    private var tombstones: [DeviceID: Instant] = [:]

    /// Calls that wait for warm-up. The caller has one outstanding, so this is at most one an origin.
    package static let waitingCallsMax = 256
    /// How long the last replies are kept for a caller that did not get them, in microseconds: its window is 5 s.
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
        case warming([Waiting])
        /// Judges. → sealed
        case open(Open)
        /// Handed over: calls are answered with the new owner.
        case sealed(to: Owner)
    }

    /// A call's part that waits for warm-up.
    package struct Waiting: Hashable, Sendable {
        let call: ScoreCall
        let part: ScoreCall.Part
    }

    package struct Open: Hashable, Sendable {
        package internal(set) var series: [Series: SeriesState] = [:]
        /// By origin: the last verdicts given to it, by position.
        var replies: [LogID: Replies] = [:]
    }

    struct Replies: Hashable, Sendable {
        var givenAt: Moment
        var verdicts: [Given]

        struct Given: Hashable, Sendable {
            let position: LogPosition
            let verdict: Verdict
        }
    }

    package enum Event: Hashable, Sendable {
        /// The slot is this owner's from now on: warm up before the first call comes.
        case owned
        /// One slot's part of a call.
        case score(ScoreCall, ScoreCall.Part)
        /// The store's rows of this slot; empty if it could not be asked.
        case warmed([LatestRow])
        /// The device was deleted at that time (the store's clock).
        case forget(DeviceID, at: Instant)
        case tick
    }

    package enum Effect: Hashable, Sendable {
        case warm(Slot)
        /// Verdicts on one part, in its order.
        case reply(CallNumber, LogID, ScoreCall.Part, [Verdict])
        /// Too many calls wait: the caller's deadline settles it.
        case refuse(CallNumber, LogID, ScoreCall.Part)
        case moved(CallNumber, LogID, ScoreCall.Part, to: Owner)
    }

    package mutating func handle(
        _ event: Event, now: Moment, models: inout ModelRegistry
    ) -> [Effect] {
        switch event {
        case .owned:
            guard isCold else { return [] }
            state = .warming([])
            return [.warm(slot)]
        case .score(let call, let part): return score(call, part, now, &models)
        case .warmed(let rows): return warmed(rows, now, &models)
        case .forget(let device, let time):
            forget(device, at: time)
            return []
        case .tick:
            forgetReplies(now)
            return []
        }
    }

    private mutating func score(
        _ call: ScoreCall, _ part: ScoreCall.Part, _ now: Moment, _ models: inout ModelRegistry
    ) -> [Effect] {
        switch state {
        case .cold:
            state = .warming([Waiting(call: call, part: part)])
            return [.warm(slot)]
        case .warming(var waiting):
            guard waiting.count < Self.waitingCallsMax else { return [.refuse(call.number, call.origin, part)] }
            waiting.append(Waiting(call: call, part: part))
            state = .warming(waiting)
            return []
        case .open(var open):
            state = .cold  // one owner of the dictionaries, so that changing them copies nothing
            let verdicts = judge(call, part, &open, now, &models)
            state = .open(open)
            return [.reply(call.number, call.origin, part, verdicts)]
        case .sealed(let owner):
            return [.moved(call.number, call.origin, part, to: owner)]
        }
    }

    private mutating func warmed(
        _ rows: [LatestRow], _ now: Moment, _ models: inout ModelRegistry
    ) -> [Effect] {
        guard case .warming(let waiting) = state else { return [] }
        var open = Open()
        for row in rows where tombstones[row.series.device].map({ $0 < row.lastHeard }) ?? true {
            open.series[row.series] = SeriesState(row)
        }
        state = .open(open)
        var effects: [Effect] = []
        for call in waiting { effects += score(call.call, call.part, now, &models) }
        return effects
    }

    private func judge(
        _ call: ScoreCall, _ part: ScoreCall.Part, _ open: inout Open, _ now: Moment, _ models: inout ModelRegistry
    ) -> [Verdict] {
        // The caller asks from here on, so what was given before is settled.
        var given = open.replies[call.origin]?.verdicts ?? []
        given.removeAll { $0.position < part.start }
        var verdicts: [Verdict] = []
        verdicts.reserveCapacity(part.readings.count)
        // Mostly none: this is the first time that these readings are asked for.
        let known = given
        for index in part.readings {
            let position = call.positions[index]
            if let known = known.first(where: { $0.position == position }) {
                verdicts.append(known.verdict)
                continue
            }
            let verdict = judge(call, index, &open, &models)
            verdicts.append(verdict)
            given.append(Replies.Given(position: position, verdict: verdict))
        }
        open.replies[call.origin] = Replies(givenAt: now, verdicts: given)
        return verdicts
    }

    private func judge(
        _ call: ScoreCall, _ index: Int, _ open: inout Open, _ models: inout ModelRegistry
    ) -> Verdict {
        let series = call.series[Int(call.seriesIndices[index])]
        let reading = SeriesState.Arrival(
            time: call.times[index], value: call.values[index], receivedAt: call.receivedAt[index])
        if let deleted = tombstones[series.device], reading.receivedAt <= deleted {
            var stranger = SeriesState()
            return stranger.judge(reading, of: series, &models)
        }
        return open.series[series, default: SeriesState()].judge(reading, of: series, &models)
    }

    private mutating func forget(_ device: DeviceID, at time: Instant) {
        if tombstones.count >= Self.tombstonesMax,
            let oldest = tombstones.min(by: { ($0.value, $0.key) < ($1.value, $1.key) })
        {
            tombstones[oldest.key] = nil
        }
        tombstones[device] = time
        guard case .open(var open) = state else { return }
        state = .cold
        // What it sent since it was deleted is its new life.
        open.series = open.series.filter { $0.key.device != device || $0.value.lastHeard > time }
        state = .open(open)
    }

    private mutating func forgetReplies(_ now: Moment) {
        guard case .open(var open) = state, !open.replies.isEmpty else { return }
        state = .cold
        open.replies = open.replies.filter {
            $0.value.givenAt.advanced(byMicroseconds: Self.repliesKept) > now
        }
        state = .open(open)
    }

    /// The state of every series, for `latest`; nil while the slot is not open.
    package var series: [Series: SeriesState]? {
        guard case .open(let open) = state else { return nil }
        return open.series
    }

    package var isCold: Bool { state == .cold }

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
