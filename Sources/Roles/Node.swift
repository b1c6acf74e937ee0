import ClusterActors
import CoreMetrics
package import DataPlane
import Detection
import Distributed
import HashRing
package import IngestLog
package import Logging
import ModelFormats
package import Ports
import ServiceLifecycle
import Synchronization
package import Telemetry

/// One node: its roles put together, and what it offers to the outside.
///
/// Start: the store is prepared (or found to be away, which stops nothing), slots warm up, the log is replayed; then
/// the node is ready. Stop: nothing new, everything accepted is stored if the store answers in time, the log is closed.
package final class Node: NodeService, Service {
    package struct Settings: Sendable {
        package var name: String
        package var httpAddress: String
        package var gossipAddress: String
        package var version: String
        package var inactiveAfter: Duration
        package var limits = IngestLimits()

        package init(
            name: String, httpAddress: String, gossipAddress: String, version: String, inactiveAfter: Duration
        ) {
            self.name = name
            self.httpAddress = httpAddress
            self.gossipAddress = gossipAddress
            self.version = version
            self.inactiveAfter = inactiveAfter
        }
    }

    /// How often `latest` is told to the store.
    package static let preparePeriod = Duration.seconds(1)
    package static let flushPeriod = Duration.seconds(2)
    /// How often training is tried again that did not reach the store.
    package static let trainPeriod = Duration.seconds(1)
    /// How long a stop waits for the store; what is not stored then stays in the log.
    package static let drainTimeout = Duration.seconds(3)
    /// Anomalous readings read for one answer of `/anomalies`, a multiple of the episodes asked for.
    package static let anomalyRowsPerEpisode = 50
    package static let anomalyRowsMax = 50_000

    private let settings: Settings
    private let store: any ReadingStore
    private let log: IngestLog
    private let clock: NodeClock
    private let receipts: ReceiptClock
    private let logger: Logger
    private let owner: Owner
    private let ring: Ring
    private let startedAt: Instant
    private let ingest: Ingest
    private let scoring: Scoring
    private let system: ClusterActorSystem
    private let rejected = Atomic<UInt64>(0)
    private let state = Mutex(State.starting("starting"))

    private enum State {
        case starting(String)
        case ready
        case draining
    }

    /// - Parameter incarnation: larger at every start of the process.
    package init(
        settings: Settings, log: IngestLog, store: any ReadingStore, incarnation: UInt64, logger: Logger
    ) {
        let clock = NodeClock()
        let system = ClusterActorSystem(node: settings.name, incarnation: incarnation)
        let owner = Owner(name: settings.name, incarnation: incarnation)
        let scoring = system.start("scoring") {
            Scoring(store: store, clock: clock, logger: logger, actorSystem: system)
        }
        self.settings = settings
        self.store = store
        self.log = log
        self.clock = clock
        self.logger = logger
        self.owner = owner
        self.system = system
        self.scoring = scoring
        receipts = ReceiptClock(clock: clock)
        ring = Ring([owner])
        startedAt = clock.instant
        ingest = Ingest(
            log: log, store: store, node: settings.name, limits: settings.limits, clock: clock, logger: logger
        ) { owner in
            try Scoring.resolve(
                id: ClusterActorID(node: owner.name, incarnation: owner.incarnation, role: "scoring"), using: system)
        }
    }

    /// Runs the roles until the group that it belongs to shuts down. Returns when the log is closed.
    package func run() async throws {
        await withTaskGroup { group in
            group.addTask { await self.begin() }
            group.addTask { await self.flushLatest() }
            group.addTask { await self.trainModels() }
            group.addTask {
                if (try? await gracefulShutdown()) != nil { await self.stop() }
            }
            await ingest.run()
            group.cancelAll()
        }
        await log.close()
        await store.close()
    }

    private func begin() async {
        setState(.starting("asking the store"))
        let isPrepared = await prepareStore()
        setState(.starting("warming up the devices' states"))
        await scoring.whenLocal { await $0.own(self.ring.slots(of: self.owner)) }
        await ingest.adopt(ring)
        setState(.starting("reading the ingest log"))
        await ingest.waitUntilRunning()
        let isReady = state.withLock { state in
            guard case .starting = state else { return false }
            state = .ready
            return true
        }
        if isReady {
            logger.notice("ready", metadata: ["node": "\(settings.name)", "http": "\(settings.httpAddress)"])
        }
        if !isPrepared { await prepareStoreLater() }
    }

    /// A store that was away at the start is prepared when it comes; accepting and scoring do not wait for it.
    private func prepareStoreLater() async {
        while (try? await Task.sleep(for: Self.preparePeriod)) != nil {
            if await prepareStore() { return }
        }
    }

    private func setState(_ next: State) {
        state.withLock { if case .starting = $0 { $0 = next } }
    }

    /// - Returns: false if the store was away.
    private func prepareStore() async -> Bool {
        do {
            _ = try await store.prepare()
            let detectors = try await loadModels()
            await scoring.whenLocal { $0.activate(detectors) }
            return true
        } catch {
            return false
        }
    }

    private func loadModels() async throws(StoreError) -> [(metric: Metric, detector: Detector)] {
        var detectors: [(metric: Metric, detector: Detector)] = []
        for row in try await store.models() {
            do {
                detectors.append((row.metric, try ModelDocument.decode(row.document)))
            } catch {
                logger.error(
                    "a model in the store cannot be read; its metric learns anew",
                    metadata: ["model": "\(row.model)", "reason": "\(error)"])
            }
        }
        return detectors
    }

    private func flushLatest() async {
        while (try? await Task.sleep(for: Self.flushPeriod)) != nil {
            await scoring.whenLocal { scoring in
                await scoring.flush()
                scoring.tick()
            }
        }
    }

    /// Trains when a metric has what it needs, and again what could not reach the store.
    private func trainModels() async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                while (try? await Task.sleep(for: Self.trainPeriod)) != nil {
                    await self.scoring.whenLocal { _ = $0.trainingWakes.yield() }
                }
            }
            guard let orders = await scoring.whenLocal({ $0.trainingOrders }) else { return }
            for await _ in orders { await scoring.whenLocal { await $0.trainReady() } }
        }
    }

    /// Stops accepting, stores what was accepted if the store answers in time, and ends `run`.
    package func stop() async {
        state.withLock { $0 = .draining }
        await withTaskGroup { group in
            group.addTask { await self.ingest.drain() }
            group.addTask {
                try? await Task.sleep(for: Self.drainTimeout)
                await self.ingest.stopWaiting()
            }
            await group.next()
            group.cancelAll()
        }
        let pending = await ingest.ledger.pending
        if pending > 0 {
            logger.warning(
                "stopped before everything was stored; the rest is in the ingest log for the next start",
                metadata: ["pending": "\(pending)"])
        } else {
            // A store that did not answer now would only use up the supervisor's patience.
            await scoring.whenLocal { await $0.flush() }
        }
        await ingest.stop()
    }

    // MARK: NodeService

    package var unreadiness: String? {
        if let failure = ingest.failure { return failure }
        return state.withLock { state in
            switch state {
            case .starting(let stage): stage
            case .ready: nil
            case .draining: "draining"
            }
        }
    }

    package func accept(_ batch: ReadingBatch) async throws(AcceptError) {
        try await ingest.accept(batch)
    }

    package func offer(_ batch: ReadingBatch, answer: @escaping @Sendable (AcceptError?) -> Void) {
        ingest.offer(batch, answer: answer)
    }

    package func countRejected(_ readings: Int) {
        rejected.add(UInt64(readings), ordering: .relaxed)
    }

    package func receiptTime() -> Instant { receipts.next() }

    package func latest(_ query: LatestQuery) async -> LatestAnswer {
        let now = clock.instant
        let inactiveAfter = settings.inactiveAfter.microseconds
        let answer = await scoring.whenLocal { $0.latest(query, now: now, inactiveAfter: inactiveAfter) }
        return answer ?? LatestAnswer(devices: [], revision: 0, missing: [settings.name])
    }

    package func history(
        of series: Series, from: Instant, to: Instant, after: HistoryPoint?, limit: Int
    ) async throws(StoreError) -> [HistoryPoint] {
        try await store.history(of: series, from: from, to: to, after: after, limit: limit)
    }

    package func anomalies(_ query: AnomalyQuery) async throws(StoreError) -> [AnomalyEpisode] {
        var rows = query
        rows.limit = min(
            query.limit.multipliedReportingOverflow(by: Self.anomalyRowsPerEpisode).partialValue, Self.anomalyRowsMax)
        return Array(AnomalyEpisode.episodes(of: try await store.anomalies(rows)).prefix(query.limit))
    }

    package func devices(after: DeviceID?, limit: Int) async throws(StoreError) -> [DeviceRow] {
        try await store.devices(after: after, limit: limit)
    }

    package func device(_ device: DeviceID) async throws(StoreError) -> DeviceRow? {
        try await store.device(device)
    }

    package func delete(_ device: DeviceID) async throws(StoreError) -> Bool {
        let isKnown = await scoring.whenLocal { $0.knows(device) } ?? false
        guard let time = try await store.delete(device, isKnown: isKnown) else { return false }
        try? await scoring.forget(device, at: time)
        return true
    }

    package func cluster() async -> ClusterView {
        var ledger = await ingest.ledger
        ledger.rejected = rejected.load(ordering: .relaxed)
        let log = await ingest.logID
        if let rows = try? await store.checkpoints() {
            // A ring of one: every other log has no live node.
            ledger.orphaned = rows.filter { $0.log != log }.reduce(0) { $0 + ($1.accepted - $1.position) }
        }
        let devices = await scoring.whenLocal { $0.devicesCount } ?? 0
        // A locked store still lets itself be read: it must take writes, too.
        let takesWrites = await ingest.isStoreReachable
        let isReachable = store.isReachable && takesWrites
        let member = ClusterView.Member(
            name: settings.name, address: settings.gossipAddress, http: settings.httpAddress, status: .alive,
            incarnation: owner.incarnation, ringShare: ring.share(of: owner), devices: devices,
            version: settings.version, since: startedAt)
        return ClusterView(
            node: settings.name, members: [member], slots: Slot.count, ringDigest: String(ring.digest, radix: 16),
            pruner: ClusterView.Pruner(leader: nil, fencingToken: nil, lastRun: nil, lastResult: nil),
            store: store.kind, isStoreReachable: isReachable, ledger: ledger)
    }
}

extension Duration {
    /// Saturating.
    var microseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? .max : product.addingReportingOverflow(attoseconds / 1_000_000_000_000).partialValue
    }
}
