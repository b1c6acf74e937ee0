package import HashRing
import Ports
package import Telemetry

/// What a slot's states hold, and their bounds.
extension SlotCore {
    /// Calls that wait for warm-up: an origin has one outstanding, and perhaps one that it tried again.
    package static let waitingCallsMax = 256
    /// How long a slot waits for its state before it opens without, in microseconds: within a call's deadline.
    package static let warmPatience: Int64 = 3_000_000
    /// How long after it a slot that opened without the store's rows asks for them again, in microseconds.
    package static let warmRetry: Int64 = 5_000_000
    /// How long the last replies are kept for a caller that did not get them, in microseconds: it gives up well before.
    package static let repliesKept: Int64 = 30_000_000
    /// Deleted devices remembered; older ones are in the store's tombstones, which the origins obey.
    package static let tombstonesMax = 1_024
    /// How long calls wait for this node's first ring, in microseconds, when the others have theirs already.
    package static let ringPatience: Int64 = 2_000_000
    /// How long another owner may take to give a slot's state, in microseconds. Calls wait for it.
    package static let pullPatience: Int64 = 500_000
    /// How long who is asked for a slot that is itself on its way waits for it, in microseconds: less than the asker, who
    /// asks again.
    package static let givePatience: Int64 = pullPatience / 2
    /// How long after a pull without an answer it is asked again, by then for the series that sent nothing here.
    package static let pullRetry: Int64 = 1_000_000
    /// Pulls of one owner without an answer.
    package static let pullTriesMax = 5
    /// Owners asked for one slot at once: a chain of rings that changed quickly is not longer.
    package static let pullsMax = 4
    /// Pulls that wait until the slot is open; each is another ring's new owner.
    package static let waitingPullsMax = 8
    /// How often an open slot is offered to the owner that the ring names, in microseconds.
    package static let offerRetry: Int64 = 1_000_000
    /// How long a slot is offered after its last reading, once its rows are told to the store, in microseconds.
    package static let offeredKept: Int64 = 30_000_000
    /// Offers after which it is dropped though the store could not be told: ten minutes of them.
    package static let offersMax = 600
    /// How long the state is kept after it was given away, in microseconds: the answer may be lost, the taker may die.
    package static let sealedKept: Int64 = 30_000_000
    /// How long a slot stays away that is this owner's by its ring though it gave it away: rings agree within seconds.
    package static let sealedMineKept: Int64 = 5_000_000
    /// How often an origin is sent on before the owner that it asks fetches the slot and judges.
    package static let movesMax: UInt8 = 2

    /// A call's part that waits for warm-up.
    package struct Waiting: Hashable, Sendable {
        let ticket: Ticket
        let call: ScoreCall
        let part: ScoreCall.Part
    }

    /// A pull that waits until there is something to give.
    package struct WaitingPull: Hashable, Sendable {
        let ticket: PullTicket
        let owner: Owner
        let since: Moment
    }

    /// The slot while its state is on its way.
    package struct Warming: Hashable, Sendable {
        let since: Moment
        /// What came so far, or was kept when it was given away.
        var open: Open
        /// There is no ring yet that says whose the slot was.
        var awaitsRing = false
        /// A former owner's state came: the store knows nothing better.
        var hasState = false
        /// What came is not whole.
        var hasGaps = false
        var rows = Rows.unasked
        var calls: [Waiting] = []
        var pulls: [WaitingPull] = []
        /// Owners asked so far.
        var asked: Set<Owner> = []

        /// The store's rows.
        enum Rows: Hashable, Sendable { case unasked, asked, came, failed }
    }

    /// A slot that judges.
    package struct Open: Hashable, Sendable {
        package internal(set) var series: [Series: SeriesState] = [:]
        /// By origin: the last verdicts given to it, by position.
        var replies: [LogID: Replies] = [:]
        /// Of each device that is watched as a whole, the series whose state carries the panel.
        var panels: [DeviceID: Series] = [:]
        /// Metrics of devices without a panel that were heard here.
        var metricsCounts: [DeviceID: Int] = [:]
        /// Some devices would have a panel, and too many others are being learned.
        var panelsWait = false
        /// When the store was last asked for the rows that the slot opened without; nil once they came.
        var rowsAskedAt: Moment?
        /// Owners that were asked for their state and did not give it yet.
        var pulls: [Owner: Pull] = [:]
        /// The ring names another owner: when and how often it was told.
        var offeredAt: Moment?
        var offersCount = 0
        /// Since when nothing was asked here and nothing is left to be told to the store.
        var quietSince: Moment?
    }

    /// A question to another owner for its state.
    struct Pull: Hashable, Sendable {
        var askedAt: Moment
        var triesCount = 1
        /// False once it failed, or nobody waits for it any longer.
        var isAwaited = true
    }

    /// A slot that was given away, and what it was.
    package struct Sealed: Hashable, Sendable {
        package let to: Owner
        var open: Open
        let since: Moment
    }

    struct Replies: Hashable, Sendable {
        var givenAt: Moment
        var verdicts: [Given]
    }

    /// A verdict that an origin was given. A disk that lost its newest records gives their positions again: the reading
    /// itself tells a retry.
    package struct Given: Hashable, Sendable {
        package let position: LogPosition
        package let reading: Reading
        package let verdict: Verdict

        package init(position: LogPosition, reading: Reading, verdict: Verdict) {
            self.position = position
            self.reading = reading
            self.verdict = verdict
        }
    }

    /// The answer to a pull.
    package struct Gift: Hashable, Sendable {
        /// Nil: there is nothing here.
        package let state: SlotState?
        /// Who was given the state before, and may know more by now.
        package let passedOn: Owner?

        package init(state: SlotState?, passedOn: Owner? = nil) {
            self.state = state
            self.passedOn = passedOn
        }

        package static let nothing = Gift(state: nil)
    }
}

extension SlotCore.Open {
    /// Takes what the store knows of series that sent nothing yet, or less than it knows if `isLaterTaken`; not what was
    /// deleted since it was written.
    /// - Returns: silences that one of two states knows to be over.
    mutating func take(
        _ rows: [LatestRow], but tombstones: [DeviceID: Instant], isLaterTaken: Bool = false, _ now: Moment
    ) -> [SilenceEnd] {
        var ended: [SilenceEnd] = []
        for row in rows {
            if let deleted = tombstones[row.series.device], deleted >= row.lastHeard { continue }
            var stored = SeriesState(row)
            if let known = series[row.series] {
                if let end = known.silenceEnd(of: row.series, meeting: stored) { ended.append(end) }
                guard isLaterTaken, known.time.map({ $0 < row.time }) ?? true else { continue }
            }
            stored.arrive(now)
            series[row.series] = stored
        }
        indexPanels()
        return ended.sorted { $0.series < $1.series }
    }

    /// Takes what another owner knows: of each series the state with the later last time, whole; of two that are equally
    /// late its own, unless it only waited for this one. What was answered there is answered here.
    /// - Returns: silences that one of the two knows to be over.
    mutating func take(
        _ state: SlotState, but tombstones: [DeviceID: Instant], isTieTaken: Bool, _ now: Moment
    ) -> [SilenceEnd] {
        var ended: [SilenceEnd] = []
        for (name, other) in state.series {
            if let deleted = tombstones[name.device], deleted >= other.lastHeard { continue }
            if let known = series[name], let time = known.time, let otherTime = other.time {
                if let end = known.silenceEnd(of: name, meeting: other) { ended.append(end) }
                guard time < otherTime || (isTieTaken && time == otherTime) else {
                    if other.isHeard { series[name]?.markHeard() }
                    continue
                }
            }
            let wasHeard = series[name]?.isHeard == true
            series[name] = other
            series[name]?.arrive(now)
            if wasHeard { series[name]?.markHeard() }
            // The former owner may not have told the store.
            series[name]?.isChanged = true
        }
        indexPanels()
        for (origin, theirs) in state.replies {
            var given = replies[origin]?.verdicts ?? []
            let known = Set(given.map(\.key))
            given += theirs.filter { !known.contains($0.key) }
            given.sort { $0.position < $1.position }
            replies[origin] = SlotCore.Replies(givenAt: now, verdicts: given)
        }
        return ended.sorted { $0.series < $1.series }
    }

    /// What it sent since it was deleted is its new life.
    /// - Parameter isNews: it spoke before this owner learned of the deletion: what was learned from what is gone goes, too.
    mutating func forget(_ device: DeviceID, at time: Instant, isNews: Bool) {
        series = series.filter { $0.key.device != device || $0.value.lastHeard > time }
        if isNews {
            for name in series.keys where name.device == device { series[name]?.beginAnew() }
        }
        indexPanels()
    }

    /// Somebody may still give a better state before calls have waited too long.
    var awaitsPull: Bool { pulls.values.contains { $0.isAwaited } }

    /// Asks an owner, if not just asked.
    /// - Returns: true if it is to be asked.
    mutating func ask(_ owner: Owner, _ now: Moment) -> Bool {
        if let pull = pulls[owner] {
            guard !pull.isAwaited || pull.askedAt.advanced(byMicroseconds: SlotCore.pullPatience) <= now else {
                return false
            }
        } else {
            guard pulls.count < SlotCore.pullsMax else { return false }
        }
        pulls[owner] = SlotCore.Pull(askedAt: now, triesCount: (pulls[owner]?.triesCount ?? 0) + 1)
        return true
    }
}

extension SlotCore.Given {
    struct Key: Hashable {
        let position: LogPosition
        let reading: Reading
    }

    var key: Key { Key(position: position, reading: reading) }
}
