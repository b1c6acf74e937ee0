package import ClusterActors
import CoreMetrics
package import DataPlane
import Detection
import Distributed
package import GossipTransport
import HashRing
package import IngestLog
package import Logging
package import Membership
import ModelFormats
package import Ports
import ServiceLifecycle
import Synchronization
import Telemetry

/// One node: its roles put together, and what it offers to the outside.
///
/// Start: the store is prepared (or found to be away, which stops nothing), the flock is joined, slots warm up, the log is
/// replayed; then the node is ready. Stop: the flock is told, slots are handed over, everything accepted is stored if the
/// store answers in time, the log is closed.
package final class Node: Service {
    package struct Settings: Sendable {
        package var name: String
        package var httpAddress: String
        package var gossipAddress: String
        package var version: String
        package var inactiveAfter: Duration
        package var limits = IngestLimits()
        /// Devices send here. Where they do not, their silence is no news.
        package var listens = true

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

    /// The way to other nodes: sockets that are bound, and whom to look for. A node without it is a flock of its own.
    package struct Neighbourhood: Sendable {
        package var transport: GossipTransport
        /// Listens already.
        package var system: ClusterActorSystem
        /// Where others find this node.
        package var address: MemberAddress
        package var seeds: [Flock.Seed]
        /// Where the flock's id is kept for a start without the store.
        package var file: FlockFile

        package init(
            transport: GossipTransport, system: ClusterActorSystem, address: MemberAddress, seeds: [Flock.Seed],
            file: FlockFile
        ) {
            self.transport = transport
            self.system = system
            self.address = address
            self.seeds = seeds
            self.file = file
        }
    }

    /// How often a store that was away at the start is prepared again.
    package static let preparePeriod = Duration.seconds(1)
    /// How often `latest` is told to the store.
    package static let flushPeriod = Duration.seconds(2)
    /// How often the slots' deadlines are looked at: `SlotCore.warmPatience` and this stay within a call's deadline.
    package static let scoringTickPeriod = Duration.milliseconds(100)
    /// How often training is tried again that did not reach the store, and models of other nodes are looked for.
    package static let trainPeriod = Duration.seconds(1)
    /// How long a stop waits for the store; what is not stored then stays in the log.
    package static let drainTimeout = Duration.seconds(3)
    /// How long a leaver waits for its slots to be taken over once everything is stored.
    package static let handOverTimeout = Duration.milliseconds(1_500)
    /// How long a node that is told to join waits for a store that never told it which flock this is.
    package static let flockPatience = Duration.seconds(10)

    /// Anomalous readings read for one answer of `/anomalies`, a multiple of the episodes asked for.
    package static let anomalyRowsPerEpisode = 50
    package static let anomalyRowsMax = 50_000
    /// How long `DELETE` removes readings before it leaves the rest to flushes, in microseconds.
    static let sweepOnDelete: Int64 = 30_000_000

    let settings: Settings
    let store: any Store
    let scheduling: Scheduling?
    let telling: AlertTelling
    let schedulers: SchedulerPlace
    let log: IngestLog
    let clock: NodeClock
    let receipts: ReceiptClock
    let logger: Logger
    let owner: Owner
    let startedAt: Instant
    let ingest: Ingest
    let scoring: Scoring
    let overview: Overview
    let peers: Peers
    let flock: Flock?
    let neighbourhood: Neighbourhood?
    let live = LiveHub()
    /// Fleet incidents that the next batch of the feed tells of.
    let incidentNews = Mutex<[AnomalyEpisode]>([])
    let fills: StoreFill
    let latestCache = Mutex(LatestCache())
    let rejected: Rejected
    let state = Mutex(State.starting("starting"))
    /// As last adopted by the roles.
    let ring: Mutex<Ring>
    /// What peers told of themselves last.
    let statuses = Mutex<[Owner: NodeStatus]>([:])
    let registrar: Registrar
    /// What serves here is that of this revision of the store's registry.
    let modelsRevision = Mutex<UInt64?>(nil)
    /// The pruner's job as the store told it last.
    let lastJob = Mutex<JobRow?>(nil)
    /// As it became known.
    let flockID = Mutex<FlockID?>(nil)
    /// The flock's id, once: from the disk or from the store.
    let flockIDs: AsyncStream<FlockID>
    let flockIDsInput: AsyncStream<FlockID>.Continuation

    enum State {
        case starting(String)
        case ready
        case draining
    }

    /// - Parameter incarnation: larger at every start of the process.
    package init(
        settings: Settings, log: IngestLog, store: any Store, incarnation: UInt64,
        neighbourhood: Neighbourhood? = nil, scheduling: Scheduling? = nil, telling: AlertTelling = AlertTelling(),
        logger: Logger
    ) {
        let clock = NodeClock()
        let system =
            neighbourhood?.system ?? ClusterActorSystem(node: settings.name, incarnation: incarnation)
        let flock = neighbourhood.map { neighbourhood in
            Flock(
                settings: Flock.Settings(
                    me: MemberID(name: settings.name, address: neighbourhood.address, incarnation: incarnation),
                    metadata: MemberMetadata(httpAddress: settings.httpAddress, version: settings.version),
                    seeds: neighbourhood.seeds),
                transport: neighbourhood.transport, system: system, clock: clock, logger: logger)
        }
        let peers = Peers(system: system, flock: flock)
        let scoring = system.start(Peers.Role.scoring) {
            Scoring(
                store: store, clock: clock, inactiveAfter: settings.inactiveAfter, listens: settings.listens,
                logger: logger, actorSystem: system)
        }
        let ingest = Ingest(
            log: log, store: store, node: settings.name, limits: settings.limits, clock: clock, logger: logger,
            scoring: peers.scoring)
        self.settings = settings
        self.store = store
        self.scheduling = scheduling
        self.telling = telling
        self.log = log
        self.clock = clock
        self.logger = logger
        self.peers = peers
        self.flock = flock
        self.neighbourhood = neighbourhood
        self.scoring = scoring
        self.ingest = ingest
        fills = StoreFill(store)
        registrar = Registrar(store: store, now: { clock.instant }, logger: logger)
        owner = Owner(name: settings.name, incarnation: incarnation)
        receipts = ReceiptClock(clock: clock)
        ring = Mutex(Ring([]))
        startedAt = clock.instant
        (flockIDs, flockIDsInput) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1))
        let rejected = Rejected()
        self.rejected = rejected
        let schedulers = SchedulerPlace()
        self.schedulers = schedulers
        overview = system.start(Peers.Role.overview) {
            Overview(actorSystem: system) {
                var ledger = await ingest.ledger
                ledger.rejected = rejected.count
                return NodeStatus(
                    log: await ingest.logID, ledger: ledger,
                    devices: await scoring.whenLocal { $0.devicesCount } ?? 0, backlog: await ingest.backlog(),
                    refuses: await ingest.refuses(within: Self.refusalsKept), token: schedulers.token)
            } settle: {
                await scoring.whenLocal { await $0.settle() } ?? false
            }
        }
    }

    /// Runs the roles until the group that it belongs to shuts down. Returns when the log is closed.
    package func run() async throws {
        await peers.system.register(Scoring.self, as: Peers.Role.scoring)
        await peers.system.register(Overview.self, as: Peers.Role.overview)
        await withTaskGroup { group in
            group.addTask { await self.begin() }
            group.addTask { await self.runFlock() }
            group.addTask { await self.followRings() }
            group.addTask { await self.runScoring() }
            group.addTask { await self.publishLive() }
            group.addTask { await self.runScheduler() }
            group.addTask { await self.runAlerts() }
            group.addTask { await self.watchIncidents() }
            group.addTask { await self.fills.run() }
            group.addTask {
                if (try? await gracefulShutdown()) != nil { await self.stop() }
            }
            await ingest.run()
            group.cancelAll()
        }
        await telling.poster.close()
        await neighbourhood?.system.shutdown()
        await neighbourhood?.transport.close()
        await log.close()
        await store.close()
    }
}

/// Readings refused before they reached the log.
final class Rejected: Sendable {
    private let number = Atomic<UInt64>(0)

    func add(_ readings: Int) { number.add(UInt64(max(0, readings)), ordering: .relaxed) }
    var count: UInt64 { number.load(ordering: .relaxed) }
}

extension Duration {
    /// Saturating.
    package var microseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? .max : product.addingReportingOverflow(attoseconds / 1_000_000_000_000).partialValue
    }
}
