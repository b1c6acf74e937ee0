import Logging
import NodeSettings
import Testing

/// Flags, environment, file: who wins, what stops a start, what is only a warning.
@Suite struct SettingsLoaderTests {
    private static let key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

    private struct Unreadable: Error {}

    private func load(
        _ flags: [Setting: String] = [:], environment: [String: String] = [:], file: String? = nil,
        files: [String: String] = [:], hostName: String = "host", isTerminal: Bool = false
    ) throws -> SettingsLoader {
        try SettingsLoader(
            flags: flags, environment: environment,
            file: file.map { try SettingsFile(path: "node.json", bytes: Array($0.utf8)) },
            readFile: { path in
                guard let text = files[path] else { throw Unreadable() }
                return Array(text.utf8)
            }, hostName: hostName, isTerminal: isTerminal)
    }

    /// The text of the error that stops this start.
    private func problem(
        _ flags: [Setting: String] = [:], environment: [String: String] = [:], file: String? = nil,
        files: [String: String] = [:], hostName: String = "host"
    ) -> String {
        do {
            _ = try load(flags, environment: environment, file: file, files: files, hostName: hostName)
            return "no error"
        } catch { return "\(error)" }
    }

    @Test func theDefaultsAreTheContracts() throws {
        let printed = try load().settings.printed.map { "\($0.flag) \($0.value)" }
        #expect(
            printed == [
                "--name host", "--http 127.0.0.1:8080", "--gossip 127.0.0.1:7946", "--advertise 127.0.0.1:7946",
                "--join none", "--store sqlite:./data/starling.db", "--lease file:./data/pruner.lease",
                "--lease-ttl 3s",
                "--data-dir ./data/host", "--log-limit 1GiB", "--inactive-after 1m", "--delete-after 7d",
                "--prune-every 1m", "--retention never", "--train-every 1d", "--device-rate none", "--key-rate none",
                "--series-max 200000", "--webhook none",
                "--webhook-secret none", "--webhook-types *", "--webhook-devices *",
                "--cluster-key none", "--api-keys none", "--insecure-open false", "--tls-cert none", "--tls-key none",
                "--cors none", "--log-level info", "--log-format json",
            ])
        #expect(try load(isTerminal: true).settings.logFormat == .text)
        #expect(try load().warnings == [])
    }

    @Test func flagsWinThenTheEnvironmentThenTheFile() throws {
        let file = #"{"name": "file", "log-level": "debug", "http": "127.0.0.1:3", "insecure-open": true}"#
        let settings = try load(
            [.name: "flag"], environment: ["STARLING_NAME": "environment", "STARLING_HTTP": "127.0.0.1:2"], file: file
        ).settings
        #expect(settings.name == "flag")
        #expect(settings.http.port == 2)
        #expect(settings.logLevel == .debug)
        #expect(settings.isInsecureOpen)
        #expect(settings.dataDirectory == "./data/flag")
    }

    @Test func everySettingCanComeFromFlagEnvironmentOrFile() throws {
        let values: [Setting: String] = [
            .name: "n7", .http: "127.0.0.1:1", .gossip: "127.0.0.1:2", .advertise: "10.0.0.1:3",
            .join: "10.0.0.2:4,nodes:5",
            .clusterKey: Self.key, .store: "sqlite:/x.db",
            .lease: "file:/x", .leaseTTL: "4s", .dataDirectory: "/d", .logLimit: "2GiB", .inactiveAfter: "5s",
            .deleteAfter: "never", .pruneEvery: "6s", .retention: "never", .deviceRate: "none", .insecureOpen: "true",
            .logLevel: "error", .logFormat: "text",
        ]
        let flags = try load(values).settings
        for (setting, text) in values {
            let variable = setting.environment[0]
            let fromEnvironment = try load(values.filter { $0.key != setting }, environment: [variable: text])
            let json = "{\"\(setting.rawValue)\": \"\(text)\"}"
            let fromFile = try load(values.filter { $0.key != setting }, file: json)
            #expect(fromEnvironment.settings == flags, "\(variable)")
            #expect(fromFile.settings == flags, "\(json)")
        }
        #expect(flags != (try load().settings))
        #expect(flags.leaseTTL == .seconds(4) && flags.deleteAfter == nil && flags.advertise?.host == "10.0.0.1")
        #expect(flags.join.map(\.host) == ["10.0.0.2", "nodes"] && flags.clusterKeys.map(\.revealed) == [Self.key])
    }

    @Test func variablesOfTheContractHaveTheirNames() {
        #expect(Setting.leaseTTL.environment == ["STARLING_LEASE_TTL"])
        #expect(Setting.dataDirectory.environment == ["STARLING_DATA_DIR"])
        #expect(Setting.store.environment == ["STARLING_STORE", "DATABASE_URL"])
        #expect(Setting.lease.environment == ["STARLING_LEASE", "REDIS_URL"])
        #expect(Setting.logLevel.environment == ["STARLING_LOG_LEVEL", "LOG_LEVEL"])
        #expect(Setting.tlsCertificate.environment == ["STARLING_TLS_CERT"])
    }

    @Test func aliasesCountAndTheOwnNameWins() throws {
        let environment = ["DATABASE_URL": "sqlite:/alias.db", "LOG_LEVEL": "ERROR"]
        #expect(try load(environment: environment).settings.store == .sqlite(path: "/alias.db"))
        #expect(try load(environment: environment).settings.logLevel == .error)
        let both = environment.merging(["STARLING_STORE": "sqlite:/own.db"]) { $1 }
        #expect(try load(environment: both).settings.store == .sqlite(path: "/own.db"))
    }

    @Test func anEmptyVariableIsUnset() throws {
        #expect(try load(environment: ["STARLING_HTTP": "", "STARLING_JOIN": ""]).settings == load().settings)
    }

    @Test(arguments: [
        (Setting.http, "nope", "--http: 'nope' is not valid; expected host:port"),
        (.leaseTTL, "3", "--lease-ttl: '3' is not valid; expected a duration"),
        (.leaseTTL, "50ms", "--lease-ttl: '50ms' is not valid; expected 100ms to 24h"),
        (.leaseTTL, "25h", "--lease-ttl: '25h' is not valid; expected 100ms to 24h"),
        (.logLimit, "1MiB", "--log-limit: '1MiB' is not valid; expected at least 16MiB"),
        (.logFormat, "xml", "--log-format: 'xml' is not valid; expected text or json"),
        (
            .advertise, "0.0.0.0:1",
            "--advertise: '0.0.0.0:1' is not valid; expected an address that other nodes can reach"
        ),
        (.name, "a/b", "--name: 'a/b' is not valid"), (.name, "", "--name: '' is not valid"),
        (.tlsCertificate, "c.pem", "--tls-cert needs --tls-key"), (.tlsKey, "k.pem", "--tls-key needs --tls-cert"),
        (.webhookSecret, "s", "--webhook-secret needs --webhook"),
        (.webhookTypes, "t*", "--webhook-types needs --webhook"),
        (.webhookDevices, "d*,e", "--webhook-devices needs --webhook"),
        (.webhookDevices, "d,", "--webhook-devices: 'd,'"),
        (.webhook, "ftp://h/", "--webhook: "), (.webhook, "http://h/,", "--webhook: "),
        (.webhook, "http://h:0/", "--webhook: "), (.webhook, "", "--webhook: "),
        (.http, "0.0.0.0:8080", "--http: 0.0.0.0:8080 can be reached from other machines"),
        (.gossip, "[::]:7946", "--gossip: [::]:7946 can be reached from other machines; that needs --cluster-key"),
        (.join, "a:1,b", "--join: 'a:1,b' is not valid; expected host:port"),
        (.join, "10.0.0.1:0", "--join: '10.0.0.1:0' is not valid; expected the gossip addresses of other nodes"),
        (.join, "0.0.0.0:7", "--join: '0.0.0.0:7' is not valid; expected the gossip addresses of other nodes"),
    ])
    func aBadValueStopsTheStartAndIsNamed(setting: Setting, text: String, expected: String) {
        #expect(problem([setting: text]).hasPrefix(expected), "\(problem([setting: text]))")
    }

    @Test func theSourceOfABadValueIsNamed() {
        #expect(problem(environment: ["STARLING_HTTP": "x"]).hasPrefix("STARLING_HTTP: 'x'"))
        #expect(problem(environment: ["LOG_LEVEL": "loud"]).hasPrefix("LOG_LEVEL: 'loud'"))
        #expect(problem(file: #"{"http": "x"}"#).hasPrefix("'http' in node.json: 'x'"))
        #expect(problem(hostName: "a b").hasPrefix("the host name 'a b' is no node name"))
    }

    @Test func aBadSecretIsNamedAndNotShown() {
        let text = problem(environment: ["STARLING_CLUSTER_KEY": "hunter2"])
        #expect(text.hasPrefix("STARLING_CLUSTER_KEY:") && !text.contains("hunter2"))
        #expect(!problem([.store: "mysql://me:hunter2@db"]).contains("hunter2"))
    }

    @Test func listeningBeyondLoopbackIsAllowedWhenSaidOpenly() throws {
        let settings = try load([.http: "0.0.0.0:80", .insecureOpen: "true"]).settings
        #expect(settings.http.isWildcard && settings.isInsecureOpen)
    }

    @Test func keysAreReadAndNeverShown() throws {
        let listening: [Setting: String] = [.http: "0.0.0.0:80", .tlsCertificate: "c", .tlsKey: "k"]
        let loaded = try load(listening.merging([.apiKeys: "ingest@d-*:hunter2,read:hunter3-hunter3-hunter3"]) { $1 })
        #expect(loaded.settings.apiKeys.count == 2 && loaded.settings.apiKeysPath == nil)
        #expect(!loaded.settings.printed.contains { $0.value.contains("hunter") })
        #expect(loaded.warnings.count == 1 && loaded.warnings[0].hasPrefix("--api-keys: key 1 has fewer than"))
        let mistake = problem([.apiKeys: "hunter2:hunter3"])
        #expect(mistake.hasPrefix("--api-keys:") && !mistake.contains("hunter"), "\(mistake)")
    }

    /// The file is read again later: its place is kept.
    @Test func keysMayStandInAFile() throws {
        let variable = "STARLING_API_KEYS_FILE"
        let text = "# ours\nread:a-key-of-twenty-characters\ningest:another-of-twenty-characters\n"
        let settings = try load(environment: [variable: "/k"], files: ["/k": text]).settings
        #expect(settings.apiKeys.count == 2 && settings.apiKeysPath == "/k")
        let flag = try load([.apiKeys: "read:x"], environment: [variable: "/k"], files: ["/k": text]).settings
        #expect(flag.apiKeys.count == 1 && flag.apiKeysPath == nil)
        #expect(problem(environment: [variable: "/k"], files: ["/k": "# none\n"]).hasPrefix("STARLING_API_KEYS_FILE:"))
    }

    @Test func keysInClearTextAreAWarning() throws {
        let keys: [Setting: String] = [.http: "0.0.0.0:80", .apiKeys: "a-key-of-twenty-characters"]
        let warnings = try load(keys).warnings
        #expect(warnings.count == 1 && warnings[0].contains("in clear text"), "\(warnings)")
        #expect(problem([.keyRate: "5"]).hasPrefix("--key-rate needs --api-keys"))
    }

    @Test func limitsOfSenders() throws {
        let settings = try load([.deviceRate: "0.5", .seriesMax: "1000"]).settings
        #expect(settings.deviceRate == 0.5 && settings.seriesMax == 1_000)
        #expect(try load([.deviceRate: "none", .seriesMax: "none"]).settings.seriesMax == nil)
        for text in ["0", "-1", "nan", "inf", "1e-300", "x"] {
            #expect(problem([.deviceRate: text]).hasPrefix("--device-rate:"), "\(text)")
            #expect(problem([.seriesMax: text]).hasPrefix("--series-max:"), "\(text)")
        }
    }

    @Test func webhooksAreListsAndSecrets() throws {
        let text = "https://me:hunter2@example.org/hunter2, http://10.0.0.1:9/x"
        let settings = try load([.webhook: text, .webhookTypes: "temp*, humidity", .webhookDevices: "press-*"]).settings
        #expect(
            settings.webhooks.map(\.revealed)
                == text.split(separator: ",").map { $0.trimmingPrefix(" ") }.map { String($0) })
        #expect(settings.webhookTypes == ["temp*", "humidity"] && settings.webhookDevices == ["press-*"])
        #expect(!settings.printed.contains { $0.value.contains("hunter2") || $0.value.contains("10.0.0.1:9") })
        #expect(!problem([.webhook: "gopher://hunter2"]).contains("hunter2"))
        let file = try load(environment: ["STARLING_WEBHOOK_FILE": "/w"], files: ["/w": "http://h/\n"]).settings
        #expect(file.webhooks.map(\.revealed) == ["http://h/"])
        #expect(
            problem([.webhook: Array(repeating: "http://h", count: 17).joined(separator: ",")]).contains("at most 16"))
    }

    @Test func deletingWhatIsStillShownIsAWarning() throws {
        let warnings = try load([.deleteAfter: "10s", .inactiveAfter: "60s"]).warnings
        #expect(warnings.map { $0.prefix { $0 != ":" } } == ["--delete-after"])
        #expect(try load([.deleteAfter: "60s", .inactiveAfter: "60s"]).warnings.isEmpty)
    }

    @Test func aFileCannotElectOnePrunerForSeveralMachines() throws {
        let wide: [Setting: String] = [
            .gossip: "10.0.0.1:7946", .clusterKey: Self.key, .store: "postgres://db/s", .http: "127.0.0.1:1",
        ]
        let warnings = try load(wide).warnings
        #expect(warnings.count == 1 && warnings[0].hasPrefix("--lease: the file"), "\(warnings)")
        #expect(try load(wide.merging([.lease: "redis://r:6379"]) { $1 }).warnings.isEmpty)
        #expect(try load([.store: "postgres://db/s"]).warnings.isEmpty)
    }

    @Test func anUnknownVariableIsOneWarning() throws {
        let environment = ["STARLING_HTPP": "x", "STARLING_RUN_DIR": "/r", "STARLING_API_KEYS_FILE": "", "HOME": "/"]
        #expect(try load(environment: environment).warnings == ["STARLING_HTPP is no setting of a node: ignored"])
    }

    @Test(arguments: ["secret\n", "secret", "secret\r\n"])
    func aSecretComesFromAFile(content: String) throws {
        let settings = try load(
            environment: ["STARLING_STORE_FILE": "/run/s"], files: ["/run/s": "sqlite:/" + content]
        ).settings
        #expect(settings.store == .sqlite(path: "/secret"))
    }

    @Test func secretFilesThatCannotBeUsedAreNamed() {
        #expect(
            problem(environment: ["STARLING_STORE_FILE": "/none"]).hasPrefix("STARLING_STORE_FILE: cannot read /none"))
        #expect(
            problem(environment: ["DATABASE_URL_FILE": "/e"], files: ["/e": "\n"]) == "DATABASE_URL_FILE: /e is empty")
        #expect(
            problem(
                environment: ["STARLING_STORE_FILE": "/e", "STARLING_STORE": "sqlite:/x"], files: ["/e": "sqlite:/y"])
                == "STARLING_STORE and STARLING_STORE_FILE are both set; unset one of them")
    }

    @Test(arguments: [
        (#"{"htpp": "x"}"#, "unknown key 'htpp' in node.json; known keys: name, http,"),
        (#"{"http": null}"#, "'http' in node.json must be a string"),
        (#"{"http": {"port": 1}}"#, "'http' in node.json must be"),
        ("[]", "node.json is no JSON object"), ("{", "node.json is no JSON object"),
        ("", "node.json is no JSON object"),
    ])
    func badFilesStopTheStart(text: String, expected: String) {
        #expect(problem(file: text).hasPrefix(expected), "\(problem(file: text))")
    }

    @Test func aFileTakesNumbersFlagsAndLists() throws {
        let file = try SettingsFile(
            path: "f",
            bytes: Array(
                #"{"device-rate": 2.5, "log-limit": 33554432, "insecure-open": false, "cors": ["a", "b"]}"#.utf8))
        #expect(
            file.values == [.deviceRate: "2.5", .logLimit: "33554432", .insecureOpen: "false", .cors: "a,b"])
    }
}
