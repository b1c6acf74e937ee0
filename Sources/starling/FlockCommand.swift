import ArgumentParser
import LogHandlers
import Logging
import Ports
import Telemetry

/// `starling flock`.
struct FlockCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flock",
        abstract: "Shows whose a store is, and makes a copied one another flock's.",
        discussion: """
            Nodes whose stores have one flock id are one flock: they join each other, and one of them leads. A restored or \
            copied database has the id of its original.

            Examples:
              starling flock show --store sqlite:./data/starling.db
              starling flock new-id --store postgres://starling@staging.example/starling
            """,
        subcommands: [Show.self, NewID.self])

    /// What stands behind the address, and nothing of it changed.
    private static func keeper(
        _ option: StoreOption, command: String
    ) throws -> (keeper: any FlockKeeper, origin: String) {
        StandardError.bootstrapLogging(level: .error, isJSON: false)
        let found = try option.found(command: "flock " + command)
        return (try StoreAssembly.keeper(found.address, origin: found.origin), found.origin)
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Prints the flock id of a store.",
            discussion: """
                Examples:
                  starling flock show --store sqlite:./data/starling.db
                  STARLING_STORE_FILE=/run/secrets/store-url starling flock show
                """)

        @OptionGroup var option: StoreOption

        func run() async throws {
            let (keeper, origin) = try FlockCommand.keeper(option, command: "show")
            do { StandardOutput.put("\(try await keeper.record().flock)") } catch {
                throw Failure("\(origin): \(error)")
            }
        }
    }

    struct NewID: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "new-id",
            abstract: "Gives a copied store a flock id of its own.",
            discussion: """
                For a copy that is to live beside its original, such as one for staging, before its first node starts: its \
                nodes will never join the original flock, nor lead it. They need empty data folders, and a cluster key of \
                their own. A backup that takes the place of its original keeps its id.

                It refuses while nodes seem to be alive on the store: another process has it open, or one wrote to it in \
                the last two minutes. Of a copy that was made just now the latter is no sign: say --force.

                Examples:
                  starling flock new-id --store sqlite:/srv/staging/starling.db
                  DATABASE_URL_FILE=/run/secrets/staging starling flock new-id --force
                """)

        @OptionGroup var option: StoreOption

        @Flag(help: "Do it though nodes seem to be alive. Those that are stay in the old flock until they start again.")
        var force = false

        func run() async throws {
            let (keeper, origin) = try FlockCommand.keeper(option, command: "new-id")
            var random = SystemRandomNumberGenerator()
            let new = FlockID(using: &random)
            let record: FlockRecord
            do {
                record = try await keeper.record()
                if !force, let life = record.life { throw Self.refusal(origin, record.flock, life) }
                try await keeper.rename(record.flock, to: new)
            } catch let error as StoreError {
                throw Failure("\(origin): \(error)")
            }
            StandardOutput.put("old \(record.flock)\nnew \(new)")
        }

        private static func refusal(_ origin: String, _ flock: FlockID, _ life: String) -> Failure {
            Failure(
                "\(origin): nodes of flock \(flock) seem to be alive on this store: \(life). Is it the original? A copy gets "
                    + "its id before its first node starts: stop the nodes that use it, wait two minutes, and call this again; "
                    + "or say --force if it was copied just now")
        }
    }
}
