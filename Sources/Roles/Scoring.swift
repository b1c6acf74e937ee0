package import ClusterActors
import CoreMetrics
package import DataPlane
import Detection
package import Distributed
package import HashRing
package import Logging
package import Ports
package import Telemetry

/// The scoring role: drives the `SlotCore`s of the slots this node owns, and answers for what they know.
///
/// A distributed actor: an origin calls it by the same name whether it is here or on another node. `score` makes no
/// call to a peer, so two nodes can never wait for each other.
package distributed actor Scoring {
    package typealias ActorSystem = ClusterActorSystem

    private var slots: [SlotCore]
    var models: ModelRegistry
    let store: any ReadingStore
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
    private var pending: [CallKey: PendingCall] = [:]
    /// Readings judged since the start; answers made from the same count are the same.
    private var judged: UInt64 = 0
    private var flushFrom = 0

    /// Rows told to the store in one flush.
    package static let flushRowsMax = 20_000

    package init(
        store: any ReadingStore, clock: NodeClock, logger: Logger, actorSystem: ClusterActorSystem
    ) {
        self.actorSystem = actorSystem
        self.store = store
        self.clock = clock
        self.logger = logger
        slots = (0..<UInt16(Slot.count)).map { SlotCore(slot: Slot($0)) }
        models = ModelRegistry()
        (trainingOrders, trainingWakes) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    private struct CallKey: Hashable {
        let origin: LogID
        let number: CallNumber
    }

    /// A call some of whose slots still warm up: verdicts by the index of their first reading.
    private struct PendingCall {
        var parts: [Int: [Verdict]]
        let readingsCount: Int
        var continuation: CheckedContinuation<ScoreReply?, Never>?

        init(_ call: ScoreCall, judged verdicts: VerdictBatch) {
            parts = verdicts.count > 0 ? [0: (0..<verdicts.count).map { verdicts[$0] }] : [:]
            readingsCount = call.count
        }

        var reply: ScoreReply? {
            guard parts.values.reduce(0, { $0 + $1.count }) == readingsCount else { return nil }
            var verdicts = VerdictBatch()
            for start in parts.keys.sorted() { for verdict in parts[start] ?? [] { verdicts.append(verdict) } }
            return ScoreReply(verdicts: verdicts)
        }
    }

    /// Judges the readings of a call, each once however often it is asked.
    ///
    /// Where a metric's training set becomes complete the call pauses for its first model, so that what follows is
    /// judged by it, however quickly it comes.
    package distributed func score(_ call: ScoreCall) async throws -> ScoreReply {
        var verdicts = VerdictBatch()
        var waiting: PendingCall?
        var cold: [Slot] = []
        var parts = ArraySlice(call.parts)
        var training = TrainingWatch(models)
        while let part = parts.popFirst() {
            let (next, rest) = training.split(part, of: call, models)
            if let rest { parts = [rest] + parts }
            for effect in slots[Int(next.slot.number)].handle(.score(call, next), now: clock.moment, models: &models) {
                switch effect {
                case .warm(let slot): cold.append(slot)
                case .refuse: throw ScoringError.overloaded(next.slot)
                case .moved(_, _, _, let owner): throw ScoringError.moved(next.slot, to: owner)
                case .reply(_, _, let answered, let given) where waiting != nil:
                    waiting?.parts[answered.readings.lowerBound] = given
                case .reply(_, _, _, let given):
                    for verdict in given { verdicts.append(verdict) }
                }
            }
            // The rare way, with slots that warm up: from here on the answer is put together part by part.
            if waiting == nil, verdicts.count < next.readings.upperBound {
                waiting = PendingCall(call, judged: verdicts)
            }
            if training.mayBeComplete {
                await pauseForTraining()
                training = TrainingWatch(models)
            }
        }
        judged &+= UInt64(call.count)
        let reply: ScoreReply
        if let waiting {
            reply = try await finish(call, waiting, cold)
        } else {
            reply = ScoreReply(verdicts: verdicts)
        }
        count(reply)
        return reply
    }

    private func finish(_ call: ScoreCall, _ waiting: PendingCall, _ cold: [Slot]) async throws -> ScoreReply {
        let key = CallKey(origin: call.origin, number: call.number)
        pending[key] = waiting
        await warm(cold)
        if let reply = pending[key]?.reply {
            pending[key] = nil
            return reply
        }
        // Another call warms the rest.
        let reply = await withCheckedContinuation { pending[key]?.continuation = $0 }
        guard let reply else { throw ScoringError.stopped }
        return reply
    }

    private func count(_ reply: ScoreReply) {
        NodeMetrics.scored.increment(by: reply.verdicts.count)
        let anomalies = reply.verdicts.results.count { $0 == .anomaly }
        if anomalies > 0 { NodeMetrics.anomalies.increment(by: anomalies) }
    }

    /// Warms every slot of this node before the first call, so that `latest` is whole from the start.
    package func own(_ owned: [Slot]) async {
        var cold: [Slot] = []
        for slot in owned {
            let effects = slots[Int(slot.number)].handle(.owned, now: clock.moment, models: &models)
            for case .warm(let slot) in effects { cold.append(slot) }
        }
        await warm(cold)
    }

    private func warm(_ cold: [Slot]) async {
        guard !cold.isEmpty else { return }
        var rows: [Slot: [LatestRow]] = [:]
        do {
            for row in try await store.latest(in: cold) {
                rows[Slot(of: row.series.device), default: []].append(row)
            }
        } catch {
            logger.warning(
                "device states start anew: the store could not be asked for the last ones",
                metadata: ["slots": "\(cold.count)", "reason": "\(error)"])
        }
        for slot in cold {
            let effects = slots[Int(slot.number)].handle(
                .warmed(rows[slot] ?? []), now: clock.moment, models: &models)
            for case .reply(let number, let origin, let part, let verdicts) in effects {
                deliver(CallKey(origin: origin, number: number), part, verdicts)
            }
        }
        judged &+= 1
    }

    private func deliver(_ key: CallKey, _ part: ScoreCall.Part, _ verdicts: [Verdict]) {
        pending[key]?.parts[part.readings.lowerBound] = verdicts
        guard let call = pending[key], let continuation = call.continuation, let reply = call.reply else { return }
        pending[key] = nil
        continuation.resume(returning: reply)
    }

    /// The device was deleted from the store at that time: its state goes, and what it sent before stays away.
    package distributed func forget(_ device: DeviceID, at time: Instant) {
        _ = slots[Int(Slot(of: device).number)].handle(
            .forget(device, at: time), now: clock.moment, models: &models)
        judged &+= 1
    }

    package func tick() {
        for index in slots.indices {
            _ = slots[index].handle(.tick, now: clock.moment, models: &models)
        }
    }

    /// Tells the store what changed since the last flush: coalesced, one row a series. Begins where the last one ended,
    /// so that no slot waits for ever.
    package func flush() async {
        var rows: [LatestRow] = []
        var index = flushFrom
        repeat {
            rows += slots[index].takeChanged(atMost: Self.flushRowsMax - rows.count)
            index = (index + 1) % slots.count
        } while index != flushFrom && rows.count < Self.flushRowsMax
        flushFrom = index
        guard !rows.isEmpty else { return }
        var again: [LatestRow] = []
        do {
            let unknown = Set(try await store.flush(latest: rows))
            again = rows.filter { unknown.contains($0.series) }
        } catch {
            again = rows
        }
        // Told again with the next flush: the store was away, or the reading itself is still on its way there.
        for (slot, rows) in Dictionary(grouping: again, by: { Slot(of: $0.series.device) }) {
            slots[Int(slot.number)].markChanged(rows)
        }
    }

    // MARK: Latest

    /// The newest reading of every series of the slots owned here, by device id as bytes.
    package func latest(_ query: LatestQuery, now: Instant, inactiveAfter: Int64) -> LatestAnswer {
        LatestBuilder(query: query, now: now, inactiveAfter: inactiveAfter).answer(from: slots)
    }

    /// True if any reading of the device was judged here, though none may be stored yet.
    package func knows(_ device: DeviceID) -> Bool {
        slots[Int(Slot(of: device).number)].series?.keys.contains { $0.device == device } ?? false
    }

    package var devicesCount: Int {
        slots.reduce(0) { $0 + Set(($1.series ?? [:]).keys.map(\.device)).count }
    }
}

package enum ScoringError: Error, Hashable, Sendable {
    case overloaded(Slot)
    case moved(Slot, to: Owner)
    case stopped
}
