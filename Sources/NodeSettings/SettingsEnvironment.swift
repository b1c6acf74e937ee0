/// The environment's part of the settings: aliases resolved, secrets read from `…_FILE`, empty values left out (compose
/// files set variables to nothing to unset them).
package struct SettingsEnvironment: Sendable {
    /// The value and the variable it came from.
    package let values: [Setting: (text: String, variable: String)]
    /// `STARLING_…` variables that mean nothing here, sorted.
    package let unknown: [String]

    /// The file that API keys came from; nil if they came from elsewhere, or there are none.
    package let apiKeysPath: String?

    /// A thousand API keys with their devices.
    package static let secretBytesMax = 1 << 20

    /// - Parameter readFile: the bytes of a file; throws what a person needs to know.
    package init(
        _ environment: [String: String], readFile: (String) throws -> [UInt8]
    ) throws(SettingsError) {
        var values: [Setting: (text: String, variable: String)] = [:]
        var known = Setting.otherVariables
        for setting in Setting.allCases {
            for variable in setting.environment {
                known.insert(variable)
                if setting.isSecret { known.insert(variable + "_FILE") }
            }
            values[setting] = try Self.value(of: setting, in: environment, readFile)
        }
        self.values = values
        let keysVariable = Setting.apiKeys.environment[0] + "_FILE"
        apiKeysPath = values[.apiKeys]?.variable == keysVariable ? environment[keysVariable] : nil
        unknown = environment.keys.filter { $0.hasPrefix("STARLING_") && !known.contains($0) }.sorted()
    }

    /// The value of one setting and the variable that it came from; nil if none is set.
    package static func value(
        of setting: Setting, in environment: [String: String], _ readFile: (String) throws -> [UInt8]
    ) throws(SettingsError) -> (text: String, variable: String)? {
        for variable in setting.environment {
            let found = try value(of: variable, isSecret: setting.isSecret, in: environment, readFile)
            if let found { return found }
        }
        return nil
    }

    private static func value(
        of variable: String, isSecret: Bool, in environment: [String: String],
        _ readFile: (String) throws -> [UInt8]
    ) throws(SettingsError) -> (text: String, variable: String)? {
        let direct = environment[variable].flatMap { $0.isEmpty ? nil : $0 }
        let fileVariable = variable + "_FILE"
        guard isSecret, let path = environment[fileVariable], !path.isEmpty else {
            return direct.map { ($0, variable) }
        }
        guard direct == nil else {
            throw SettingsError("\(variable) and \(fileVariable) are both set; unset one of them")
        }
        let bytes: [UInt8]
        do { bytes = try readFile(path) } catch {
            throw SettingsError("\(fileVariable): cannot read \(path): \(error)")
        }
        guard bytes.count <= secretBytesMax, let text = String(validating: bytes, as: UTF8.self) else {
            throw SettingsError("\(fileVariable): \(path) is no text of at most 1 MiB")
        }
        let trimmed = text.withoutTrailingNewline
        guard !trimmed.isEmpty else { throw SettingsError("\(fileVariable): \(path) is empty") }
        return (trimmed, fileVariable)
    }
}

extension String {
    /// Without one line end, which editors and `kubectl create secret` add.
    fileprivate var withoutTrailingNewline: String {
        var text = self
        if text.hasSuffix("\r\n") || text.hasSuffix("\n") { text.removeLast() }
        return text
    }
}
