import Lease
import Telemetry
import Testing

/// One core, and what it is told.
@Suite struct LeaseCoreTests {
    static let limits = LeaseLimits(ttl: 3_000_000)
    static let life = WriterID(7)

    /// A core at a clock that the test moves.
    struct Bench {
        var core = LeaseCore(life: LeaseCoreTests.life, seed: 1, limits: LeaseCoreTests.limits)
        var now = Moment(microseconds: 1_000)
        var effects: [LeaseCore.Effect] = []

        @discardableResult
        mutating func tell(_ event: LeaseCore.Event) -> [LeaseCore.Effect] {
            effects = core.handle(event, now: now)
            return effects
        }

        /// Ticks until it asks.
        mutating func nextQuestion() -> LeaseRequest? {
            for _ in 0..<1_000 {
                now = now.advanced(byMicroseconds: 10_000)
                if let request = question(in: tell(.tick)) { return request }
            }
            return nil
        }

        func question(in effects: [LeaseCore.Effect]) -> LeaseRequest? {
            effects.lazy.compactMap { if case .ask(let request) = $0 { request } else { nil } }.first
        }

        mutating func pass(_ time: Int64) { now = now.advanced(byMicroseconds: time) }

        static func holding() -> Bench {
            var bench = Bench()
            bench.tell(.started)
            bench.tell(.answered(1, .granted))
            return bench
        }
    }

    static func owner(_ attempt: UInt64) -> LeaseOwner { LeaseOwner(life: life, attempt: attempt) }

    static func request(_ number: UInt64, _ operation: LeaseRequest.Operation, _ attempt: UInt64) -> LeaseRequest {
        LeaseRequest(number: number, operation: operation, owner: owner(attempt))
    }

    // MARK: From each state, each event

    enum Start: String, CaseIterable, Sendable {
        case idle, asking, seeking, doubting, holding, renewing, releasing, left

        func bench() -> Bench {
            var bench = Bench()
            switch self {
            case .idle: break
            case .asking: bench.tell(.started)
            case .seeking:
                bench.tell(.started)
                bench.tell(.answered(1, .refused))
            case .doubting:
                bench.tell(.started)
                bench.tell(.failed(1))
            case .holding: bench = .holding()
            case .renewing:
                bench = .holding()
                _ = bench.nextQuestion()
            case .releasing:
                bench = .holding()
                bench.tell(.stepDown)
            case .left: bench.tell(.leave)
            }
            return bench
        }
    }

    struct Case: Sendable {
        let from: Start
        let event: LeaseCore.Event
        let effects: [LeaseCore.Effect]

        init(_ from: Start, _ event: LeaseCore.Event, _ effects: [LeaseCore.Effect]) {
            self.from = from
            self.event = event
            self.effects = effects
        }
    }

    static let firstTerm = LeaseTerm(
        number: 1, owner: owner(1), until: Moment(microseconds: 1_000 + limits.right))

    static let cases: [Case] = [
        Case(.idle, .started, [.ask(request(1, .acquire, 1))]),
        Case(.idle, .tick, []),
        Case(.idle, .answered(1, .granted), []),
        Case(.idle, .leave, [.left]),
        Case(.asking, .started, []),
        Case(.asking, .answered(1, .granted), [.elected(firstTerm)]),
        Case(.asking, .answered(1, .refused), []),
        Case(.asking, .answered(2, .granted), []),
        Case(.asking, .answered(0, .granted), []),
        Case(.asking, .stepDown, []),
        // The keeper may be giving it at this moment.
        Case(.asking, .leave, [.ask(request(2, .release, 1))]),
        Case(.seeking, .answered(1, .granted), []),
        Case(.seeking, .leave, [.left]),
        Case(.doubting, .answered(1, .granted), []),
        Case(.doubting, .leave, [.ask(request(2, .release, 1))]),
        Case(.holding, .answered(1, .granted), []),
        Case(.holding, .answered(1, .refused), []),
        Case(.holding, .started, []),
        Case(.holding, .stepDown, [.ended(.steppedDown), .ask(request(2, .release, 1))]),
        Case(.holding, .leave, [.ended(.left), .ask(request(2, .release, 1))]),
        Case(.renewing, .answered(2, .granted), []),
        Case(.renewing, .answered(1, .granted), []),
        Case(.renewing, .answered(2, .refused), [.ended(.taken)]),
        Case(.renewing, .failed(2), []),
        Case(.renewing, .stepDown, [.ended(.steppedDown), .ask(request(3, .release, 1))]),
        Case(.renewing, .leave, [.ended(.left), .ask(request(3, .release, 1))]),
        Case(.releasing, .answered(2, .granted), []),
        Case(.releasing, .answered(2, .refused), []),
        Case(.releasing, .stepDown, []),
        Case(.releasing, .leave, []),
        Case(.left, .started, []),
        Case(.left, .tick, []),
        Case(.left, .answered(1, .granted), []),
        Case(.left, .leave, []),
    ]

    @Test(arguments: cases) func anEventHasItsEffects(_ one: Case) {
        var bench = one.from.bench()
        #expect(bench.tell(one.event) == one.effects, "\(one.from) \(one.event)")
    }

    // MARK: The right

    @Test func theRightCountsFromTheSendingAndEndsToTheMicrosecond() {
        var bench = Bench()
        bench.tell(.started)
        bench.pass(400_000)
        bench.tell(.answered(1, .granted))
        #expect(bench.core.mayAct(inTerm: 1, now: bench.now))
        #expect(!bench.core.mayAct(inTerm: 2, now: bench.now))
        #expect(bench.core.mayAct(inTerm: 1, now: Moment(microseconds: 1_000 + Self.limits.right - 1)))
        #expect(!bench.core.mayAct(inTerm: 1, now: Moment(microseconds: 1_000 + Self.limits.right)))
    }

    @Test func aRenewalMovesTheRightFromItsOwnSending() {
        var bench = Bench.holding()
        let renewal = bench.nextQuestion()
        #expect(renewal == Self.request(2, .renew, 1))
        let sentAt = bench.now
        bench.pass(300_000)
        #expect(bench.tell(.answered(2, .granted)).isEmpty)
        #expect(bench.core.term?.until == sentAt.advanced(byMicroseconds: Self.limits.right))
        #expect(bench.core.term?.number == 1)
    }

    @Test func renewalsAreJitteredAroundAThirdOfTheTTL() {
        var pauses: Set<Int64> = []
        for seed in 0..<100 as Range<UInt64> {
            var core = LeaseCore(life: Self.life, seed: seed, limits: Self.limits)
            _ = core.handle(.started, now: Moment(microseconds: 0))
            _ = core.handle(.answered(1, .granted), now: Moment(microseconds: 0))
            guard case .holding(_, .due(let at)) = core.phase else { continue }
            pauses.insert(at.microseconds)
        }
        #expect(pauses.count > 50)
        #expect(pauses.allSatisfy { (800_000...1_000_000).contains($0) })
    }

    /// Three lost renewals at least, and it stops by itself; then it asks with the value that the keeper may still have.
    @Test func aHolderThatHearsNothingStopsInTime() throws {
        var bench = Bench.holding()
        var renewals = 0
        for _ in 0..<1_000 where bench.core.term != nil {
            bench.pass(Self.limits.tickInterval)
            bench.tell(.tick)
            renewals += bench.question(in: bench.effects)?.operation == .renew ? 1 : 0
        }
        #expect(renewals >= 3)
        #expect(bench.effects.contains(.ended(.ranOut)))
        let asked = try #require(bench.question(in: bench.effects))
        #expect(asked.operation == .acquire && asked.owner == Self.owner(1))
        let past = bench.now.microseconds - 1_000 - Self.limits.right
        #expect((0..<Self.limits.tickInterval).contains(past))
    }

    /// A process that stood still: whatever it is told first, its right is over.
    @Test func anAnswerAfterAStandstillRenewsNothing() {
        var bench = Bench.holding()
        _ = bench.nextQuestion()
        bench.pass(10_000_000)
        #expect(bench.tell(.answered(2, .granted)) == [.ended(.ranOut)])
        #expect(bench.core.counts.lateAnswers == 1)
        #expect(bench.core.term == nil)
    }

    @Test func aGrantThatTookTooLongElectsNobody() {
        var bench = Bench()
        bench.tell(.started)
        bench.pass(Self.limits.right)
        #expect(bench.tell(.answered(1, .granted)).isEmpty)
        #expect(bench.core.term == nil)
    }

    // MARK: Doubt

    @Test func whatTheKeeperMayHaveGivenIsFoundByARenewal() {
        var bench = Start.doubting.bench()
        let again = bench.nextQuestion()
        #expect(again == Self.request(2, .acquire, 1), "the same owner")
        #expect(bench.tell(.answered(2, .refused)) == [.ask(Self.request(3, .renew, 1))])
        bench.tell(.answered(3, .granted))
        #expect(bench.core.term?.owner == Self.owner(1))
    }

    @Test func whatWasNotGivenIsForgotten() {
        var bench = Start.doubting.bench()
        _ = bench.nextQuestion()
        bench.tell(.answered(2, .refused))
        bench.tell(.answered(3, .refused))
        #expect(bench.nextQuestion() == Self.request(4, .acquire, 2), "another owner")
    }

    @Test func whatWasGivenBackIsNotUsedAgain() {
        var bench = Start.releasing.bench()
        bench.tell(.answered(2, .granted))
        let released = bench.now
        #expect(bench.nextQuestion() == Self.request(3, .acquire, 2))
        #expect(bench.now >= released.advanced(byMicroseconds: Self.limits.stepDownPause), "others first")
    }

    // MARK: Leaving, and a keeper that is away

    @Test func aLeaverWaitsForItsReleaseButNotForEver() {
        var bench = Bench.holding()
        bench.tell(.leave)
        var releases = 1
        for _ in 0..<100 where !bench.effects.contains(.left) {
            bench.pass(Self.limits.tickInterval)
            bench.tell(.tick)
            releases += bench.question(in: bench.effects) == nil ? 0 : 1
        }
        #expect(bench.core.phase == .left)
        #expect(releases == Self.limits.releasesMax)
    }

    /// Ten minutes away are one word, and one more when it is back.
    @Test func aKeeperThatIsAwayIsToldOnce() {
        var bench = Bench.holding()
        var told: [LeaseCore.Effect] = []
        func isWord(_ effect: LeaseCore.Effect) -> Bool { if case .keeperChanged = effect { true } else { false } }
        for _ in 0..<6_000 {
            bench.pass(Self.limits.tickInterval)
            told += bench.tell(.tick).filter(isWord)
            if let request = bench.question(in: bench.effects), request.number % 2 == 0 {
                told += bench.tell(.failed(request.number)).filter(isWord)
            }
        }
        #expect(told == [.keeperChanged(answers: false)])
        if bench.core.phase.call == nil { _ = bench.nextQuestion() }
        let number = bench.core.phase.call?.request.number ?? 0
        #expect(bench.tell(.answered(number, .refused)).first == .keeperChanged(answers: true))
    }

    @Test func seekersAskAtAJitteredPace() {
        var bench = Start.seeking.bench()
        var pauses: Set<Int64> = []
        for _ in 0..<50 {
            let before = bench.now
            guard let request = bench.nextQuestion() else { break }
            pauses.insert(bench.now.microseconds - before.microseconds)
            bench.tell(.answered(request.number, .refused))
        }
        #expect(pauses.count > 5)
        #expect(pauses.allSatisfy { (120_000...260_000).contains($0) })
    }

    // MARK: Limits

    @Test(arguments: [LeaseLimits.ttlMin, 300_000, 3_000_000, 60_000_000, LeaseLimits.ttlMax])
    func limitsFitTogether(_ ttl: Int64) {
        let limits = LeaseLimits(ttl: ttl)
        // A slow holder's right in true time, and a fast keeper's lease.
        #expect(Double(limits.right) / 0.9 < Double(ttl) / 1.1)
        #expect(limits.right + limits.margin == ttl)
        #expect(limits.renewInterval + 2 * limits.patience < limits.right)
        #expect(limits.tickInterval > 0 && limits.seekInterval > limits.tickInterval)
        // Another one leads within half a second of a release: a pause and a tick, by the slowest clock.
        #expect(Double(limits.seekInterval + limits.tickInterval) / 0.9 < 450_000)
    }
}
