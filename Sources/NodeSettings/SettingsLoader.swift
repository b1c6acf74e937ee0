import Configuration

/// Joins flags, environment and file (in this order of precedence) into `NodeSettings`.
package struct SettingsLoader: Sendable {
    package let settings: NodeSettings
    /// For the log: what was chosen in place of a person.
    package let notes: [String]
    /// For the log: nothing that stops a start.
    package let warnings: [String]

    /// - Parameters:
    ///   - flags: the flags that were given, as text.
    ///   - file: the `--config` file, if one was given.
    ///   - readFile: reads the file behind a `…_FILE` variable.
    ///   - hostName: the default name.
    ///   - isTerminal: whether the log goes to one.
    ///   - machine: the addresses of this machine; asked only where one must be chosen.
    package init(
        flags: [Setting: String], environment: [String: String], file: SettingsFile?,
        readFile: (String) throws -> [UInt8], hostName: String, isTerminal: Bool,
        machine: () -> [MachineAddress] = { [] }
    ) throws(SettingsError) {
        let environment = try SettingsEnvironment(environment, readFile: readFile)
        let reader = Self.reader(flags: flags, environment: environment, file: file)
        let origin = { (setting: Setting) -> String in
            if flags[setting] != nil { return setting.flag }
            if let variable = environment.values[setting]?.variable { return variable }
            return file.map { "'\(setting.rawValue)' in \($0.path)" } ?? setting.flag
        }
        var given: [Setting: String] = [:]
        var settings = NodeSettings(name: hostName)
        settings.logFormat = isTerminal ? .text : .json
        for setting in Setting.allCases {
            guard
                let text = reader.string(forKey: ConfigKey([setting.rawValue]), isSecret: setting.isSecret)
            else { continue }
            given[setting] = origin(setting)
            do { try settings.set(setting, to: text) } catch {
                let shown = setting.isSecret ? "" : " '\(text)'"
                throw SettingsError("\(origin(setting)):\(shown) is not valid; expected \(error.expected)")
            }
        }
        if given[.name] == nil { settings.name = try Self.name(hostName: hostName) }
        if flags[.apiKeys] == nil { settings.apiKeysPath = environment.apiKeysPath }
        if given[.dataDirectory] == nil { settings.dataDirectory = "./data/" + settings.name }
        notes = Self.findPlace(of: &settings, machine)
        try SettingsCheck.consistency(of: settings, given: given)
        self.settings = settings
        warnings =
            environment.unknown.map { "\($0) is no setting of a node: ignored" }
            + SettingsCheck.doubts(about: settings, given: given)
    }

    /// A node that listens everywhere is found at an address of its machine, if it has one.
    private static func findPlace(of settings: inout NodeSettings, _ machine: () -> [MachineAddress]) -> [String] {
        guard settings.gossip.isWildcard, settings.advertise == nil,
            let found = MachineAddress.advertised(listeningAt: settings.gossip, among: machine())
        else { return [] }
        let address = HostPort(host: found.host, port: settings.gossip.port)
        settings.advertise = address
        return [
            "--gossip \(settings.gossip) is every address of this machine: other nodes find this one at \(address) "
                + "(\(found.interface)); say another with --advertise"
        ]
    }

    private static func name(hostName: String) throws(SettingsError) -> String {
        do { return try SettingValues.name(hostName) } catch {
            throw SettingsError("the host name '\(hostName)' is no node name; give one with --name")
        }
    }

    private static func reader(
        flags: [Setting: String], environment: SettingsEnvironment, file: SettingsFile?
    ) -> ConfigReader {
        let variables = environment.values.map { ($0.key.environment[0], $0.value.text) }
        let secrets = Set(Setting.allCases.filter(\.isSecret).map { $0.environment[0] })
        return ConfigReader(providers: [
            provider("flags", flags),
            EnvironmentVariablesProvider(
                environmentVariables: Dictionary(uniqueKeysWithValues: variables),
                secretsSpecifier: .specific(secrets)
            ).prefixKeys(with: "starling"),
            provider("file", file?.values ?? [:]),
        ])
    }

    private static func provider(_ name: String, _ values: [Setting: String]) -> InMemoryProvider {
        let pairs = values.map { setting, text in
            (AbsoluteConfigKey([setting.rawValue]), ConfigValue(.string(text), isSecret: setting.isSecret))
        }
        return InMemoryProvider(name: name, values: Dictionary(uniqueKeysWithValues: pairs))
    }
}
