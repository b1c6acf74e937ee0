package import Access
import Foundation
package import Logging

/// The settings of one node, parsed and checked: plain values, no text left to interpret.
package struct NodeSettings: Hashable, Sendable {
    package enum LogFormat: String, Hashable, Sendable, CaseIterable { case text, json }

    /// Paths of a PEM certificate chain and of its key.
    package struct TLS: Hashable, Sendable {
        package var certificatePath: String
        package var keyPath: String

        package init(certificatePath: String, keyPath: String) {
            self.certificatePath = certificatePath
            self.keyPath = keyPath
        }
    }

    package var name: String
    package var http = HostPort(host: "127.0.0.1", port: 8080)
    package var gossip = HostPort(host: "127.0.0.1", port: 7946)
    /// Where other nodes find this one, when that is not the address that gossip listens on: as it was said, or as it was
    /// found where gossip listens everywhere. See `advertised`.
    package var advertise: HostPort?
    package var join: [HostPort] = []
    package var store = StoreAddress.sqlite(path: "./data/starling.db")
    package var lease = LeaseAddress.file(path: "./data/pruner.lease")
    package var leaseTTL = Duration.seconds(3)
    package var dataDirectory: String
    package var logLimitBytes: Int64 = 1 << 30
    package var inactiveAfter = Duration.seconds(60)
    /// Nil keeps every device.
    package var deleteAfter: Duration? = .seconds(7 * 86_400)
    package var pruneEvery = Duration.seconds(60)
    /// Nil keeps every reading.
    package var retention: Duration?
    /// Nil trains no model again by itself.
    package var trainEvery: Duration? = .seconds(86_400)
    /// Readings a second and device; nil without a limit.
    package var deviceRate: Double?
    /// Readings a second and key; nil without a limit.
    package var keyRate: Double?
    /// Series that the flock may have; nil without a limit.
    package var seriesMax: Int? = 200_000
    /// Where alerts are posted to: each may hold a password, or be a secret as a whole.
    package var webhooks: [Secret] = []
    package var webhookSecret: Secret?
    /// Patterns of the types and of the devices that alerts are sent of.
    package var webhookTypes = ["*"]
    package var webhookDevices = ["*"]
    /// Base64 of 32 bytes each; the first seals, all open. None: gossip and peers in the clear, on loopback only.
    package var clusterKeys: [Secret] = []
    package var apiKeys: [KeyEntry] = []
    /// The file they came from, to be read again when it changes; nil if they came from elsewhere.
    package var apiKeysPath: String?
    package var isInsecureOpen = false
    package var tls: TLS?
    package var cors: [String] = []
    package var logLevel = Logger.Level.info
    package var logFormat = LogFormat.text

    /// The defaults of a node called `name`.
    package init(name: String) {
        self.name = name
        dataDirectory = "./data/" + name
    }
}

extension NodeSettings {
    /// Where other nodes find this one. A port of 0 stands for the one that gossip got, which is known once it listens.
    /// The host may still be a name: a member's address is an IP, so whoever starts the node looks it up.
    package func advertised(gossipPort: Int) -> HostPort {
        let address = advertise ?? gossip
        return HostPort(host: address.host, port: address.port == 0 ? gossipPort : address.port)
    }

    /// What is told of the HTTP interface: a node that listens on every address is found at the advertised one.
    package func advertisedHTTP(host: String, httpPort: Int) -> HostPort {
        HostPort(host: http.isWildcard ? host : http.host, port: http.port == 0 ? httpPort : http.port)
    }

    /// Flags and values for the log, in the order of `Setting`, secrets as stars.
    package var printed: [(flag: String, value: String)] {
        Setting.allCases.map { ($0.flag, printed($0)) }
    }

    private func printed(_ setting: Setting) -> String {
        switch setting {
        case .name: name
        case .http: http.description
        case .gossip: gossip.description
        case .advertise: (advertise ?? gossip).description
        case .join: list(join.map(\.description))
        case .store: store.description
        case .lease: lease.description
        case .leaseTTL: DurationText.text(leaseTTL)
        case .dataDirectory: dataDirectory
        case .logLimit: SizeText.text(logLimitBytes)
        case .inactiveAfter: DurationText.text(inactiveAfter)
        case .deleteAfter: deleteAfter.map(DurationText.text) ?? "never"
        case .pruneEvery: DurationText.text(pruneEvery)
        case .retention: retention.map(DurationText.text) ?? "never"
        case .trainEvery: trainEvery.map(DurationText.text) ?? "never"
        case .deviceRate: deviceRate.map(\.description) ?? "none"
        case .keyRate: keyRate.map(\.description) ?? "none"
        case .seriesMax: seriesMax.map(\.description) ?? "none"
        case .webhook: list(webhooks.map(\.description))
        case .webhookTypes: list(webhookTypes)
        case .webhookDevices: list(webhookDevices)
        case .webhookSecret: webhookSecret == nil ? "none" : "***"
        case .clusterKey: list(clusterKeys.map(\.description))
        case .apiKeys: list(apiKeys.map(\.description))
        case .insecureOpen: isInsecureOpen.description
        case .tlsCertificate: tls?.certificatePath ?? "none"
        case .tlsKey: tls?.keyPath ?? "none"
        case .cors: list(cors)
        case .logLevel: logLevel.rawValue
        case .logFormat: logFormat.rawValue
        }
    }

    private func list(_ parts: [String]) -> String {
        parts.isEmpty ? "none" : parts.joined(separator: ",")
    }
}
