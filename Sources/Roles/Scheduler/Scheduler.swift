import CoreMetrics
package import Lease
package import Logging
package import Ports
package import Pruning
import Synchronization
package import Telemetry

/// The scheduler's role: seeks the pruner's lease, and runs the pruner while it has it.
///
/// It drives `LeaseCore`: every wait is a child of `run`'s task group, which reports back with another event. The lease
/// says who tries; what may be done, the store decides by the token that it minted (docs/decisions/0015).
package actor Scheduler {
    package struct Settings: Sendable {
        /// This node's name: told to people as the leader's.
        package var holder: String
        package var rules: PruneRules
        package var limits: LeaseLimits

        package init(holder: String, rules: PruneRules, limits: LeaseLimits) {
            self.holder = holder
            self.rules = rules
            self.limits = limits
        }
    }

    enum Order: Sendable {
        case ask(LeaseRequest)
        case lead(term: UInt64)
    }

    let settings: Settings
    let store: any PruneStore
    let flock: any PrunedFlock
    let logger: Logger
    private let keeper: any LeaseKeeper
    private let now: @Sendable () -> Moment
    /// What a leader does after each run beside pruning.
    let afterRun: @Sendable () async -> Void
    private var core: LeaseCore
    private let orders: AsyncStream<Order>
    private let ordersInput: AsyncStream<Order>.Continuation
    private var leaveWaiters: [CheckedContinuation<Void, Never>] = []
    private var hasLeft = false
    /// What the keeper's last failure said.
    private var lastFailure: LeaseKeeperError?
    private nonisolated let leading = Mutex<FencingToken?>(nil)
    private nonisolated let trouble = Mutex<String?>(nil)
    /// Terms in a row that soon ended with a refusal by the store.
    var refusedTerms = 0
    /// The store failed; told once.
    var isStoreStuck = false
    /// Why the last run waited; told once.
    var waitsFor: String?

    /// How long a leader sleeps at most before it looks whether it still is one.
    static let lookPeriod: Int64 = 250_000
    /// How long a run that failed waits for the next.
    static let retryPause: Int64 = 1_000_000
    /// How long readings of devices just pruned are removed before they are left to flushes, in microseconds.
    static let sweepAfterRun: Int64 = 2_000_000
    /// Refused terms in a row after which it is told that there are two leases; each further one waits twice as long before
    /// it asks the store for a token, at most for this, in microseconds.
    package static let refusedTermsTold = 3
    static let refusedPauseMax: Int64 = 64_000_000
    /// A term that lasted for so long was no fight.
    static let peacefulTerm = Duration.seconds(300)
    /// Failed runs in a row after which another node shall try: its way to the store may be open.
    static let failuresMax = 5

    /// - Parameters:
    ///   - life: drawn at random at every start; `seed` too.
    ///   - now: a clock that never steps and goes on while the machine sleeps.
    package init(
        settings: Settings, keeper: any LeaseKeeper, store: any PruneStore, flock: any PrunedFlock, life: WriterID,
        seed: UInt64, now: @escaping @Sendable () -> Moment, logger: Logger,
        afterRun: @escaping @Sendable () async -> Void = {}
    ) {
        self.settings = settings
        self.keeper = keeper
        self.store = store
        self.flock = flock
        self.now = now
        self.afterRun = afterRun
        self.logger = logger
        core = LeaseCore(life: life, seed: seed, limits: settings.limits)
        (orders, ordersInput) = AsyncStream.makeStream()
    }

    /// The newest token of this node while it leads; nil while it does not.
    package nonisolated var token: FencingToken? { leading.withLock { $0 } }

    /// What the keeper of the lease says instead of answering; nil while it answers.
    package nonisolated var keeperTrouble: String? { trouble.withLock { $0 } }

    /// Runs until it has left or is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.tickAlways() }
            step(.started)
            for await order in orders {
                switch order {
                case .ask(let request): group.addTask { await self.ask(request) }
                case .lead(let term): group.addTask { await self.lead(in: term) }
                }
            }
            group.cancelAll()
        }
        end()
        await keeper.close()
    }

    private func tickAlways() async {
        while (try? await Task.sleep(for: .microseconds(settings.limits.tickInterval))) != nil { step(.tick) }
    }

    private func ask(_ request: LeaseRequest) async {
        do throws(LeaseKeeperError) {
            step(.answered(request.number, try await keeper.perform(request)))
        } catch {
            lastFailure = error
            step(.failed(request.number))
        }
    }

    /// Gives the lease back and seeks it no more; returns when that is done, or cannot be.
    package func leave() async {
        step(.leave)
        guard !hasLeft else { return }
        await withCheckedContinuation { leaveWaiters.append($0) }
    }

    /// Nobody waits for this actor any more.
    private func end() {
        hasLeft = true
        leading.withLock { $0 = nil }
        ordersInput.finish()
        for waiter in leaveWaiters { waiter.resume() }
        leaveWaiters = []
    }

    // MARK: Driving the core

    func step(_ event: LeaseCore.Event) {
        for effect in core.handle(event, now: now()) {
            switch effect {
            case .ask(let request): ordersInput.yield(.ask(request))
            case .elected(let term): ordersInput.yield(.lead(term: term.number))
            case .ended(let reason): stopLeading(because: reason)
            case .keeperChanged(let answers): note(keeperAnswers: answers)
            case .left: end()
            }
        }
    }

    func mayAct(in term: UInt64) -> Bool { core.mayAct(inTerm: term, now: now()) }

    /// - Returns: false if the term is over already.
    func startLeading(with token: FencingToken, in term: UInt64) -> Bool {
        guard mayAct(in: term) else { return false }
        leading.withLock { $0 = token }
        NodeMetrics.leads.record(1)
        logger.notice("this node leads the pruner", metadata: ["fencing_token": "\(token)"])
        return true
    }

    private func stopLeading(because reason: LeaseCore.End) {
        guard
            let token = leading.withLock({ leading in
                defer { leading = nil }
                return leading
            })
        else { return }
        NodeMetrics.leads.record(0)
        logger.notice(
            "this node leads the pruner no more", metadata: ["fencing_token": "\(token)", "reason": "\(reason.words)"])
    }

    private func note(keeperAnswers: Bool) {
        guard !keeperAnswers else {
            trouble.withLock { $0 = nil }
            return logger.notice("the keeper of the pruner's lease answers again")
        }
        let reason = lastFailure?.description ?? "no answer in time"
        trouble.withLock { $0 = reason }
        logger.warning(
            "the keeper of the pruner's lease does not answer: nothing is pruned until it does, all else goes on",
            metadata: ["reason": "\(reason)"])
    }
}

extension LeaseCore.End {
    var words: String {
        switch self {
        case .ranOut: "the lease could not be renewed in time"
        case .taken: "the lease is another's, or nobody's"
        case .steppedDown: "it stepped down"
        case .left: "it stops"
        }
    }
}
