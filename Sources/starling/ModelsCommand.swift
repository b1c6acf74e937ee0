import ArgumentParser

/// `starling models`.
struct ModelsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models",
        abstract: "Works with model documents.",
        discussion: """
            Examples:
              starling models verify forest.json
              starling models verify forest.json --json
            """,
        subcommands: [ModelsVerifyCommand.self])
}
