import ArgumentParser
import Foundation

/// `starling cluster`.
struct ClusterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster",
        abstract: "Shows the members of a flock as one of them sees it.",
        discussion: """
            Exits 1 if any member is suspect or dead; one that left is no failure.

            \(ClientAccess.help)

            Examples:
              starling cluster
              starling cluster --url http://127.0.0.1:8081 --json
            """)

    @Option(help: "The node to ask.")
    var url = NodeClient.defaultURL

    @Flag(help: "Print the node's answer as JSON.")
    var json = false

    func run() async throws {
        let (status, body) = try await NodeClient.get("/cluster", from: url)
        guard status == 200 else {
            throw NodeClient.failure(status, body, from: url)
        }
        let view: MemberTable
        do { view = try JSONDecoder().decode(MemberTable.self, from: Data(body)) } catch {
            throw Failure("\(url)/cluster is not the answer of a Starling node; look at the address given with --url")
        }
        StandardOutput.put(json ? String(decoding: body, as: UTF8.self) : view.text)
        let failing = view.failing
        guard failing.isEmpty else {
            throw Failure("not alive: \(failing.joined(separator: ", ")); look at their logs, or start them again")
        }
    }
}
