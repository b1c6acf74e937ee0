import ArgumentParser
import Foundation

/// `starling models`.
struct ModelsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models",
        abstract: "The registry of models: what scores each metric, and what did.",
        discussion: """
            \(ClientAccess.help)

            Examples:
              starling models list
              starling models show temperature
              starling models import temperature forest.json
              starling models activate temperature 3
              starling models rollback temperature
              starling models shadow temperature 4
              starling models verify forest.json
            """,
        subcommands: [
            ModelsListCommand.self, ModelsShowCommand.self, ModelsImportCommand.self, ModelsActivateCommand.self,
            ModelsRollbackCommand.self, ModelsShadowCommand.self, ModelsVerifyCommand.self,
        ])
}

/// Which node is asked, and how its answer is shown.
struct ModelsOptions: ParsableArguments {
    @Option(help: "A node of the flock.")
    var url = NodeClient.defaultURL

    @Flag(help: "Print the node's answer as JSON.")
    var json = false

    /// - Returns: the answer, read.
    @discardableResult func put<Answer: Decodable>(
        _ answer: (status: Int, body: [UInt8]), _ text: (Answer) -> String
    ) throws -> Answer {
        let decoded = try ModelsRequest.decode(Answer.self, from: answer, of: url)
        StandardOutput.put(json ? String(decoding: answer.body, as: UTF8.self) : text(decoded))
        return decoded
    }
}

/// A version as `/models` tells it.
struct ModelVersionText: Decodable {
    let type: String
    let model: String
    let version: UInt32
    let active: Bool
    let shadow: Bool
    let trained_at: String
    let readings: UInt64
    let alarm_rate: Double?

    static let head = ["MODEL", "SERVES", "TRAINED", "READINGS", "ALARM RATE"]

    var cells: [String] {
        let rate = alarm_rate.map { "\(($0 * 1_000_000).rounded() / 10_000) %" } ?? "-"
        return [model, active ? "active" : shadow ? "shadow" : "-", trained_at, "\(readings)", rate]
    }

    static func table(_ versions: [ModelVersionText]) -> String {
        guard !versions.isEmpty else {
            return "No models yet: a metric has its first after 256 readings."
        }
        return TextTable.text(head, versions.map(\.cells))
    }
}

struct ModelsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Of each metric what serves, and the newest version.",
        discussion: """
            Examples:
              starling models list
              starling models list --json
            """)

    @OptionGroup var options: ModelsOptions

    func run() async throws {
        let answer = try await ModelsRequest.get("/models", from: options.url)
        try options.put(answer) { (versions: [ModelVersionText]) in ModelVersionText.table(versions) }
    }
}

struct ModelsShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "All versions of a metric's model; with --json also the document of one.",
        discussion: """
            Examples:
              starling models show temperature
              starling models show temperature --version 3 --json > temperature-3.json
            """)

    @Argument(help: "The metric.") var type: String
    @Option(help: "Which document is printed with --json. (default: the active one)") var version: UInt32?
    @OptionGroup var options: ModelsOptions

    private struct Shown: Decodable { let versions: [ModelVersionText] }

    func run() async throws {
        let query = version.map { "?version=\($0)" } ?? ""
        let answer = try await ModelsRequest.get("/models/\(ModelsRequest.encoded(type))\(query)", from: options.url)
        try options.put(answer) { (shown: Shown) in ModelVersionText.table(shown.versions) }
    }
}

struct ModelsImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Registers a model document as a metric's next version.",
        discussion: """
            The document is one of 'starling models show --json', or an isolation forest over one feature, the value, as \
            cluster/tools/export_isolation_forest.py writes it from scikit-learn.

            Examples:
              starling models import temperature forest.json
              starling models import temperature forest.json --activate
            """)

    @Argument(help: "The metric.") var type: String
    @Argument(help: .init("The document.", valueName: "file")) var file: String
    @Flag(help: "Let it serve at once, if it does not raise the alarm rate.") var activate = false
    @OptionGroup var options: ModelsOptions

    /// As large as a body that a node takes.
    static let bytesCountMax = 8 << 20

    func run() async throws {
        let document = try SmallFile.read(file, bytesMax: Self.bytesCountMax)
        let path = "/models/\(ModelsRequest.encoded(type))?activate=\(activate)"
        let answer = try await ModelsRequest.put(path, to: options.url, document)
        let report = try options.put(answer) { (report: TrainingText) in report.text }
        if activate { try report.checkServing(type) }
    }
}

struct ModelsActivateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "activate", abstract: "Lets a version score its metric from now on, on every node.",
        discussion: "Example: starling models activate temperature 3")

    @Argument(help: "The metric.") var type: String
    @Argument(help: "The version's number.") var version: UInt32
    @OptionGroup var options: ModelsOptions

    func run() async throws {
        let path = "/models/\(ModelsRequest.encoded(type))/activate"
        let answer = try await ModelsRequest.post(path, to: options.url, json: Array(#"{"version":\#(version)}"#.utf8))
        try options.put(answer) { (version: ModelVersionText) in "\(version.model) is active." }
    }
}

struct ModelsRollbackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback", abstract: "Lets the version score again that did before the active one.",
        discussion: "Example: starling models rollback temperature")

    @Argument(help: "The metric.") var type: String
    @OptionGroup var options: ModelsOptions

    func run() async throws {
        let path = "/models/\(ModelsRequest.encoded(type))/rollback"
        let answer = try await ModelsRequest.post(path, to: options.url)
        try options.put(answer) { (version: ModelVersionText) in "\(version.model) is active again." }
    }
}

struct ModelsShadowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shadow", abstract: "Tries a version beside the active one: it scores, and raises no alarm.",
        discussion: """
            Examples:
              starling models shadow temperature 4
              starling models shadow temperature --end
            """)

    @Argument(help: "The metric.") var type: String
    @Argument(help: "The version's number.") var version: UInt32?
    @Flag(help: "End it.") var end = false
    @OptionGroup var options: ModelsOptions

    func validate() throws {
        guard (version == nil) == end else { throw ValidationError("say a version's number, or --end") }
    }

    func run() async throws {
        let path = "/models/\(ModelsRequest.encoded(type))/shadow"
        let body = #"{"version":\#(version.map(String.init) ?? "null")}"#
        let answer = try await ModelsRequest.post(path, to: options.url, json: Array(body.utf8))
        try options.put(answer) { (shown: ModelVersionText) in
            shown.shadow ? "\(shown.model) is in the shadow." : "\(shown.model) is in the shadow no more."
        }
    }
}
