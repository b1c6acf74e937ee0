import ArgumentParser
import NodeSettings

/// The flags of `starling node`. They are texts here: `NodeSettings` gives them their meaning, together with the
/// environment and the file.
struct NodeFlags: ParsableArguments {
    @Option(help: .init("JSON object keyed by flag name.", valueName: "file"))
    var config: String?

    @Option(help: .init("The node's name. (default: host name)", valueName: "name"))
    var name: String?

    @Option(
        help: .init(
            "Address of the HTTP interface and the dashboard. (default: 127.0.0.1:8080)", valueName: "host:port"))
    var http: String?

    @Option(
        help: .init("Address of gossip (UDP) and of peers (TCP). (default: 127.0.0.1:7946)", valueName: "host:port"))
    var gossip: String?

    @Option(
        help: .init(
            "Where other nodes find this one. (default: the gossip address; when that is 0.0.0.0 or [::], the first address "
                + "of this machine)",
            valueName: "host:port"))
    var advertise: String?

    @Option(
        help: .init(
            "Gossip addresses of nodes to join: a comma list of host:port. A DNS name stands for all its addresses and is "
                + "looked up again for ever. (default: none)",
            valueName: "list"))
    var join: String?

    @Option(
        help: .init(
            "Where readings are kept: sqlite:PATH or postgres://… (default: sqlite:./data/starling.db)",
            valueName: "address"))
    var store: String?

    @Option(
        help: .init(
            "Who holds the pruner's lease: file:PATH, redis://…, or with TLS rediss://…?sslrootcert=PATH "
                + "(default: file:./data/pruner.lease)",
            valueName: "address"))
    var lease: String?

    @Option(
        name: .customLong("lease-ttl"),
        help: .init("How long a lease lasts without renewal. (default: 3s)", valueName: "duration"))
    var leaseTTL: String?

    @Option(
        name: .customLong("data-dir"),
        help: .init("The folder of the ingest log. (default: ./data/<name>)", valueName: "folder"))
    var dataDirectory: String?

    @Option(
        name: .customLong("log-limit"),
        help: .init(
            "Size of the ingest log on disk, beyond which the node answers 503. (default: 1GiB)", valueName: "size"))
    var logLimit: String?

    @Option(
        name: .customLong("inactive-after"),
        help: .init(
            "A device silent for this long leaves /latest: more than the slowest usual interval. (default: 60s)",
            valueName: "duration"))
    var inactiveAfter: String?

    @Option(
        name: .customLong("delete-after"),
        help: .init(
            "A device silent for this long is deleted with its history, or never. (default: 7d)", valueName: "duration")
    )
    var deleteAfter: String?

    @Option(
        name: .customLong("prune-every"),
        help: .init("Time between two runs of the pruner. (default: 60s)", valueName: "duration"))
    var pruneEvery: String?

    @Option(help: .init("Age at which readings are deleted, or never. (default: never)", valueName: "duration"))
    var retention: String?

    @Option(
        name: .customLong("train-every"),
        help: .init(
            "Age at which a metric's model is trained anew from a sample of the fleet, or never. (default: 1d)",
            valueName: "duration"))
    var trainEvery: String?

    @Option(
        name: .customLong("device-rate"),
        help: .init(
            "Readings a second that one device may send to this node, then 429. (default: none)", valueName: "number"))
    var deviceRate: String?

    @Option(
        name: .customLong("key-rate"),
        help: .init(
            "Readings a second that the holder of one key may send to this node, then 429. (default: none)",
            valueName: "number"))
    var keyRate: String?

    @Option(
        name: .customLong("series-max"),
        help: .init(
            "Series (a metric of a device) that the flock may have; new ones beyond get 429. (default: 200000)",
            valueName: "number"))
    var seriesMax: String?

    @Option(
        help: .init(
            "Addresses that alerts are posted to, on all nodes the same; a comma list. (default: none)",
            valueName: "list"))
    var webhook: String?

    @Option(
        name: .customLong("webhook-secret"), help: .init("Key that signs alerts. (default: none)", valueName: "text"))
    var webhookSecret: String?

    @Option(
        name: .customLong("webhook-types"),
        help: .init(
            "Types that alerts are sent of; a comma list in which * stands for anything. (default: *)",
            valueName: "list"))
    var webhookTypes: String?

    @Option(
        name: .customLong("webhook-devices"),
        help: .init(
            "Devices that alerts are sent of; a comma list in which * stands for anything. (default: *)",
            valueName: "list"))
    var webhookDevices: String?

    @Option(
        name: .customLong("cluster-key"),
        help: .init(
            "Base64 of 32 bytes that seals gossip and peers, the same on all nodes, needed beyond loopback; a comma list "
                + "while rotating. (default: none)",
            valueName: "list"))
    var clusterKey: String?

    @Option(
        name: .customLong("api-keys"),
        help: .init(
            "Keys that clients must show, as 'starling keys new' prints them; a comma list. Better in a file, which is read "
                + "again when it changes: STARLING_API_KEYS_FILE. (default: none)",
            valueName: "list"))
    var apiKeys: String?

    @Option(
        name: .customLong("tls-cert"),
        help: .init(
            "PEM file with the certificate chain; HTTP is then HTTPS. Read again when it changes. (default: none)",
            valueName: "file"))
    var tlsCertificate: String?

    @Option(name: .customLong("tls-key"), help: .init("PEM file with its key. (default: none)", valueName: "file"))
    var tlsKey: String?

    @Option(help: .init("Origins whose pages may call this node; a comma list. (default: none)", valueName: "list"))
    var cors: String?

    @Option(
        name: .customLong("log-level"),
        help: .init("trace, debug, info, notice, warning, error or critical. (default: info)", valueName: "level"))
    var logLevel: String?

    @Option(
        name: .customLong("log-format"),
        help: .init("text or json. (default: text on a terminal, else json)", valueName: "format"))
    var logFormat: String?

    @Flag(name: .customLong("insecure-open"), help: "Listen for HTTP beyond loopback without asking clients for keys.")
    var insecureOpen = false

    /// What was said on the command line, as text.
    var given: [Setting: String] {
        let texts: [(Setting, String?)] = [
            (.name, name),
            (.http, http),
            (.gossip, gossip),
            (.advertise, advertise),
            (.join, join),
            (.store, store),
            (.lease, lease),
            (.leaseTTL, leaseTTL),
            (.dataDirectory, dataDirectory),
            (.logLimit, logLimit),
            (.inactiveAfter, inactiveAfter),
            (.deleteAfter, deleteAfter),
            (.pruneEvery, pruneEvery),
            (.retention, retention),
            (.trainEvery, trainEvery),
            (.deviceRate, deviceRate),
            (.keyRate, keyRate),
            (.seriesMax, seriesMax),
            (.webhook, webhook),
            (.webhookSecret, webhookSecret),
            (.webhookTypes, webhookTypes),
            (.webhookDevices, webhookDevices),
            (.clusterKey, clusterKey),
            (.apiKeys, apiKeys),
            (.tlsCertificate, tlsCertificate),
            (.tlsKey, tlsKey),
            (.cors, cors),
            (.logLevel, logLevel),
            (.logFormat, logFormat),
            (.insecureOpen, insecureOpen ? "true" : nil),
        ]
        return texts.reduce(into: [:]) { given, pair in given[pair.0] = pair.1 }
    }

    /// The `--config` file, if there is one.
    func file() throws -> SettingsFile? {
        guard let config else { return nil }
        let bytes: [UInt8]
        do { bytes = try SmallFile.read(config, bytesMax: SettingsFile.bytesCountMax) } catch {
            throw SettingsError("--config: \(error)")
        }
        return try SettingsFile(path: config, bytes: bytes)
    }
}
