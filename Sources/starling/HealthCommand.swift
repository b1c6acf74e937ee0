import ArgumentParser

/// `starling health`.
struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "Exits 0 if a node is ready: for container probes.",
        discussion: """
            Examples:
              starling health
              starling health --url http://127.0.0.1:8081
            """)

    @Option(help: "The node to ask.")
    var url = NodeClient.defaultURL

    func run() async throws {
        let (status, body) = try await NodeClient.probe(url)
        guard status == 200 else {
            let reason = String(decoding: body.prefix(500), as: UTF8.self)
            throw Failure("\(url) is not ready: \(status) \(reason). Its log says why")
        }
        StandardOutput.put("ready")
    }
}
