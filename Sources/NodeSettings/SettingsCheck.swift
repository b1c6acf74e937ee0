/// What a single value cannot show: values that need one another, and values of features that this version lacks.
enum SettingsCheck {
    /// - Parameter given: the settings that someone set, and where.
    static func consistency(of settings: NodeSettings, given: [Setting: String]) throws(SettingsError) {
        if let tls = settings.tls {
            if tls.keyPath.isEmpty { throw SettingsError("--tls-cert needs --tls-key") }
            if tls.certificatePath.isEmpty { throw SettingsError("--tls-key needs --tls-cert") }
        }
        if settings.webhookSecret != nil, settings.webhook == nil {
            throw SettingsError("--webhook-secret needs --webhook")
        }
        if settings.store == .sqlite(path: settings.dataDirectory) {
            throw SettingsError(
                "--store and --data-dir name the same path; the store is a file, the data folder a folder")
        }
        if !settings.http.isLoopback, settings.apiKeys.isEmpty, !settings.isInsecureOpen {
            throw SettingsError(
                "\(given[.http] ?? "--http"): \(settings.http) can be reached from other machines, and anybody there "
                    + "could send and delete readings. Listen on 127.0.0.1, or say --insecure-open if the network is "
                    + "yours alone")
        }
        try flock(of: settings, given: given)
    }

    /// `--insecure-open` is about clients: who can send datagrams to an open flock could take it over.
    private static func flock(of settings: NodeSettings, given: [Setting: String]) throws(SettingsError) {
        let origin = given[.gossip] ?? "--gossip"
        if !settings.gossip.isLoopback, settings.clusterKeys.isEmpty {
            throw SettingsError(
                "\(origin): \(settings.gossip) can be reached from other machines; that needs --cluster-key, the same on "
                    + "all nodes (openssl rand -base64 32), better in a file: STARLING_CLUSTER_KEY_FILE. Or use a "
                    + "loopback address")
        }
        if settings.gossip.isWildcard, settings.advertise == nil {
            throw SettingsError(
                "\(origin): \(settings.gossip) is every address of this machine, and other nodes need one to find this "
                    + "node at. Give it with --advertise IP:PORT or STARLING_ADVERTISE (in Kubernetes the pod's IP), or "
                    + "listen on one address")
        }
    }

    /// What is likely a mistake, and may be none where something forwards.
    static func doubts(about settings: NodeSettings, given: [Setting: String]) -> [String] {
        guard settings.gossip.isLoopback else { return [] }
        var doubts: [String] = []
        if let advertise = settings.advertise, !advertise.isLoopback {
            doubts.append(
                "\(given[.advertise] ?? "--advertise"): nobody reaches \(advertise) while --gossip \(settings.gossip) "
                    + "listens on loopback; set --gossip, too")
        }
        if let seed = settings.join.first(where: { $0.isNumeric && !$0.isLoopback }) {
            doubts.append(
                "\(given[.join] ?? "--join"): \(seed) cannot be reached from --gossip \(settings.gossip), which is "
                    + "loopback; set --gossip, too")
        }
        return doubts
    }

    /// Settings whose feature does not exist yet. Starting without it would be a lie: a node with `--api-keys` that asks
    /// nobody for a key, for one.
    private static let refused: [Setting: String] = [
        .deviceRate: "a limit for each device",
        .webhook: "webhooks",
        .webhookSecret: "webhooks",
        .apiKeys: "API keys",
        .tlsCertificate: "HTTPS",
        .tlsKey: "HTTPS",
        .cors: "requests from other origins",
    ]

    static func features(of settings: NodeSettings, given: [Setting: String]) throws(SettingsError) {
        for setting in Setting.allCases {
            guard let origin = given[setting], let feature = refused[setting] else { continue }
            // A limit of `none` asks for nothing.
            if setting == .deviceRate, settings.deviceRate == nil { continue }
            throw missing(feature, origin: origin, instead: "Leave it out")
        }
        if settings.retention != nil {
            throw missing("retention", origin: given[.retention] ?? "--retention", instead: "Use --retention never")
        }
    }

    private static func missing(_ feature: String, origin: String, instead: String) -> SettingsError {
        SettingsError("\(origin): \(feature): not in this version yet. \(instead)")
    }

    /// Settings that are taken and change nothing yet.
    private static let idle: [Setting: String] = [
        .lease: "nothing is pruned yet",
        .leaseTTL: "nothing is pruned yet",
        .deleteAfter: "no device is deleted yet",
        .pruneEvery: "nothing is pruned yet",
    ]

    static func withoutEffect(given: [Setting: String]) -> [String] {
        Setting.allCases.compactMap { setting in
            guard let origin = given[setting], let reason = idle[setting] else { return nil }
            return "\(origin) has no effect in this version: \(reason)"
        }
    }
}
