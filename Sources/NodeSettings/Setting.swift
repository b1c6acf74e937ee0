/// Every setting of a node. The raw value is the flag's name and the key in a `--config` file.
package enum Setting: String, CaseIterable, Sendable {
    case name
    case http
    case gossip
    case advertise
    case join
    case store
    case lease
    case leaseTTL = "lease-ttl"
    case dataDirectory = "data-dir"
    case logLimit = "log-limit"
    case inactiveAfter = "inactive-after"
    case deleteAfter = "delete-after"
    case pruneEvery = "prune-every"
    case retention
    case trainEvery = "train-every"
    case deviceRate = "device-rate"
    case keyRate = "key-rate"
    case seriesMax = "series-max"
    case webhook
    case webhookSecret = "webhook-secret"
    case webhookTypes = "webhook-types"
    case webhookDevices = "webhook-devices"
    case clusterKey = "cluster-key"
    case apiKeys = "api-keys"
    case insecureOpen = "insecure-open"
    case tlsCertificate = "tls-cert"
    case tlsKey = "tls-key"
    case cors
    case logLevel = "log-level"
    case logFormat = "log-format"

    package var flag: String { "--" + rawValue }

    /// The variables that set it, the one that wins first.
    package var environment: [String] {
        let own = "STARLING_" + rawValue.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
        switch self {
        case .store: return [own, "DATABASE_URL"]
        case .lease: return [own, "REDIS_URL"]
        case .logLevel: return [own, "LOG_LEVEL"]
        default: return [own]
        }
    }

    /// Its value may hold a password or a key: never printed, and `VARIABLE_FILE` names a file to read it from.
    package var isSecret: Bool {
        switch self {
        case .store, .lease, .webhook, .webhookSecret, .clusterKey, .apiKeys: true
        default: false
        }
    }

    /// `STARLING_…` variables that are no setting of a node but of the scripts and tests around it.
    package static let otherVariables: Set<String> = [
        "STARLING_HTTP_BASE", "STARLING_GOSSIP_BASE", "STARLING_RUN_DIR", "STARLING_ONLY", "STARLING_BINARY",
        "STARLING_DATA", "STARLING_POSTGRES_BIN", "STARLING_API_KEY", "STARLING_API_KEY_FILE", "STARLING_CA_FILE",
    ]
}
