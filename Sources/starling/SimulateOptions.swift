import ArgumentParser
import DeviceFleet
import Logging
import NodeSettings
import Telemetry

/// The flags of `starling simulate`, and what they mean together with the environment.
struct SimulateOptions: ParsableArguments {
    @Argument(help: .init("Simulate one device of this name (environment: DEVICE_ID).", valueName: "device-id"))
    var deviceID: String?

    @Option(
        help: .init(
            "Where to send: a comma list (environment: SERVER_URL; default: http://127.0.0.1:8080).",
            valueName: "url"))
    var server: String?

    @Option(help: .init("How many devices, named device-01, device-02, … (default: 10).", valueName: "number"))
    var devices: Int?

    @Option(
        help: .init(
            "Seconds between two messages of a device (environment: SEND_INTERVAL; default: 1).",
            valueName: "seconds"))
    var interval: String?

    @Option(help: .init("Chance, 0 to 1, that a reading starts an anomaly.", valueName: "chance"))
    var anomalyRate = 0.01

    @Option(help: .init("Fixes what all devices will ever measure.", valueName: "number"))
    var seed: UInt64 = 1

    @Option(help: .init("Stop after this many messages of each device.", valueName: "number"))
    var count: Int?

    @Option(help: .init("Stop after this time, such as 30s or 5m.", valueName: "duration"))
    var duration: String?

    @Option(
        help: .init(
            "Append what goes out, and what was accepted of it, to this file; stop if that fails.", valueName: "file"))
    var record: String?

    @Option(
        help: .init(
            "Send the rows of this CSV file (timestamp,value) as fast as the server takes them.",
            valueName: "file"))
    var replay: String?

    @Option(help: .init("The device that replayed rows are of (default: the file's name).", valueName: "device-id"))
    var device: String?

    @Option(help: .init("The metric that replayed rows are of (default: value).", valueName: "metric"))
    var type: String?

    @Option(help: .init("trace to critical (environment: LOG_LEVEL; default: info).", valueName: "level"))
    var logLevel: String?
}

extension SimulateOptions {
    /// Fastest a simulated device measures.
    static let shortestInterval = 0.001

    func servers(_ environment: [String: String]) throws -> [ServerAddress] {
        let text = server ?? environment.nonEmpty("SERVER_URL") ?? NodeClient.defaultURL
        guard let servers = ServerAddress.list(text) else {
            throw ValidationError(
                "\(server == nil ? "SERVER_URL" : "--server") '\(text)' is no list of addresses such as "
                    + "http://127.0.0.1:8080,http://127.0.0.1:8081")
        }
        return servers
    }

    func level(_ environment: [String: String]) throws -> Logger.Level {
        let text = logLevel ?? environment.nonEmpty("LOG_LEVEL") ?? "info"
        do { return try SettingValues.logLevel(text) } catch {
            throw ValidationError(
                "\(logLevel == nil ? "LOG_LEVEL" : "--log-level") '\(text)' is not valid; expected \(error.expected)")
        }
    }

    func fleet(_ environment: [String: String]) throws -> FleetOptions {
        if device != nil || type != nil { throw ValidationError("--device and --type belong to --replay") }
        guard (0...1).contains(anomalyRate) else { throw ValidationError("--anomaly-rate must be 0 to 1") }
        if let count, count < 1 { throw ValidationError("--count must be at least 1") }
        return FleetOptions(
            servers: try servers(environment), devices: try names(environment),
            intervalMicroseconds: try intervalMicroseconds(environment), anomalyRate: anomalyRate, seed: seed,
            messagesCountMax: count)
    }

    /// A `--devices` on the command line wins over a `DEVICE_ID` in the environment.
    private func names(_ environment: [String: String]) throws -> [DeviceID] {
        if let deviceID, devices != nil {
            throw ValidationError("'\(deviceID)' is one device; leave --devices out, or the name")
        }
        if let name = deviceID ?? (devices == nil ? environment.nonEmpty("DEVICE_ID") : nil) {
            return [try Self.named(name)]
        }
        let count = devices ?? 10
        guard (1...FleetOptions.devicesCountMax).contains(count) else {
            throw ValidationError("--devices must be 1 to \(FleetOptions.devicesCountMax)")
        }
        return (0..<count).map { DeviceID(unchecked: SimulatedDevice.name(index: $0, of: count)) }
    }

    private func intervalMicroseconds(_ environment: [String: String]) throws -> Int64 {
        let text = interval ?? environment.nonEmpty("SEND_INTERVAL") ?? "1"
        let seconds = Double(text) ?? (try? DurationText.parse(text)).map { Double($0.wholeMicroseconds) / 1e6 }
        guard let seconds, (Self.shortestInterval...86_400).contains(seconds) else {
            throw ValidationError(
                "\(interval == nil ? "SEND_INTERVAL" : "--interval") '\(text)' is not valid; expected seconds, 0.001 to "
                    + "86400")
        }
        return Int64((seconds * 1e6).rounded())
    }

    /// How long the run lasts; nil without an end.
    func limit() throws -> Duration? {
        guard let duration else { return nil }
        do { return try DurationText.parse(duration) } catch {
            throw ValidationError("--duration '\(duration)' is not valid; expected \(error.expected)")
        }
    }

    /// The series that replayed rows are of.
    func series(ofFile path: String, _ environment: [String: String]) throws -> Series {
        if devices != nil || count != nil || duration != nil || interval != nil || record != nil {
            throw ValidationError("--devices, --interval, --count, --duration and --record do not go with --replay")
        }
        let stem = path.split(separator: "/").last?.split(separator: ".").first.map(String.init)
        let name = device ?? deviceID ?? environment.nonEmpty("DEVICE_ID") ?? stem ?? "replay"
        guard let metric = Metric(type ?? "value") else {
            throw ValidationError("--type must be 1 to 64 bytes without control characters")
        }
        return Series(device: try Self.named(name), metric: metric)
    }

    private static func named(_ text: String) throws -> DeviceID {
        guard let device = DeviceID(text) else {
            throw ValidationError("a device's name must be 1 to 128 bytes without control characters")
        }
        return device
    }
}

extension [String: String] {
    /// Empty variables count as unset, as compose files have it.
    func nonEmpty(_ name: String) -> String? {
        self[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}
