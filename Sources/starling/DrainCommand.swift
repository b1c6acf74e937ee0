import ArgumentParser
import Foundation
import IngestLog
import LogHandlers
import Logging
import NodeSettings
import Ports
import Roles
import ServiceLifecycle
import Telemetry
import UnixSignals

/// `starling drain`.
struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Stores what the log of a node that will not come back still holds.",
        discussion: """
            It judges and stores the readings as the node itself would have done at its next start, then exits 0. The \
            node must not run: its data folder is locked while it does. Run it again if it was interrupted; nothing is \
            stored twice.

            Examples:
              starling drain --data-dir ./data/n3 --store sqlite:./data/starling.db
              STARLING_STORE_FILE=/run/secrets/store-url starling drain --data-dir ./data/n3
            """)

    @Option(name: .customLong("data-dir"), help: .init("The data folder of the node.", valueName: "folder"))
    var dataDirectory: String

    @OptionGroup var option: StoreOption

    func run() async throws {
        StandardError.bootstrapLogging(level: .warning, isJSON: false)
        let logger = Logger(label: "starling.drain")
        let store = try await openStore(logger)
        let log = try openLog()
        let row = try await store.checkpoint(of: log.id)
        guard row?.position != log.end else {
            await log.close()
            await store.close()
            return StandardOutput.put("The log in \(dataDirectory) holds nothing that is not stored.")
        }
        let name = row?.node ?? URL(filePath: dataDirectory).lastPathComponent
        var settings = Node.Settings(
            name: name, httpAddress: "", gossipAddress: "", version: Starling.version, inactiveAfter: .seconds(60))
        settings.listens = false
        let node = Node(
            settings: settings, log: log, store: store,
            incarnation: UInt64(clamping: NodeClock().instant.microseconds), logger: logger)
        let drain = Drain(node: node)
        // The node stops by itself, gracefully, as soon as the drain is done or has failed; so it does on Ctrl-C.
        var configuration = ServiceGroupConfiguration(
            services: [
                .init(service: node),
                .init(
                    service: drain, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .gracefullyShutdownGroup),
            ], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(10)
        try await ServiceGroup(configuration: configuration).run()
        let ledger = await node.cluster().ledger
        guard ledger.pending == 0 else {
            throw Failure("stopped with \(ledger.pending) readings left in \(dataDirectory); run it again")
        }
        StandardOutput.put(
            """
            All stored. The books of this log: accepted \(ledger.accepted) = stored \(ledger.stored) + duplicates \
            \(ledger.duplicates) + discarded \(ledger.discarded) + damaged \(ledger.damaged)
            """)
    }

    /// A file that is not there is no place to drain into: a slip of the pen must not make one.
    private func openStore(_ logger: Logger) async throws -> any Store {
        let found = try option.found(command: "drain")
        if case .sqlite(let path) = found.address, !FileManager.default.fileExists(atPath: path) {
            throw Failure("\(found.origin): there is no \(path); name the store that the node's flock uses")
        }
        let opened = try StoreAssembly.make(found.address, origin: found.origin, logger)
        let flock = try await opened.prepare()
        if let own = FlockFile(dataDirectory: dataDirectory).flock, own != flock {
            await opened.close()
            throw Failure(
                "\(found.origin): it is the store of flock \(flock), and \(dataDirectory) belongs to flock \(own); name the store "
                    + "that the node used")
        }
        return opened
    }

    private func openLog() throws -> IngestLog {
        guard FileManager.default.fileExists(atPath: dataDirectory + "/log") else {
            throw Failure("--data-dir: there is no ingest log in \(dataDirectory); name the data folder of a node")
        }
        var random = SystemRandomNumberGenerator()
        return try IngestLog.open(
            directory: dataDirectory, settings: IngestLog.Settings(limitBytes: Self.limitBytes),
            newID: LogID(using: &random)
        ).0
    }

    /// Nothing is accepted here, and verdicts must find room whatever the node's own limit was.
    private static let limitBytes: UInt64 = 1 << 40
}

/// Ends when the node has stored everything.
private struct Drain: Service {
    let node: Node

    private static let lookPeriod = Duration.milliseconds(100)
    /// A store that takes nothing for this long needs a person.
    private static let patience = Duration.seconds(60)

    func run() async throws {
        // A cancelled sleep ends it: the group shuts down.
        try? await cancelWhenGracefulShutdown {
            let clock = ContinuousClock()
            var pending = UInt64.max
            var movedAt = clock.now
            while true {
                let left = await node.cluster().ledger.pending
                if left == 0, node.unreadiness == nil { return }
                if left != pending { (pending, movedAt) = (left, clock.now) }
                guard movedAt.duration(to: clock.now) < Self.patience else { return }
                try await Task.sleep(for: Self.lookPeriod)
            }
        }
    }
}
