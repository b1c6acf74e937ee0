package import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
package import Ports

/// Why the HTTP side could not start.
package enum HTTPAPIError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A file that belongs to the program is not beside it.
    case resourceMissing(String)
    case cannotListen(address: String, reason: String)
    case certificate(String)

    package var description: String {
        switch self {
        case .resourceMissing(let path): "cannot read \(path): it belongs beside the program; build or install again"
        case .cannotListen(let address, let reason):
            "cannot listen on \(address) (\(reason)): choose another address with --http"
        case .certificate(let reason): reason
        }
    }
}

/// A node's face: everything in the contract that is spoken over HTTP, over a `NodeService`.
package struct HTTPAPI: Sendable {
    private let settings: HTTPSettings
    private let logger: Logger
    private let ids = RequestIDs()
    private let frontDoor: FrontDoor
    private let node: any NodeService
    private let admission: AdmissionControl

    /// - Parameter metrics: where this process counts, rendered at `/metrics`.
    package init(
        node: any NodeService, settings: HTTPSettings, metrics: PrometheusMetrics, logger: Logger
    ) throws(HTTPAPIError) {
        let files = try DashboardFiles(chartFolder: settings.chartFolder, logger: logger)
        self.init(node: node, settings: settings, files: files, metrics: metrics, logger: logger)
    }

    package init(
        node: any NodeService, settings: HTTPSettings, files: DashboardFiles, metrics: PrometheusMetrics,
        logger: Logger
    ) {
        self.settings = settings
        self.logger = logger
        self.node = node
        let admission = AdmissionControl(settings)
        self.admission = admission
        let gatekeeper = Gatekeeper(keys: settings.keys, isTLS: settings.certificates != nil)
        frontDoor = FrontDoor(
            handlers: Handlers(
                node: node, files: files, registry: metrics, settings: settings,
                seats: StreamSeats(limit: settings.streamsMax, factory: metrics), admission: admission,
                gatekeeper: gatekeeper, logger: logger),
            gatekeeper: gatekeeper,
            origins: Origins(settings.origins, refusesForeignHosts: settings.refusesForeignHosts),
            connections: ConnectionCount(max: settings.connectionsMax),
            metrics: HTTPMetrics(factory: metrics), ids: ids, logger: logger)
    }

    /// Help texts of what this module counts, for `PrometheusMetrics`.
    package static let metricsHelp = HTTPMetrics.help.merging(StreamSeats.help) { first, _ in first }

    /// The application, not running yet.
    /// - Parameter onListening: called once with the port, when connections are taken.
    package func makeApplication(
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) -> Application<FrontDoor> {
        let ids = ids
        let frontDoor = frontDoor
        let certificates = settings.certificates
        var configuration = ApplicationConfiguration(
            address: .hostname(settings.host, port: settings.port), backlog: HTTPLimits.backlogMax)
        configuration.availableConnectionsDelegate = .maximum(settings.connectionsMax, logger: logger)
        let connections = HTTP1Channel.Configuration(
            additionalChannelHandlers: [ConnectionGuardInstaller(ids: ids)],
            // Idle connections are `QuickPost`'s affair: what it answers is not seen above it.
            idleTimeout: nil,
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: HTTPLimits.headerFieldBytesMax,
                maxHeaderListSize: HTTPLimits.headerBytesMax,
                maxHeaderFieldCount: HTTPLimits.headerCountMax))
        return Application(
            responder: frontDoor,
            server: HTTPServerBuilder { responder in
                let plain = QuickChannel(
                    base: HTTP1Channel(responder: responder, configuration: connections), frontDoor: frontDoor)
                guard let certificates else { return plain }
                return SecureChannel(base: plain, certificates: certificates)
            },
            configuration: configuration,
            onServerRunning: { channel in await onListening(channel.localAddress?.port ?? 0) },
            logger: logger)
    }

    /// The application as a service: on a graceful shutdown it takes no more connections, closes the idle ones, and
    /// returns when the requests that were running are answered.
    package func makeService(
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) -> HTTPServerService {
        HTTPServerService(
            application: makeApplication(onListening: onListening), address: "\(settings.host):\(settings.port)")
    }

    /// What goes on beside the requests: looking which series there are.
    package func makeSeriesWatch() -> SeriesWatch { SeriesWatch(control: admission, node: node) }
}
