import Access

/// What a single value cannot show: values that need one another.
enum SettingsCheck {
    /// - Parameter given: the settings that someone set, and where.
    static func consistency(of settings: NodeSettings, given: [Setting: String]) throws(SettingsError) {
        if let tls = settings.tls {
            if tls.keyPath.isEmpty { throw SettingsError("--tls-cert needs --tls-key") }
            if tls.certificatePath.isEmpty { throw SettingsError("--tls-key needs --tls-cert") }
        }
        if settings.webhooks.isEmpty {
            for setting in [Setting.webhookSecret, .webhookTypes, .webhookDevices] where given[setting] != nil {
                throw SettingsError("\(setting.flag) needs --webhook")
            }
        }
        if settings.store == .sqlite(path: settings.dataDirectory) {
            throw SettingsError(
                "--store and --data-dir name the same path; the store is a file, the data folder a folder")
        }
        if !settings.http.isLoopback, settings.apiKeys.isEmpty, !settings.isInsecureOpen {
            throw SettingsError(
                "\(given[.http] ?? "--http"): \(settings.http) can be reached from other machines, and anybody there "
                    + "could send and delete readings. Make keys with 'starling keys new' and give them with --api-keys, "
                    + "listen on 127.0.0.1, or say --insecure-open if the network is yours alone")
        }
        if settings.keyRate != nil, settings.apiKeys.isEmpty {
            throw SettingsError("\(given[.keyRate] ?? "--key-rate") needs --api-keys")
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
        var doubts: [String] = []
        if let deleteAfter = settings.deleteAfter, deleteAfter < settings.inactiveAfter {
            doubts.append(
                "\(given[.deleteAfter] ?? "--delete-after"): devices would be deleted while they are still shown; it should be "
                    + "longer than --inactive-after")
        }
        for (place, key) in settings.apiKeys.enumerated() where key.isGuessable {
            doubts.append(
                "\(given[.apiKeys] ?? "--api-keys"): key \(place + 1) has fewer than \(KeyEntry.plainBytesUsual) characters "
                    + "and can be guessed; 'starling keys new' makes one that cannot")
        }
        if !settings.http.isLoopback, !settings.apiKeys.isEmpty, settings.tls == nil {
            doubts.append(
                "\(given[.http] ?? "--http"): keys and readings pass \(settings.http) in clear text; give --tls-cert and "
                    + "--tls-key, or let a proxy before it speak TLS")
        }
        guard settings.gossip.isLoopback else {
            if case (.file(let path), .postgres) = (settings.lease, settings.store) {
                doubts.append(
                    "\(given[.lease] ?? "--lease"): the file \(path) elects one pruner a machine; where nodes run on several "
                        + "machines give all of them one --lease redis://HOST:PORT")
            }
            return doubts
        }
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
}
