import CoreMetrics
package import DataPlane
package import HashRing
package import IngestLog
import LogFormat
package import Logging
package import Ports
import Synchronization
package import Telemetry

/// The ingest role: drives `IngestCore` with this node's log, the owners and the store.
///
/// No decision is made here. `step` gives the core an event and performs what comes back: answers to clients at once,
/// everything that waits (disk, owner, store) as a child of `run`'s task group, which reports back with another event.
package actor Ingest {
    var core: IngestCore
    let log: IngestLog
    let store: any ReadingStore
    let node: String
    private let clock: NodeClock
    let logger: Logger
    /// The owner's actor; throws if there is no way to it.
    let scoring: @Sendable (Owner) throws -> Scoring
    private var requests: [IngestCore.RequestID: @Sendable (AcceptError?) -> Void] = [:]
    private var requestsCount: UInt64 = 0
    /// Unbounded in type only: the core has at most one append, read and commit outstanding, and one call an owner.
    private let orders: AsyncStream<IngestCore.Effect>
    private let ordersInput: AsyncStream<IngestCore.Effect>.Continuation
    private nonisolated let inbox = Mutex(Inbox())
    private let wakes: AsyncStream<Void>
    private nonisolated let wakesInput: AsyncStream<Void>.Continuation
    private var drainWaiters: [CheckedContinuation<Void, Never>] = []
    private var readyWaiters: [CheckedContinuation<Void, Never>] = []
    private let failed = Mutex<String?>(nil)
    /// Of the core, in microseconds; no moment is as late as `Int64.max`.
    private let busyFrom = Atomic<Int64>(.max)
    private let busyRetryAfterSeconds: Int
    /// `refusal` said so since the last event.
    private let hasRefused = Atomic(false)
    var isStoreAway = false
    var isLogFull = false
    /// A new name for the log found no room; told once.
    var isRetirementStuck = false
    private var backlogAge = BacklogAge()
    private var refusedAt: Moment?
    private var isStopped = false
    /// `drain` waits no more.
    private var isImpatient = false

    /// How often the core's deadlines are looked at.
    package static let tickPeriod = Duration.milliseconds(50)
    /// Bytes of the log read in one piece.
    package static let readBytesMax = 1 << 20

    package init(
        log: IngestLog, store: any ReadingStore, node: String, limits: IngestLimits, clock: NodeClock,
        logger: Logger, scoring: @escaping @Sendable (Owner) throws -> Scoring
    ) {
        self.log = log
        self.store = store
        self.node = node
        self.clock = clock
        self.logger = logger
        self.scoring = scoring
        busyRetryAfterSeconds = limits.busyRetryAfterSeconds
        core = IngestCore(log: log.found, writer: log.life, limits: limits)
        (orders, ordersInput) = AsyncStream.makeStream()
        (wakes, wakesInput) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Runs until `stop`; every wait of this role is a child of this task.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.tick() }
            group.addTask {
                for await _ in self.wakes { await self.takeOffers() }
            }
            step(.started(log.found))
            for await order in orders {
                group.addTask { await self.perform(order) }
            }
            group.cancelAll()
        }
        // Also when it was cancelled instead of stopped: nobody may wait for an actor that does nothing more.
        stop()
    }

    private func tick() async {
        while !Task.isCancelled {
            guard (try? await Task.sleep(for: Self.tickPeriod)) != nil else { return }
            step(.tick)
            lookAtBacklog()
        }
    }

    /// Returns when the batch is on this node's disk, synced.
    package func accept(_ batch: ReadingBatch) async throws(AcceptError) {
        guard !isStopped else { throw .draining }
        let refusal = await withCheckedContinuation { continuation in
            step(.offered([enter(batch) { continuation.resume(returning: $0) }]))
        }
        if let refusal { throw refusal }
    }

    private func enter(
        _ batch: ReadingBatch, answer: @escaping @Sendable (AcceptError?) -> Void
    ) -> IngestCore.Offer {
        requestsCount += 1
        let request = IngestCore.RequestID(requestsCount)
        requests[request] = answer
        return IngestCore.Offer(request: request, batch: batch)
    }

    /// What was offered since this actor last looked: it is woken once for all of them, not once for each.
    private struct Inbox {
        var offers: [(batch: ReadingBatch, answer: @Sendable (AcceptError?) -> Void)] = []
        var isClosed = false
    }

    /// As `accept`, without a task that waits.
    package nonisolated func offer(_ batch: ReadingBatch, answer: @escaping @Sendable (AcceptError?) -> Void) {
        let (isClosed, isFirst) = inbox.withLock { inbox in
            if !inbox.isClosed { inbox.offers.append((batch, answer)) }
            return (inbox.isClosed, inbox.offers.count == 1)
        }
        if isClosed {
            answer(.draining)
        } else if isFirst {
            wakesInput.yield()
        }
    }

    /// Why a batch would be refused now, as far as is known without asking the core.
    /// - Parameter waited: what it waited before, in microseconds. It counts where a queue stands as well: a node that was
    ///   frozen, or that nobody else asks, refuses nobody for it.
    package nonisolated func refusal(waited: Int64) -> AcceptError? {
        let from = busyFrom.load(ordering: .relaxed)
        guard from < .max, clock.moment.microseconds + waited >= from else { return nil }
        hasRefused.store(true, ordering: .relaxed)
        return .logFull(retryAfterSeconds: busyRetryAfterSeconds)
    }

    private func takeOffers() {
        let offers = inbox.withLock { inbox in
            defer { inbox.offers = [] }
            return inbox.offers
        }
        guard !isStopped else {
            for offer in offers { offer.answer(.draining) }
            return
        }
        if !offers.isEmpty { step(.offered(offers.map { enter($0.batch, answer: $0.answer) })) }
    }

    /// - Parameter newest: asked here, so that of several callers the last cannot bring back an older ring.
    package func adopt(_ newest: @Sendable () -> Ring) {
        step(.ring(newest()))
    }

    /// The log's ledger; of all logs without a live node, `orphaned` is added by the node.
    package var ledger: Ledger { core.ledger }
    package var logID: LogID { core.log }

    /// How long the oldest reading that is not stored yet has been waiting, in microseconds; never too small.
    package func backlog() -> Int64 {
        lookAtBacklog()
        return backlogAge.age(now: clock.moment)
    }

    /// Devices were refused within the last so many microseconds, or will be: who is not heard here may have tried.
    package func refuses(within time: Int64) -> Bool {
        guard core.isRunning, !hasRefused.load(ordering: .relaxed) else { return true }
        return refusedAt.map { clock.moment.microseconds - $0.microseconds < time } ?? false
    }

    private func lookAtBacklog() {
        backlogAge.look(end: core.end, stored: core.checkpoint?.position, now: clock.moment)
    }

    package var isRunning: Bool { core.isRunning }

    /// Why this node accepts nothing more; nil while it does. For probes, which must not wait for the actor.
    package nonisolated var failure: String? { failed.withLock { $0 } }
    /// The last transaction went in, or none is needed.
    package var isStoreReachable: Bool { !isStoreAway }

    /// Returns when the start is over: what the log held is known, batches are taken at once.
    package func waitUntilRunning() async {
        guard !core.isRunning, core.logFailure == nil, !isStopped else { return }
        await withCheckedContinuation { readyWaiters.append($0) }
    }

    /// Accepts no more; returns when all that was accepted is stored, or when `run` is told to stop.
    package func drain() async {
        step(.drain)
        guard !core.isDrained, !isStopped, !isImpatient else { return }
        await withCheckedContinuation { drainWaiters.append($0) }
    }

    /// Lets `drain` return though not everything is stored.
    package func stopWaiting() {
        isImpatient = true
        resume(&drainWaiters)
    }

    /// Ends `run`. What is not stored yet stays in the log for the next start.
    package func stop() {
        isStopped = true
        busyFrom.store(.max, ordering: .relaxed)
        ordersInput.finish()
        wakesInput.finish()
        let offers = inbox.withLock { inbox in
            inbox.isClosed = true
            defer { inbox.offers = [] }
            return inbox.offers
        }
        for offer in offers { offer.answer(.draining) }
        for (_, answer) in requests { answer(.draining) }
        requests = [:]
        resume(&drainWaiters)
        resume(&readyWaiters)
    }

    // MARK: Driving the core

    func step(_ event: IngestCore.Event) {
        for effect in core.handle(event, now: clock.moment) {
            switch effect {
            case .acknowledge(let accepted): answer(accepted, nil)
            case .refuse(let refused, let error): answer(refused, error)
            default: ordersInput.yield(effect)
            }
        }
        busyFrom.store(core.busyFrom?.microseconds ?? .max, ordering: .relaxed)
        if hasRefused.exchange(false, ordering: .relaxed) { refusedAt = clock.moment }
        if let failure = core.logFailure { failed.withLock { $0 = failure } }
        if core.isRunning || core.logFailure != nil { resume(&readyWaiters) }
        if core.isDrained { resume(&drainWaiters) }
    }

    private func answer(_ answered: [IngestCore.RequestID], _ refusal: AcceptError?) {
        if let refusal, refusal != .draining { refusedAt = clock.moment }
        for request in answered { requests.removeValue(forKey: request)?(refusal) }
    }

    private func resume(_ waiters: inout [CheckedContinuation<Void, Never>]) {
        for waiter in waiters { waiter.resume() }
        waiters = []
    }
}

extension IngestLog {
    /// As it stands now, for the core.
    var found: IngestCore.OpenLog { IngestCore.OpenLog(id: id, base: base, end: end, replaces: replaces, lives: lives) }
}
