import ArgumentParser
import Foundation
import Pruning

/// `starling prune`.
struct PruneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Shows what the pruner would do, or approves what it waits with.",
        discussion: """
            The leader among the nodes prunes by itself, every --prune-every: devices that are silent are hidden, later \
            deleted. When more than half of them fell silent together, or a node died, it waits for an operator.

            \(ClientAccess.help)

            Examples:
              starling prune --dry-run
              starling prune --dry-run --url http://127.0.0.1:8081 --json
              starling prune --approve
            """)

    @Option(help: "The node to ask.")
    var url = NodeClient.defaultURL

    @Flag(name: .customLong("dry-run"), help: "Show who would be hidden and deleted now, and change nothing.")
    var isDryRun = false

    @Flag(help: "Let the pruner do what it waits with, from its next run on.")
    var approve = false

    @Flag(help: "Print the node's answer as JSON.")
    var json = false

    func validate() throws {
        guard isDryRun != approve else {
            throw ValidationError("say --dry-run or --approve: pruning itself is done by the leader among the nodes")
        }
    }

    func run() async throws {
        let (status, body) =
            approve
            ? try await NodeClient.post("/prune/approve\(try await expected())", to: url)
            : try await NodeClient.get("/prune?limit=\(Self.devicesMax)", from: url)
        guard status == 200 else {
            throw NodeClient.failure(status, body, from: url)
        }
        if json { return StandardOutput.put(String(decoding: body, as: UTF8.self)) }
        guard approve else {
            let plan = try NodeClient.decode(PrunePlanText.self, body, from: url)
            return StandardOutput.put(plan.text(isWhole: Self.saysWhoLeads(body)))
        }
        let approval = try NodeClient.decode(PruneApprovalText.self, body, from: url)
        // What comes of it depends on whether anybody leads.
        let answer = try await NodeClient.get("/prune?limit=1", from: url)
        let isWhole = answer.status == 200 && Self.saysWhoLeads(answer.body)
        let plan = isWhole ? try NodeClient.decode(PrunePlanText.self, answer.body, from: url) : nil
        StandardOutput.put(approval.text(plan))
    }

    /// What it waits with as this program reads it: nothing that comes up meanwhile is approved.
    private func expected() async throws -> String {
        let (status, body) = try await NodeClient.get("/prune?limit=1", from: url)
        guard status == 200 else { throw NodeClient.failure(status, body, from: url) }
        guard let waits = try NodeClient.decode(PrunePlanText.self, body, from: url).waits else { return "" }
        return "?reason=" + (waits.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")
    }

    /// A node of before that said nothing of it, which is no "nobody".
    private static func saysWhoLeads(_ body: [UInt8]) -> Bool {
        let plan = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
        return plan?["leader"] != nil
    }

    /// Devices of each kind that are asked for.
    static let devicesMax = 1_000
}

/// `GET /prune` for people.
struct PrunePlanText: Decodable {
    struct Device: Decodable {
        let device_id: String
        let last_heard: String
        let readings: UInt64
    }

    let last_run: String?
    let last_result: String?
    let waits: String?
    let watched_seconds: Double
    let inactive_after_seconds: Double
    let delete_after_seconds: Double?
    let hide: [Device]
    let delete: [Device]
    let leader: String?
    let keeper_trouble: String?
    let approval: Approval?

    struct Approval: Decodable {
        let members: [String]
        let silent: [Device]

        var lines: [String] {
            var lines: [String] = []
            let orphans = members.filter { $0.hasSuffix(" orphaned readings") }
            let names = members.filter { !orphans.contains($0) }.map {
                $0.split(separator: " ").first.map(String.init) ?? $0
            }
            if !names.isEmpty {
                lines.append("To approve: \(names.joined(separator: ", ")) will not come back with readings")
            }
            lines += orphans.map { "To approve: \($0), in logs that have no node, are given up" }
            guard !silent.isEmpty else { return lines }
            lines.append("To approve: \(PrunePlanText.count(silent)) devices are gone, not cut off")
            return lines + silent.map(PrunePlanText.line)
        }
    }

    /// Why nothing is pruned; nil while somebody leads.
    var noLeader: String? {
        guard leader == nil else { return nil }
        if let keeper_trouble { return "nobody, so nothing is pruned: the lease's keeper: \(keeper_trouble)" }
        return "nobody now, so nothing is pruned; if that lasts, look who holds the lease (--lease)"
    }

    /// - Parameter isWhole: the node is no older than this program.
    func text(isWhole: Bool) -> String {
        var lines =
            (isWhole ? ["Leader:    \(noLeader ?? leader ?? "")"] : []) + [
                "Last run:  \(last_run ?? "none yet") \(last_result.map { "(\($0))" } ?? "")"
            ]
        if let waits {
            lines.append("It waits:  \(waits)")
            let nothing = ["           There is nothing to approve: it goes on when that is over."]
            lines += isWhole ? approval?.lines ?? nothing : []
        }
        lines.append("Watched:   \(Self.words(watched_seconds)) in all; silence counts only while the flock listens")
        lines += table("Due to be hidden", after: inactive_after_seconds, hide)
        lines += table("Due to be deleted", after: delete_after_seconds, delete)
        return lines.joined(separator: "\n")
    }

    private func table(_ title: String, after seconds: Double?, _ devices: [Device]) -> [String] {
        guard let seconds else { return ["\(title): nobody, --delete-after is never"] }
        let rule = "silent for \(Self.words(seconds))"
        guard !devices.isEmpty else { return ["\(title) (\(rule)): nobody"] }
        return ["\(title) (\(rule)): \(Self.count(devices))"] + devices.map(Self.line)
    }

    private static func count(_ devices: [Device]) -> String {
        "\(devices.count)\(devices.count >= PruneCommand.devicesMax ? " or more" : "")"
    }

    private static func line(_ device: Device) -> String {
        "  \(device.device_id)  last heard \(device.last_heard), \(device.readings) readings"
    }

    private static func words(_ seconds: Double) -> String {
        SpanText(microseconds: Int64(exactly: (seconds * 1_000_000).rounded()) ?? 0).description
    }
}

/// `POST /prune/approve` for people.
struct PruneApprovalText: Decodable {
    let approved: Bool
    let reason: String?

    /// - Parameter plan: as it stands after it; nil of a node that says less.
    func text(_ plan: PrunePlanText?) -> String {
        if approved {
            let wait = plan?.noLeader.map { "It is done once somebody leads. Leader: \($0)" }
            return "Approved: \(reason ?? "")\n\(wait ?? "The next run goes on.")"
        }
        if let noLeader = plan?.noLeader { return "Nothing waits for approval. Leader: \(noLeader)" }
        return plan?.waits.map { "It waits, and there is nothing to approve: \($0)" } ?? "Nothing waits for approval."
    }
}
