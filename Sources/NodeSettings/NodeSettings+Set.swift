extension NodeSettings {
    /// Takes one value as text. Those that depend on one another (TLS, the addresses) are checked afterwards.
    mutating func set(_ setting: Setting, to text: String) throws(ValueError) {
        switch setting {
        case .name: name = try SettingValues.name(text)
        case .http: http = try HostPort.parse(text)
        case .gossip: gossip = try HostPort.parse(text)
        case .advertise: advertise = try Self.reachable(HostPort.parse(text))
        case .join: join = try Self.seeds(text)
        case .store: store = try StoreAddress.parse(text)
        case .lease: lease = try LeaseAddress.parse(text)
        case .leaseTTL: leaseTTL = try Self.leaseTTL(text)
        case .dataDirectory: dataDirectory = try SettingValues.path(text)
        case .logLimit: logLimitBytes = try Self.logLimit(text)
        case .inactiveAfter: inactiveAfter = try DurationText.parse(text)
        case .deleteAfter: deleteAfter = try DurationText.parseOrNever(text)
        case .pruneEvery: pruneEvery = try Self.pruneEvery(text)
        case .retention: retention = try DurationText.parseOrNever(text)
        case .trainEvery: trainEvery = try DurationText.parseOrNever(text)
        case .deviceRate: deviceRate = try SettingValues.rate(text, of: "device")
        case .keyRate: keyRate = try SettingValues.rate(text, of: "key")
        case .seriesMax: seriesMax = try SettingValues.seriesMax(text)
        case .webhook: webhooks = try SettingValues.webhooks(text)
        case .webhookTypes: webhookTypes = try SettingValues.patterns(text)
        case .webhookDevices: webhookDevices = try SettingValues.patterns(text)
        case .webhookSecret: webhookSecret = try SettingValues.secret(text)
        case .clusterKey: clusterKeys = try SettingValues.clusterKeys(text)
        case .apiKeys: apiKeys = try SettingValues.apiKeys(text)
        case .insecureOpen: isInsecureOpen = try SettingValues.flag(text)
        case .tlsCertificate: setTLS(\.certificatePath, to: try SettingValues.path(text))
        case .tlsKey: setTLS(\.keyPath, to: try SettingValues.path(text))
        case .cors: cors = try SettingValues.origins(text)
        case .logLevel: logLevel = try SettingValues.logLevel(text)
        case .logFormat: logFormat = try SettingValues.logFormat(text)
        }
    }

    /// Three renewals must fit into a lease, each a round trip to its keeper.
    package static let leaseTTLShortest = Duration.milliseconds(100)
    /// A leader that died is followed after as long.
    package static let leaseTTLLongest = Duration.seconds(86_400)
    /// Each run asks every member and writes to the store.
    package static let pruneEveryShortest = Duration.milliseconds(100)

    private static func pruneEvery(_ text: String) throws(ValueError) -> Duration {
        let duration = try DurationText.parse(text)
        guard duration >= pruneEveryShortest else { throw ValueError(expected: "at least 100ms") }
        return duration
    }

    /// Less than this would hold no full segment of the log.
    package static let logLimitSmallest: Int64 = 16 << 20

    private static func leaseTTL(_ text: String) throws(ValueError) -> Duration {
        let duration = try DurationText.parse(text)
        guard (leaseTTLShortest...leaseTTLLongest).contains(duration) else {
            throw ValueError(expected: "100ms to 24h")
        }
        return duration
    }

    private static func logLimit(_ text: String) throws(ValueError) -> Int64 {
        let bytes = try SizeText.parse(text)
        guard bytes >= logLimitSmallest else { throw ValueError(expected: "at least 16MiB") }
        return bytes
    }

    private static func reachable(_ address: HostPort) throws(ValueError) -> HostPort {
        guard !address.isWildcard else {
            throw ValueError(expected: "an address that other nodes can reach, not \(address.host)")
        }
        return address
    }

    /// Every one is looked up and asked again for ever.
    package static let joinCountMax = 256

    private static func seeds(_ text: String) throws(ValueError) -> [HostPort] {
        let list = try HostPort.parseList(text)
        guard list.count <= joinCountMax else { throw ValueError(expected: "at most \(joinCountMax) addresses") }
        for seed in list where seed.port == 0 || seed.isWildcard {
            throw ValueError(expected: "the gossip addresses of other nodes, and \(seed) is none")
        }
        return list
    }

    private mutating func setTLS(_ part: WritableKeyPath<TLS, String>, to path: String) {
        var files = tls ?? TLS(certificatePath: "", keyPath: "")
        files[keyPath: part] = path
        tls = files
    }
}
