import ArgumentParser

/// The command line: one command a file, each of them thin.
@main
struct Starling: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "starling",
        abstract: "Watches a fleet of IoT devices: accepts readings, scores them, stores them, shows them.",
        discussion: """
            Examples:
              starling node                                  one node on 127.0.0.1:8080
              starling simulate --devices 10                 ten devices that send to it
              starling cluster                               its members, as a table
              starling evaluate --data ./data                how right its detectors are on data with labels
              cluster/up                                     all of it, set up and started
            """,
        version: version,
        subcommands: [
            NodeCommand.self, SimulateCommand.self, ClusterCommand.self, HealthCommand.self, ModelsCommand.self,
            TrainCommand.self, DrainCommand.self, FlockCommand.self, PruneCommand.self, MuteCommand.self,
            KeysCommand.self, EvaluateCommand.self,
        ])

    static let version = "0.1.0"
}
