package import Telemetry

/// Who leads: one node's part in a lease that a keeper (a Redis server, a locked file) gives to one at a time.
///
/// A value without a clock, a socket or randomness of its own: the same events give the same effects. The node drives
/// it, and so does a virtual flock that looks for the schedule that breaks what follows.
///
/// ## How to drive it
///
/// Begin with `started`; give it a `tick` every `LeaseLimits.tickInterval`. Perform the effects in order: `ended` stops
/// the work before the `ask` after it gives the lease away. A question is sent at once or not at all, with
/// `LeaseLimits.patience` as its time-out, and its end is reported as `answered` or `failed`; nothing breaks if it never
/// is. `now` is a clock that never steps and goes on while the machine sleeps.
///
/// The lease says who *tries* to lead. What cannot be undone asks `mayAct` right before, and carries the token that the
/// store minted at the election: a process may stand still between the question and the act for longer than any lease.
///
/// ## What holds
///
/// 1. **The right ends before the lease.** It counts from the moment at which the request was sent that got or renewed the
///    lease, and is shorter than the TTL by `LeaseLimits.margin`. A holder that cannot renew stops in time, alone.
/// 2. **One question at a time.** Answers are matched by number; one that comes after its question was given up is counted
///    and means nothing.
/// 3. **Doubt is asked away.** A question without an answer may have been done. The owner value is kept, and asked with
///    again: what the keeper may have given is found by a renewal rather than waited out.
/// 4. **What was given back is never used again.** A new attempt has a new owner value, so that a late `release` frees
///    nothing but what it was meant for.
package struct LeaseCore: Hashable, Sendable {
    package let limits: LeaseLimits
    package private(set) var phase = Phase.idle
    package private(set) var counts = Counts()
    private let life: WriterID
    private var random: SeededGenerator
    private var numbersCount: UInt64 = 0
    private var attemptsCount: UInt64 = 0
    /// What the keeper may have for this node without its knowing.
    private var doubtful: LeaseOwner?
    /// Calls in a row without an answer.
    private var silentCalls = 0

    /// - Parameters:
    ///   - life: drawn at random at every start.
    ///   - seed: of this node's draws; different on every node.
    package init(life: WriterID, seed: UInt64, limits: LeaseLimits) {
        self.life = life
        self.limits = limits
        random = SeededGenerator(seed: seed)
    }

    /// The term that this node holds, if it does as of the last event; `mayAct` says whether it still may.
    package var term: LeaseTerm? {
        if case .holding(let term, _) = phase { term } else { nil }
    }

    /// Whether this node may do what only the leader does, `now`, as part of this term: asked right before each act.
    package func mayAct(inTerm number: UInt64, now: Moment) -> Bool {
        guard let term else { return false }
        return term.number == number && now < term.until
    }

    package mutating func handle(_ event: Event, now: Moment) -> [Effect] {
        var effects: [Effect] = []
        endRight(now, &effects)
        switch event {
        case .started: if phase == .idle { ask(.acquire, of: newOwner(), now, &effects) }
        case .tick: tick(now, &effects)
        case .answered(let number, let answer):
            guard let call = phase.call, call.request.number == number else {
                counts.lateAnswers += 1
                break
            }
            hear(&effects)
            receive(answer, to: call, now, &effects)
        case .failed(let number):
            guard let call = phase.call, call.request.number == number else { break }
            miss(call, now, retryAt: pause(limits.seekInterval, after: now), &effects)
        case .stepDown: stepDown(now, &effects)
        case .leave: leave(now, &effects)
        }
        return effects
    }

    private mutating func tick(_ now: Moment, _ effects: inout [Effect]) {
        if let call = phase.call, now >= call.sentAt.advanced(byMicroseconds: limits.patience) {
            // The waiting was pause enough where a holder's time runs out.
            let isHolding = term != nil
            miss(call, now, retryAt: isHolding ? now : pause(limits.seekInterval, after: now), &effects)
        }
        switch phase {
        case .seeking(let askAt) where now >= askAt: ask(.acquire, of: doubtful ?? newOwner(), now, &effects)
        case .holding(let term, .due(let at)) where now >= at: ask(.renew, of: term.owner, now, &effects)
        case .releasing(let owner, .due(let at), _, _) where now >= at: ask(.release, of: owner, now, &effects)
        default: break
        }
    }

    // MARK: Questions

    private mutating func ask(
        _ operation: LeaseRequest.Operation, of owner: LeaseOwner, _ now: Moment, _ effects: inout [Effect]
    ) {
        numbersCount += 1
        let request = LeaseRequest(number: numbersCount, operation: operation, owner: owner)
        let call = Call(request: request, sentAt: now)
        switch phase {
        case .holding(let term, _): phase = .holding(term, .asked(call))
        case .releasing(let owner, _, let asked, let isLeaving):
            phase = .releasing(owner, .asked(call), asked: asked + 1, isLeaving: isLeaving)
        case .idle, .seeking, .asking, .left: phase = .asking(call)
        }
        effects.append(.ask(request))
    }

    private mutating func receive(_ answer: LeaseAnswer, to call: Call, _ now: Moment, _ effects: inout [Effect]) {
        switch (phase, answer) {
        case (.asking, .granted): begin(call, now, &effects)
        case (.asking, .refused):
            if call.request.operation == .acquire, doubtful != nil {
                // Somebody has it: perhaps this node.
                ask(.renew, of: call.request.owner, now, &effects)
            } else {
                seek(now)
            }
        case (.holding(var term, _), .granted):
            term.until = call.sentAt.advanced(byMicroseconds: limits.right)
            phase = .holding(term, .due(at: renewal(after: call.sentAt)))
        case (.holding, .refused):
            effects.append(.ended(.taken))
            seek(now)
        case (.releasing(_, _, _, let isLeaving), _): endRelease(isLeaving, now, &effects)
        case (.idle, _), (.seeking, _), (.left, _): break
        }
    }

    private mutating func begin(_ call: Call, _ now: Moment, _ effects: inout [Effect]) {
        let until = call.sentAt.advanced(byMicroseconds: limits.right)
        guard now < until else {
            // Granted too long ago: it may be somebody else's by now.
            doubtful = call.request.owner
            phase = .seeking(askAt: now)
            return
        }
        doubtful = nil
        counts.elections += 1
        let term = LeaseTerm(number: counts.elections, owner: call.request.owner, until: until)
        phase = .holding(term, .due(at: renewal(after: call.sentAt)))
        effects.append(.elected(term))
    }

    /// No answer, and none that would be believed.
    private mutating func miss(_ call: Call, _ now: Moment, retryAt: Moment, _ effects: inout [Effect]) {
        counts.missedAnswers += 1
        silentCalls += 1
        if silentCalls == limits.silentCallsMax { effects.append(.keeperChanged(answers: false)) }
        switch phase {
        case .asking:
            doubtful = call.request.owner
            phase = .seeking(askAt: retryAt)
        case .holding(let term, _): phase = .holding(term, .due(at: retryAt))
        case .releasing(_, _, let asked, let isLeaving) where asked >= limits.releasesMax:
            endRelease(isLeaving, now, &effects)
        case .releasing(let owner, _, let asked, let isLeaving):
            phase = .releasing(owner, .due(at: retryAt), asked: asked, isLeaving: isLeaving)
        case .idle, .seeking, .left: break
        }
    }

    private mutating func hear(_ effects: inout [Effect]) {
        if silentCalls >= limits.silentCallsMax { effects.append(.keeperChanged(answers: true)) }
        silentCalls = 0
    }

    // MARK: Ends

    private mutating func endRight(_ now: Moment, _ effects: inout [Effect]) {
        guard let term, now >= term.until else { return }
        // The keeper may have it for this node still, or again: a renewal may have gone in.
        doubtful = term.owner
        phase = .seeking(askAt: now)
        effects.append(.ended(.ranOut))
    }

    private mutating func stepDown(_ now: Moment, _ effects: inout [Effect]) {
        guard let term else { return }
        effects.append(.ended(.steppedDown))
        release(term.owner, isLeaving: false, now, &effects)
    }

    private mutating func leave(_ now: Moment, _ effects: inout [Effect]) {
        switch phase {
        case .holding(let term, _):
            effects.append(.ended(.left))
            release(term.owner, isLeaving: true, now, &effects)
        case .asking(let call): release(call.request.owner, isLeaving: true, now, &effects)
        case .releasing(let owner, let question, let asked, _):
            phase = .releasing(owner, question, asked: asked, isLeaving: true)
        case .seeking where doubtful != nil:
            if let owner = doubtful { release(owner, isLeaving: true, now, &effects) }
        case .idle, .seeking:
            phase = .left
            effects.append(.left)
        case .left: break
        }
    }

    private mutating func release(
        _ owner: LeaseOwner, isLeaving: Bool, _ now: Moment, _ effects: inout [Effect]
    ) {
        doubtful = nil
        phase = .releasing(owner, .due(at: now), asked: 0, isLeaving: isLeaving)
        ask(.release, of: owner, now, &effects)
    }

    private mutating func endRelease(_ isLeaving: Bool, _ now: Moment, _ effects: inout [Effect]) {
        if isLeaving {
            phase = .left
            effects.append(.left)
        } else {
            phase = .seeking(askAt: now.advanced(byMicroseconds: limits.stepDownPause))
        }
    }

    /// The keeper said that this node has nothing.
    private mutating func seek(_ now: Moment) {
        doubtful = nil
        phase = .seeking(askAt: pause(limits.seekInterval, after: now))
    }

    // MARK: Draws

    private mutating func newOwner() -> LeaseOwner {
        attemptsCount += 1
        return LeaseOwner(life: life, attempt: attemptsCount)
    }

    private mutating func pause(_ longest: Int64, after moment: Moment) -> Moment {
        jittered(longest, LeaseLimits.seekJitterPercent, after: moment)
    }

    private mutating func renewal(after sentAt: Moment) -> Moment {
        jittered(limits.renewInterval, LeaseLimits.renewJitterPercent, after: sentAt)
    }

    private mutating func jittered(_ longest: Int64, _ percent: Int64, after moment: Moment) -> Moment {
        let span = longest * percent / 100
        return moment.advanced(byMicroseconds: longest - Int64(random.draw(below: Int(span) + 1)))
    }
}
