import CoreMetrics
import DataPlane
import Glibc
import HTTPAPI
import IngestLog
import Logging
import Membership
import NodeSettings
import Ports
import Roles
import ServiceLifecycle
import Telemetry
import UnixSignals

/// The composition of a node: which adapter stands behind which port, and in which order they start and stop.
enum NodeAssembly {
    /// Store, log and roles come first and go last; HTTP stops taking requests before the roles drain. A supervisor
    /// that kills after five seconds must not cut the drain short.
    private static let shutdownMax = Duration.milliseconds(4_500)
    /// What may still happen after that, nothing may wait for.
    private static let stopMax = Duration.milliseconds(6_000)

    static func run(_ settings: NodeSettings, version: String, logger: Logger) async throws {
        let metrics = PrometheusMetrics(help: HTTPAPI.metricsHelp.merging(NodeMetrics.help) { first, _ in first })
        MetricsSystem.bootstrap(metrics)
        NodeMetrics.begin()
        let scheduling = try LeaseAssembly.scheduling(settings)
        let telling = try WebhookAssembly.telling(settings, version: version)
        let store = try await StoreAssembly.open(settings.store, logger)
        let log = try openLog(settings, logger)
        let file = FlockFile(dataDirectory: settings.dataDirectory)
        let incarnation = try file.nextIncarnation(now: NodeClock().instant)
        let neighbourhood = try await NeighbourhoodAssembly.bind(
            settings, incarnation: incarnation, version: version, file: file, logger: logger)
        let node = Node(
            settings: nodeSettings(settings, at: neighbourhood, version: version), log: log, store: store,
            incarnation: incarnation, neighbourhood: neighbourhood, scheduling: scheduling, telling: telling,
            logger: logger)
        let door = try DoorAssembly.door(settings, logger: logger)
        let http = try HTTPAPI(node: node, settings: door.settings, metrics: metrics, logger: logger)
        let services: [any Service] =
            [node] + door.watches
            + [http.makeSeriesWatch(), http.makeService(), StopLimit(limit: stopMax, logger: logger)]
        var configuration = ServiceGroupConfiguration(
            services: services.map { .init(service: $0) }, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = shutdownMax
        try await ServiceGroup(configuration: configuration).run()
    }

    private static func nodeSettings(
        _ settings: NodeSettings, at neighbourhood: Node.Neighbourhood, version: String
    ) -> Node.Settings {
        let http = settings.advertisedHTTP(host: neighbourhood.address.host, httpPort: settings.http.port)
        var node = Node.Settings(
            name: settings.name, httpAddress: "\(http)", gossipAddress: "\(neighbourhood.address)",
            version: version, inactiveAfter: settings.inactiveAfter)
        if case .sqlite = settings.store { node.limits.commitReadingsMax = sqliteCommitReadingsMax }
        return node
    }

    /// The nodes of a machine write to one file in turns: a transaction of this size takes about 50 ms.
    private static let sqliteCommitReadingsMax = 8_000

    private static func openLog(_ settings: NodeSettings, _ logger: Logger) throws -> IngestLog {
        var random = SystemRandomNumberGenerator()
        let (log, found) = try IngestLog.open(
            directory: settings.dataDirectory,
            settings: IngestLog.Settings(limitBytes: UInt64(clamping: settings.logLimitBytes)),
            newID: LogID(using: &random))
        let metadata: Logger.Metadata = [
            "log": "\(log.id)", "readings": "\(log.end - log.base)", "bytes": "\(log.sizeBytes)",
            "torn_bytes": "\(found.tornBytes)", "damaged_spans": "\(found.damagedSpans)",
            "missing_readings": "\(found.missingReadings)",
        ]
        if found.damagedSpans > 0 || found.missingReadings > 0 {
            logger.error(
                "the ingest log is damaged: some accepted readings are lost; their segment is kept for a closer look",
                metadata: metadata)
        } else if found.tornBytes > 0 {
            logger.notice("the ingest log's torn end was cut; nothing acknowledged was in it", metadata: metadata)
        } else {
            logger.info("ingest log", metadata: metadata)
        }
        return log
    }
}
