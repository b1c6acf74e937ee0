import DataPlane
import Distributed
import HashRing
import Logging
import Ports
import Telemetry

/// Slots that warm up, and the calls that wait for them.
extension Scoring {
    /// How long a call waits for its slots, in microseconds: its origin waits no longer. Slots open long before, with the
    /// store's rows or without, if only the ticks come.
    static let answerPatience = IngestLimits().callDeadline
    /// Tombstones asked for at once: as many as this number of slots can remember. Most slots have none.
    static let warmTombstonesMax = SlotCore.tombstonesMax * 64

    /// A call some of whose slots still warm up.
    struct PendingCall {
        var answer: ReplyAssembly
        let deadline: Moment
        /// What came of it; nothing that comes later changes it.
        var result: Result<ScoreAnswer, ScoringError>?
        /// There once every slot was asked.
        var continuation: CheckedContinuation<Result<ScoreAnswer, ScoringError>, Never>?

        init(_ call: ScoreCall, _ judged: [ScoreCall.Part], _ verdicts: VerdictBatch, since now: Moment) {
            deadline = now.advanced(byMicroseconds: Scoring.answerPatience)
            answer = ReplyAssembly(readingsCount: call.count)
            for part in judged { answer.add(part, part.readings.map { verdicts[$0] }) }
        }
    }

    /// Returns when all verdicts are there, or it is clear that they will not come.
    func answer(to ticket: SlotCore.Ticket) async throws(ScoringError) -> ScoreAnswer {
        guard !isStopped else { throw .stopped }
        if let result = pending[ticket]?.result { return try result.get() }
        let result = await withCheckedContinuation { pending[ticket]?.continuation = $0 }
        return try result.get()
    }

    /// Performs what a slot orders outside the call that it is asked by.
    func perform(_ effect: SlotCore.Effect) {
        switch effect {
        case .warm(let slot):
            toWarm.insert(slot)
            warmWakes.yield()
        case .pull(let slot, let owner): order(pull: slot, from: owner)
        case .offer(let slot, let owner): order(offer: slot, to: owner)
        case .give(let ticket, let gift): give(ticket, gift)
        case .reply(let ticket, let part, let verdicts):
            pending[ticket]?.answer.add(part, verdicts)
            settleIfWhole(ticket)
        case .moved(let ticket, let part, let owner):
            pending[ticket]?.answer.add(part, movedTo: owner)
            settleIfWhole(ticket)
        case .refuse(let ticket, let part): settle(ticket, .failure(.overloaded(part.slot)))
        case .silenceEnded(let end): hearAgain(end)
        }
    }

    private func settleIfWhole(_ ticket: SlotCore.Ticket) {
        if let whole = pending[ticket]?.answer.answer { settle(ticket, .success(whole)) }
    }

    private func settle(_ ticket: SlotCore.Ticket, _ result: Result<ScoreAnswer, ScoringError>) {
        guard let call = pending[ticket], call.result == nil else { return }
        pending[ticket]?.result = result
        pending[ticket]?.continuation = nil
        call.continuation?.resume(returning: result)
    }

    /// Returns when no slot of this node warms up any more.
    package func waitUntilOpen() async {
        guard isWarming, !isStopped else { return }
        await withCheckedContinuation { openWaiters.append($0) }
    }

    private var isWarming: Bool {
        slots.contains { if case .warming = $0.state { true } else { false } }
    }

    /// Asks the store for the rows of all slots that want them, at once.
    package func warmReady() async {
        let asked = toWarm.sorted()
        toWarm = []
        guard !asked.isEmpty else { return }
        do throws(StoreError) {
            let rows = Dictionary(grouping: try await store.latest(in: asked)) { Slot(of: $0.series.device) }
            let tombstones = Dictionary(
                grouping: try await store.tombstones(in: asked, limit: Self.warmTombstonesMax)
            ) { Slot(of: $0.device) }
            for slot in asked {
                for effect in handle(.warmed(rows[slot] ?? [], tombstones[slot] ?? []), in: slot) { perform(effect) }
            }
            if isWarmStuck { logger.notice("the store was asked for the last device states") }
            isWarmStuck = false
        } catch {
            if !isWarmStuck {
                logger.warning(
                    "device states start anew: the store could not be asked for the last ones; it is asked again",
                    metadata: ["slots": "\(asked.count)", "reason": "\(error)"])
            }
            isWarmStuck = true
            for slot in asked { for effect in handle(.warmFailed, in: slot) { perform(effect) } }
        }
        resumeOpenWaiters()
    }

    /// Ticks for one tick of a slot whose deadlines are long.
    private static let ticksPerSlot = 5

    /// Looks at the slots' deadlines and at those of the calls that wait for them: at all while any slot warms up, since
    /// somebody waits then, else at a fifth of them in turns. Series that fell silent are noticed on the way.
    package func tick() {
        let count = isWarming ? slots.count : (slots.count + Self.ticksPerSlot - 1) / Self.ticksPerSlot
        for _ in 0..<count {
            let (was, awaited) = (slots[tickFrom].series == nil, slots[tickFrom].awaitsRows)
            for effect in slots[tickFrom].handle(.tick, now: clock.moment, models: &models) { perform(effect) }
            if (slots[tickFrom].series == nil) != was || slots[tickFrom].awaitsRows != awaited { changes &+= 1 }
            noticeSilences(in: tickFrom)
            tickFrom = (tickFrom + 1) % slots.count
        }
        for ticket in pending.filter({ $0.value.deadline <= clock.moment }).keys { settle(ticket, .failure(.late)) }
        resumeOpenWaiters()
        resumeGiftWaiters()
    }

    func resumeOpenWaiters() {
        guard !openWaiters.isEmpty, isStopped || !isWarming else { return }
        for waiter in openWaiters { waiter.resume() }
        openWaiters = []
    }

    /// Nobody waits for this actor any more.
    package func stop() {
        isStopped = true
        for ticket in pending.keys { settle(ticket, .failure(.stopped)) }
        resumeOpenWaiters()
        resumeGiftWaiters()
    }
}
