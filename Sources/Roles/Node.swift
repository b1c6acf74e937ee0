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
import Telemetry

/// One node: its roles put together, and what it offers to the outside.
///
/// Start: the store is prepared (or found to be away, which stops nothing), slots warm up, the log is replayed; then
/// the node is ready. Stop: nothing new, everything accepted is stored if the store answers in time, the log is closed.
package final class Node: Service {
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

    /// How often a store that was away at the start is prepared again.
    package static let preparePeriod = Duration.seconds(1)
    /// How often `latest` is told to the store.
    package static let flushPeriod = Duration.seconds(2)
    /// How often the slots' deadlines are looked at: `SlotCore.warmPatience` and this stay within a call's deadline.
    package static let scoringTickPeriod = Duration.milliseconds(500)
    /// How often training is tried again that did not reach the store.
    package static let trainPeriod = Duration.seconds(1)
    /// How long a stop waits for the store; what is not stored then stays in the log.
    package static let drainTimeout = Duration.seconds(3)
    /// Anomalous readings read for one answer of `/anomalies`, a multiple of the episodes asked for.
    package static let anomalyRowsPerEpisode = 50
    package static let anomalyRowsMax = 50_000

    let settings: Settings
    let store: any ReadingStore
    let log: IngestLog
    let clock: NodeClock
    let receipts: ReceiptClock
    let logger: Logger
    let owner: Owner
    let ring: Ring
    let startedAt: Instant
    let ingest: Ingest
    let scoring: Scoring
    let system: ClusterActorSystem
    let rejected = Atomic<UInt64>(0)
    let live = LiveHub()
    let state = Mutex(State.starting("starting"))

    enum State {
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
            group.addTask { await self.tickScoring() }
            group.addTask { await self.warmSlots() }
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
            await scoring.whenLocal { await $0.flush() }
        }
    }

    /// Apart from everything that waits for the store.
    private func tickScoring() async {
        while (try? await Task.sleep(for: Self.scoringTickPeriod)) != nil {
            await scoring.whenLocal { $0.tick() }
        }
        // Also when `run` was cancelled: without ticks nobody may wait for a slot.
        await scoring.whenLocal { $0.stop() }
    }

    private func warmSlots() async {
        guard let orders = await scoring.whenLocal({ $0.warmOrders }) else { return }
        for await _ in orders { await scoring.whenLocal { await $0.warmReady() } }
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
        await scoring.whenLocal { $0.stop() }
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
