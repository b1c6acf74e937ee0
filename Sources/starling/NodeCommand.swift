import ArgumentParser
import Foundation
import LogHandlers
import Logging
import NodeSettings

/// `starling node`.
struct NodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node",
        abstract: "Runs one node until SIGTERM or SIGINT.",
        discussion: """
            Settings come from flags, then from the environment (STARLING_HTTP for --http and so on), then from the \
            JSON object in --config FILE, keyed by flag name. Secrets may be read from a file: STARLING_STORE_FILE.

            Examples:
              starling node
              starling node --http 127.0.0.1:9000 --data-dir /var/lib/starling
              starling node --config node.json --log-format json
              starling node --config node.json --check       what a start would make of it; nothing is started
            """)

    @OptionGroup var flags: NodeFlags

    @Flag(
        help: "Only check the settings, from wherever they come, and show them: nothing is opened, and nobody asked.")
    var check = false

    func run() async throws {
        let loaded: SettingsLoader
        do {
            loaded = try SettingsLoader(
                flags: flags.given, environment: ProcessInfo.processInfo.environment, file: try flags.file(),
                readFile: { try SmallFile.read($0, bytesMax: SettingsEnvironment.secretBytesMax) },
                hostName: HostName.short, isTerminal: StandardError.isTerminal, machine: MachineAddress.all)
        } catch let error as SettingsError {
            throw UsageError.told(error.message, command: "node")
        }
        let settings = loaded.settings
        StandardError.bootstrapLogging(level: settings.logLevel, isJSON: settings.logFormat == .json)
        let logger = Logger(label: "starling.node")
        for warning in loaded.warnings { logger.warning("\(warning)") }
        for note in loaded.notes { logger.notice("\(note)") }
        if check {
            try NodeCheck.run(settings, logger: logger)
            return StandardOutput.put(NodeCheck.text(settings))
        }
        EarlyStop.arm()
        logger.info(
            "starting",
            metadata: [
                "node": "\(settings.name)", "version": "\(Starling.version)", "http": "\(settings.http)",
                "store": "\(settings.store)", "data_dir": "\(settings.dataDirectory)",
                "pid": "\(ProcessInfo.processInfo.processIdentifier)",
            ])
        logger.debug(
            "settings", metadata: .init(uniqueKeysWithValues: settings.printed.map { ($0.flag, "\($0.value)") }))
        do {
            try await NodeAssembly.run(settings, version: Starling.version, logger: logger)
        } catch {
            logger.critical("the node failed", metadata: ["error": "\(error)"])
            throw ExitCode.failure
        }
        logger.info("stopped", metadata: ["node": "\(settings.name)"])
    }
}
