package import ClusterActors
import CoreMetrics
package import DataPlane
import Detection
package import Distributed
package import HashRing
package import Logging
package import Ports
import Telemetry

/// The scoring role: drives the `SlotCore`s of the slots this node owns, and answers for what they know.
///
/// A distributed actor: an origin calls it by the same name whether it is here or on another node. `score` makes no
/// call to a peer, so two nodes can never wait for each other.
package distributed actor Scoring {
    package typealias ActorSystem = ClusterActorSystem

    var slots: [SlotCore]
    var models: ModelRegistry
    let store: any ReadingStore & SilenceStore & ModelStore
    let clock: NodeClock
    let logger: Logger
    /// Metrics whose first model is on its way to the store.
    var inTraining: Set<Metric> = []
    var trainAgainAt = Moment(microseconds: .min)
    /// Metrics for whose model a call has paused already.
    var pausedFor: Set<Metric> = []
    /// Asks the node to run `trainReady`, once however often it is asked.
    let trainingOrders: AsyncStream<Void>
    let trainingWakes: AsyncStream<Void>.Continuation
    /// Slots whose last rows are to be asked for.
    var toWarm: Set<Slot> = []
    /// Asks the node to run `warmReady`, once however often it is asked.
    let warmOrders: AsyncStream<Void>
    let warmWakes: AsyncStream<Void>.Continuation
    /// Slots that are to be pulled or offered; wakes the node to run `handOver`.
    var handOver = HandOver()
    let handOverOrders: AsyncStream<Void>
    let handOverWakes: AsyncStream<Void>.Continuation
    /// The last rows could not be had; told once.
    var isWarmStuck = false
    var openWaiters: [CheckedContinuation<Void, Never>] = []
    var isStopped = false
    var pending: [SlotCore.Ticket: PendingCall] = [:]
    private var ticketsCount: UInt64 = 0
    var tickFrom = 0
    private var flushFrom = 0
    var isFlushing = false
    var flushWaiters: [CheckedContinuation<Void, Never>] = []
    /// The store's count of deletions when it was last looked at, and when it may be again.
    var deletionsKnown: Int64?
    var deletionsDueAt = Moment(microseconds: .min)
    /// Times at which slots came from other owners.
    var giftsCount: UInt64 = 0
    /// Devices unheard for longer are left out of `latest`, in microseconds.
    let inactiveAfter: Int64
    /// Devices send here, so that their silence is news.
    let listens: Bool
    /// Devices that a person brought out of hiding, and when.
    var shown = ShownDevices()
    var feed = LiveFeed()
    var silences = SilenceLog()
    /// Grows with everything that may change what `latest` answers.
    var changes: UInt64 = 1

    /// Rows told to the store in one flush.
    package static let flushRowsMax = 20_000

    package init(
        store: any ReadingStore & SilenceStore & ModelStore, clock: NodeClock, inactiveAfter: Duration,
        listens: Bool = true, logger: Logger, actorSystem: ClusterActorSystem
    ) {
        self.actorSystem = actorSystem
        self.inactiveAfter = inactiveAfter.microseconds
        self.listens = listens
        self.store = store
        self.clock = clock
        self.logger = logger
        slots = (0..<UInt16(Slot.count)).map { SlotCore(slot: Slot($0)) }
        models = ModelRegistry()
        (trainingOrders, trainingWakes) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (warmOrders, warmWakes) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (handOverOrders, handOverWakes) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Judges the readings of a call, each once however often it is asked.
    ///
    /// Where a metric's training set becomes complete the call pauses for its first model, so that what follows is
    /// judged by it, however quickly it comes.
    package distributed func score(_ call: ScoreCall) async throws -> ScoreReply {
        ticketsCount &+= 1
        let ticket = SlotCore.Ticket(ticketsCount)
        defer { pending[ticket] = nil }
        var verdicts = VerdictBatch()
        var judged: [ScoreCall.Part] = []
        var isPending = false
        var parts = ArraySlice(call.parts)
        var training = TrainingWatch(models)
        while let part = parts.popFirst() {
            let (next, rest) = training.split(part, of: call, models)
            if let rest { parts = [rest] + parts }
            for effect in handle(.score(ticket, call, next), in: next.slot) {
                switch effect {
                case .reply(ticket, _, let given) where !isPending:
                    for verdict in given { verdicts.append(verdict) }
                    judged.append(next)
                // Slots that this call woke warm up all the same.
                case .refuse(ticket, _): throw ScoringError.overloaded(next.slot)
                case .moved(ticket, _, _) where !isPending:
                    isPending = true
                    pending[ticket] = PendingCall(call, judged, verdicts, since: clock.moment)
                    perform(effect)
                default: perform(effect)
                }
            }
            // The rare way, with slots that warm up: from here on the answer is put together part by part.
            if !isPending, verdicts.count < next.readings.upperBound {
                isPending = true
                pending[ticket] = PendingCall(call, judged, verdicts, since: clock.moment)
            }
            if training.mayBeComplete {
                await pauseForTraining()
                training = TrainingWatch(models)
            }
        }
        let answer = isPending ? try await answer(to: ticket) : ScoreAnswer(verdicts: verdicts)
        count(answer.verdicts)
        if feed.isWatched(clock.moment), answer.moved.isEmpty { feed.note(call, answer.verdicts) }
        return ScoreReply(answer)
    }

    private func count(_ verdicts: VerdictBatch) {
        NodeMetrics.scored.increment(by: verdicts.count)
        let anomalies = verdicts.results.count { $0 == .anomaly }
        if anomalies > 0 { NodeMetrics.anomalies.increment(by: anomalies) }
    }

    func handle(_ event: SlotCore.Event, in slot: Slot) -> [SlotCore.Effect] {
        changes &+= 1
        return slots[Int(slot.number)].handle(event, now: clock.moment, models: &models)
    }

    /// Tells the store what changed since the last flush: coalesced, one row a series. Begins where the last one ended,
    /// so that no slot waits for ever.
    /// - Returns: what became of it.
    func tellStore() async -> Told {
        // Before the rows: an end that is lost with this process is found again by the row that it did not move yet.
        await tellSilences()
        await tellShadows()
        var rows: [LatestRow] = []
        var slotsCount = 0
        while slotsCount < slots.count {
            rows += slots[flushFrom].takeChanged(atMost: Self.flushRowsMax - rows.count)
            // The last one may have more.
            guard rows.count < Self.flushRowsMax else { break }
            slotsCount += 1
            flushFrom = (flushFrom + 1) % slots.count
        }
        guard !rows.isEmpty else { return .slots(slotsCount) }
        var again: [LatestRow] = []
        var told = Told.slots(slotsCount)
        do {
            let unknown = Set(try await store.flush(latest: rows))
            again = rows.filter { unknown.contains($0.series) }
        } catch {
            again = rows
            told = .nothing
        }
        // Told again with the next flush: the store was away, or the reading itself is still on its way there.
        for (slot, rows) in Dictionary(grouping: again, by: { Slot(of: $0.series.device) }) {
            slots[Int(slot.number)].markChanged(rows)
        }
        return told
    }
}

package enum ScoringError: Error, Hashable, Sendable {
    case overloaded(Slot)
    /// Its slots took longer than any origin waits.
    case late
    case stopped
}
