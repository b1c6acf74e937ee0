import Access
import AccessKeys
import ArgumentParser
import Telemetry

/// `starling keys`.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Makes keys for clients of nodes.",
        subcommands: [New.self], defaultSubcommand: New.self)

    struct New: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "new",
            abstract: "Makes a key: one line for its holder, one for the nodes.",
            discussion: """
                The key is shown once, here; nodes keep its SHA-256 alone. Scopes: ingest sends readings, read reads and \
                opens the dashboard, admin may do everything. Add the line for the nodes to the file that they have in \
                STARLING_API_KEYS_FILE: they read it again within seconds. Take the line out to revoke the key.

                Examples:
                  starling keys new --scope read
                  starling keys new --scope ingest --devices 'greenhouse-*|shed-1'
                  starling keys new --scope ingest+read
                """)

        @Option(help: .init("What it may do: ingest, read, admin, or several joined by +.", valueName: "scopes"))
        var scope: String

        @Option(
            help: .init(
                "Devices that it may send readings of, joined by |; * stands for any characters. (default: all)",
                valueName: "patterns"))
        var devices: String?

        func validate() throws { _ = try entry(ofKey: "x") }

        /// Read as nodes will read it, so that what is printed is good.
        private func entry(ofKey key: String) throws -> KeyEntry {
            let text = "\(scope)\(devices.map { "@" + $0 } ?? ""):\(key)"
            guard !text.contains(","), !text.contains(where: \.isNewline) else {
                throw ValidationError(
                    "--scope and --devices hold no commas and no line ends; * stands for them in a name")
            }
            do { return try KeyEntry.parseList(text)[0] } catch {
                throw ValidationError("\(error.reason)")
            }
        }

        func run() throws {
            var random = SystemRandomNumberGenerator()
            let entry = try entry(ofKey: "x")
            let made = KeyMaker.make(scopes: entry.scopes, devices: entry.devices.map(\.text), using: &random)
            StandardOutput.put("Key, for its holder:  \(made.key)\nLine, for the nodes:  \(made.entry)")
        }
    }
}
