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
    private var core: IngestCore
    private let log: IngestLog
    private let store: any ReadingStore
    private let node: String
    private let clock: NodeClock
    private let logger: Logger
    /// The owner's actor; throws if there is no way to it.
    private let scoring: @Sendable (Owner) throws -> Scoring
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
    private var isStoreAway = false
    private var isLogFull = false
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
        core = IngestCore(log: log.id, base: log.base, end: log.end, limits: limits)
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
            step(.started(log: log.id, base: log.base, end: log.end))
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

    package func adopt(_ ring: Ring) {
        step(.ring(ring))
    }

    /// The log's ledger; of all logs without a live node, `orphaned` is added by the node.
    package var ledger: Ledger { core.ledger }
    package var logID: LogID { core.log }
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

    private func step(_ event: IngestCore.Event) {
        for effect in core.handle(event, now: clock.moment) {
            switch effect {
            case .acknowledge(let accepted): answer(accepted, nil)
            case .refuse(let refused, let error): answer(refused, error)
            default: ordersInput.yield(effect)
            }
        }
        if let failure = core.logFailure { failed.withLock { $0 = failure } }
        if core.isRunning || core.logFailure != nil { resume(&readyWaiters) }
        if core.isDrained { resume(&drainWaiters) }
    }

    private func answer(_ answered: [IngestCore.RequestID], _ refusal: AcceptError?) {
        for request in answered { requests.removeValue(forKey: request)?(refusal) }
    }

    private func resume(_ waiters: inout [CheckedContinuation<Void, Never>]) {
        for waiter in waiters { waiter.resume() }
        waiters = []
    }

    /// Performs one order, outside the actor where it waits, and reports what came of it.
    private nonisolated func perform(_ order: IngestCore.Effect) async {
        switch order {
        case .append(let number, let records): await append(number, records)
        case .call(let owner, let call): await self.call(owner, call)
        case .commit(let transaction): await commit(transaction)
        case .readCheckpoint(let log): await readCheckpoint(log)
        case .register(let log): await register(log)
        case .readLog(let purpose, let start): await read(purpose, start)
        case .trim(let id, let position): if log.id == id { await log.trim(before: position) }
        case .retire(let old): await retire(old)
        case .acknowledge, .refuse: return  // answered in `step`
        }
    }

    private nonisolated func append(_ number: IngestCore.AppendNumber, _ records: [LogRecord]) async {
        let needsSync = records.contains(where: \.holdsReadings)
        do {
            try await log.append(records, sync: needsSync)
            if needsSync { await logTookReadings() }
            await step(.appended(number))
        } catch {
            await step(.appendFailed(number, await report(error)))
        }
    }

    private func logTookReadings() {
        if isLogFull { logger.notice("the ingest log takes readings again") }
        isLogFull = false
    }

    /// One line when the log fills up, one when there is room again.
    private func report(_ error: LogError) -> IngestCore.AppendFailure {
        switch error.code {
        case .full, .diskFull, .busy:
            if !isLogFull { logger.warning("the ingest log takes no readings", metadata: ["reason": "\(error)"]) }
            isLogFull = true
            return .full("\(error)")
        case .invalidRecords:
            logger.error("the ingest log refused a batch", metadata: ["reason": "\(error)"])
            return .refused("\(error)")
        case .failed, .closed, .staleCursor, .locked, .folder, .unusable:
            logger.critical(
                "the ingest log failed; this node accepts nothing more until it is started again",
                metadata: ["reason": "\(error)"])
            return .failed("\(error)")
        }
    }

    private nonisolated func call(_ owner: Owner, _ call: ScoreCall) async {
        do {
            let reply = try await scoring(owner).score(call)
            await step(.scored(call.number, reply.verdicts))
        } catch {
            logger.warning("a scoring call failed", metadata: ["owner": "\(owner)", "reason": "\(error)"])
            await step(.callFailed(call.number))
        }
    }

    private nonisolated func commit(_ transaction: StoreTransaction) async {
        do {
            let row = try await store.commit(transaction)
            NodeMetrics.stored.increment(by: transaction.readingsCount)
            await storeAnswered(nil)
            await step(.committed(row))
        } catch {
            await storeAnswered(error)
            await step(.commitFailed)
        }
    }

    private nonisolated func readCheckpoint(_ log: LogID) async {
        do {
            await step(.checkpoint(try await store.checkpoint(of: log)))
            await rowWasRead()
        } catch {
            await storeAnswered(error)
            await step(.checkpointUnavailable)
        }
    }

    private nonisolated func register(_ log: LogID) async {
        do {
            await step(.checkpoint(try await store.register(log: log, node: node)))
        } catch {
            await storeAnswered(error)
            await step(.checkpointUnavailable)
        }
    }

    private nonisolated func read(_ purpose: IngestCore.ReadPurpose, _ start: IngestCore.ReadStart) async {
        let cursor =
            switch start {
            case .cursor(let cursor): cursor
            case .position(let position): log.cursor(at: position)
            }
        do {
            let chunk = try await log.read(from: cursor, bytesMax: Self.readBytesMax)
            await step(.logRead(purpose, chunk.records, next: chunk.next, isAtEnd: chunk.isAtEnd))
        } catch {
            logger.error("the ingest log cannot be read", metadata: ["reason": "\(error)"])
            await step(.logReadFailed(purpose))
        }
    }

    private nonisolated func retire(_ old: LogID) async {
        var random = SystemRandomNumberGenerator()
        let new = LogID(using: &random)
        do {
            try await log.retire(newID: new)
            logger.warning(
                "the store and this node's log contradict each other (a restored disk or store?); what the log holds is stored again under a new name, and readings already there count as duplicates",
                metadata: ["old": "\(old)", "new": "\(new)"])
            await step(.retired(log: log.id, base: log.base, end: log.end))
        } catch {
            logger.critical("the ingest log cannot be renamed", metadata: ["reason": "\(error)"])
            await step(.logFailed("\(error)"))
        }
    }

    /// A store that is full or locked still lets the row be read: while there is something to store, that is no sign of
    /// its return.
    private func rowWasRead() {
        if core.ledger.pending == 0 { storeAnswered(nil) }
    }

    /// One line when the store goes, one when it comes back.
    private func storeAnswered(_ error: StoreError?) {
        if let error, !isStoreAway {
            isStoreAway = true
            logger.error(
                "the store does not answer; readings are kept in the ingest log until it does",
                metadata: ["reason": "\(error)"])
        } else if error == nil, isStoreAway {
            isStoreAway = false
            logger.notice("the store answers again", metadata: ["pending": "\(core.ledger.pending)"])
        }
    }
}
