import ArgumentParser
import DeviceFleet
import Foundation
import LogHandlers
import Logging
import NIOCore
import ServiceLifecycle
import Telemetry
import UnixSignals

/// `starling simulate`.
struct SimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Sends readings of simulated devices, or of a recording.",
        discussion: """
            Each device sends temperature and humidity: a level of its own, a daily course, noise, and anomalies at \
            --anomaly-rate. While no server answers a device keeps its last \(DeviceSender.bufferCountMax) messages \
            (the oldest go first) and tries again with growing, random pauses; what had no answer is sent again as \
            it was, so nothing is stored twice. Ctrl-C stops it. \(ClientAccess.help)

            With --record every reading is written to a file before it goes out, as a line of five words with tabs \
            between them, and again when a server accepted it:
              sent      device-07  temperature  1795796407000250  21.4375
              accepted  device-07  temperature  1795796407000250  21.4375
            What was measured and never sent is not there; what was sent again stands there again.

            Examples:
              starling simulate --devices 50 --interval 0.5
              starling simulate --server http://127.0.0.1:8080,http://127.0.0.1:8081
              starling simulate greenhouse-7 --anomaly-rate 0.05
              starling simulate --devices 100 --duration 5m --record sent.tsv
              starling simulate --replay nyc_taxi.csv --device nyc --type taxi_rides
            """)

    @OptionGroup var options: SimulateOptions

    /// After a signal, a request that is out gets its whole time to be answered, and a little more to be counted.
    static let stopLimit = Duration.seconds(12)

    /// Here, and not in `run`, so that a mistake is told with this command's usage.
    func validate() throws {
        let environment = ProcessInfo.processInfo.environment
        _ = try options.level(environment)
        _ = try options.servers(environment)
        if let path = options.replay {
            _ = try options.series(ofFile: path, environment)
        } else {
            _ = try options.fleet(environment)
            _ = try options.limit()
        }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let level = try options.level(environment)
        if let path = options.replay {
            let series = try options.series(ofFile: path, environment)
            let servers = try options.servers(environment)
            StandardError.bootstrapLogging(level: level, isJSON: false)
            try await replay(path, as: series, to: servers)
        } else {
            let fleet = try options.fleet(environment)
            let limit = try options.limit()
            StandardError.bootstrapLogging(level: level, isJSON: false)
            let record = try options.record.map { path in
                do { return try SendingRecord(path) } catch { throw Failure("\(error)") }
            }
            try await simulate(fleet, limit: limit, record: record)
        }
    }

    private func simulate(_ options: FleetOptions, limit: Duration?, record: SendingRecord?) async throws {
        let key = try ClientAccess.key()
        let clock = SystemFleetClock()
        let ledger = FleetLedger(logger: Logger(label: "starling.simulate"))
        let total = options.messagesCountMax.map { $0 * options.devices.count * SignalProfile.usual.count }
        try await HTTPReadingSender.withClient(tls: try ClientAccess.tls()) { client in
            let fleet = Fleet(
                options: options, sender: HTTPReadingSender(client: client, key: key), clock: clock, ledger: ledger,
                record: record)
            try await serve(fleet, ledger: ledger, clock: clock, total: total, limit: limit)
        }
        let seconds = Double(clock.now().microseconds) / 1e6
        StandardOutput.put(ProgressLine.summary(ledger.counts, devices: options.devices.count, seconds: seconds))
    }

    private func replay(_ path: String, as series: Series, to servers: [ServerAddress]) async throws {
        let file = ReplayFile(try SmallFile.read(path, bytesMax: ReplayFile.bytesCountMax))
        for row in file.badRows { StandardError.write(Array("\(path), \(row): skipped\n".utf8)) }
        if file.badRowsCount > file.badRows.count {
            StandardError.write(Array("\(path): \(file.badRowsCount - file.badRows.count) more skipped\n".utf8))
        }
        guard !file.rows.isEmpty else {
            throw Failure("\(path) has no row to send; expected lines such as 2013-07-04 00:00:00,69.88")
        }
        let key = try ClientAccess.key()
        let clock = SystemFleetClock()
        let ledger = FleetLedger(logger: Logger(label: "starling.simulate"))
        try await HTTPReadingSender.withClient(tls: try ClientAccess.tls()) { client in
            let replay = Replay(
                series: series, rows: file.rows, servers: servers, seed: options.seed,
                sender: HTTPReadingSender(client: client, key: key), clock: clock, ledger: ledger)
            try await serve(replay, ledger: ledger, clock: clock, total: file.rows.count, limit: nil)
        }
        let counts = ledger.counts
        StandardOutput.put(
            ProgressLine.summary(counts, of: file, seconds: Double(clock.now().microseconds) / 1e6))
        if counts.buffered > 0 { throw Failure("stopped before all rows were answered for; the same command goes on") }
        if counts.accepted == 0 { throw Failure("the server took no row; \(ledger.lastError ?? "it gave no reason")") }
    }

    /// Runs `work` to its end, to `limit`, or to a signal, whichever comes first, with the progress shown beside it.
    private func serve(
        _ work: some Service, ledger: FleetLedger, clock: SystemFleetClock, total: Int?, limit: Duration?
    ) async throws {
        let reporter = ProgressReporter(
            ledger: ledger, clock: clock, total: total, columns: StandardError.columns
        ) { StandardError.write(Array($0.utf8)) }
        var logger = Logger(label: "starling.lifecycle")
        logger.logLevel = .error
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = [
            .init(service: reporter),
            .init(service: work, successTerminationBehavior: .gracefullyShutdownGroup),
        ]
        if let limit {
            services.append(.init(service: Timer(limit: limit), successTerminationBehavior: .gracefullyShutdownGroup))
        }
        var configuration = ServiceGroupConfiguration(
            services: services, gracefulShutdownSignals: [.sigint, .sigterm], logger: logger)
        configuration.maximumGracefulShutdownDuration = Self.stopLimit
        try await ServiceGroup(configuration: configuration).run()
    }

    /// Ends a run after its time.
    private struct Timer: Service {
        let limit: Duration

        func run() async throws {
            try? await cancelWhenGracefulShutdown { try await ContinuousClock().sleep(for: limit) }
        }
    }
}
