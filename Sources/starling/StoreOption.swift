import ArgumentParser
import Foundation
import NodeSettings

/// The store that a command works on: named, or found where a node finds it.
struct StoreOption: ParsableArguments {
    @Option(
        help: .init(
            "The store of the flock: sqlite:PATH or postgres://… (default: STARLING_STORE or DATABASE_URL, or the file that "
                + "one of them names with _FILE behind it)",
            valueName: "address"))
    var store: String?

    /// Where the address stands, for messages: the variable names no password, and neither must they.
    struct Found {
        let address: StoreAddress
        let origin: String
    }

    func found(command: String) throws -> Found {
        do {
            let given = try given()
            do { return Found(address: try StoreAddress.parse(given.text), origin: given.origin) } catch {
                throw SettingsError("\(given.origin) is not valid; expected \(error.expected)")
            }
        } catch let error as SettingsError {
            throw UsageError.told(error.message, command: command)
        }
    }

    private func given() throws(SettingsError) -> (text: String, origin: String) {
        if let store { return (store, Setting.store.flag) }
        let value = try SettingsEnvironment.value(of: .store, in: ProcessInfo.processInfo.environment) {
            try SmallFile.read($0, bytesMax: SettingsEnvironment.secretBytesMax)
        }
        guard let value else {
            let variables = Setting.store.environment.flatMap { [$0, $0 + "_FILE"] }.joined(separator: ", ")
            throw SettingsError("which store? Name it with \(Setting.store.flag), or in \(variables)")
        }
        return (value.text, value.variable)
    }
}
