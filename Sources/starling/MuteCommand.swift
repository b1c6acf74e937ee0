import ArgumentParser
import Foundation
import Ports

/// `starling mute`.
struct MuteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mute",
        abstract: "Tells no webhook of what begins on some devices or types, for a while.",
        discussion: """
            What is muted is still judged, stored and shown. Any node can be asked.

            \(ClientAccess.help)

            Examples:
              starling mute --device press-7 --for 1h --reason maintenance
              starling mute --type humidity                  until it is lifted
              starling mute --all --for 15m
              starling mute --list
              starling mute --device press-7 --lift
            """)

    @Option(help: "The node to ask.")
    var url = NodeClient.defaultURL

    @Option(help: .init("Of this device alone.", valueName: "id"))
    var device: String?

    @Option(help: .init("Of this type alone.", valueName: "type"))
    var type: String?

    @Flag(help: "Of every device and type.")
    var all = false

    @Option(
        name: .customLong("for"),
        help: .init("How long: 90s, 15m, 1h, 7d. (default: until it is lifted)", valueName: "duration"))
    var length: String?

    @Option(help: .init("Why, for those who ask what is muted.", valueName: "text"))
    var reason: String?

    @Flag(help: "Lift the mute of exactly this device and type.")
    var lift = false

    @Flag(help: "Show what is muted.")
    var list = false

    @Flag(help: "Print the node's answer as JSON.")
    var json = false

    func validate() throws {
        if list {
            guard device == nil, type == nil, !all, length == nil, reason == nil, !lift else {
                throw ValidationError("--list stands alone")
            }
            return
        }
        guard all != (device != nil || type != nil) else {
            throw ValidationError("say --device, --type, both of them, or --all; or --list")
        }
        if let length, Mute.length(length) == nil {
            throw ValidationError("--for: expected a duration such as 90s, 15m, 1h or 7d")
        }
        guard !lift || (length == nil && reason == nil) else {
            throw ValidationError("--lift needs no --for and no --reason")
        }
    }

    func run() async throws {
        if list { return try await showAll() }
        if lift { return try await liftOne() }
        let members = ["device_id": device, "type": type, "for": length, "reason": reason].compactMapValues(\.self)
        let body = [UInt8](try JSONSerialization.data(withJSONObject: members, options: .sortedKeys))
        let answer = try await NodeClient.post("/mute", to: url, json: body)
        try check(answer.status, answer.body, expected: 200)
        if json { return StandardOutput.put(String(decoding: answer.body, as: UTF8.self)) }
        StandardOutput.put("Muted: \(try NodeClient.decode(MuteText.self, answer.body, from: url).text)")
    }

    private func showAll() async throws {
        let (status, body) = try await NodeClient.get("/mutes", from: url)
        try check(status, body, expected: 200)
        if json { return StandardOutput.put(String(decoding: body, as: UTF8.self)) }
        let mutes = try NodeClient.decode([MuteText].self, body, from: url)
        StandardOutput.put(mutes.isEmpty ? "Nothing is muted." : mutes.map(\.text).joined(separator: "\n"))
    }

    private func liftOne() async throws {
        var query = URLComponents()
        query.queryItems = [("device_id", device), ("type", type)].compactMap { name, value in
            value.map { URLQueryItem(name: name, value: $0) }
        }
        // A plus sign would be read as a space.
        let text = query.percentEncodedQuery?.replacingOccurrences(of: "+", with: "%2B") ?? ""
        let (status, body) = try await NodeClient.delete("/mute\(text.isEmpty ? "" : "?")\(text)", from: url)
        if status == 404 { throw Failure("nothing is muted so; 'starling mute --list' shows what is") }
        try check(status, body, expected: 204)
        if !json { StandardOutput.put("Lifted.") }
    }

    private func check(_ status: Int, _ body: [UInt8], expected: Int) throws {
        guard status != expected else { return }
        throw NodeClient.failure(status, body, from: url)
    }
}

/// One mute for people.
struct MuteText: Decodable {
    let device_id: String?
    let type: String?
    let until: String?
    let reason: String

    var text: String {
        let what = [device_id.map { "device \($0)" }, type.map { "type \($0)" }].compactMap(\.self)
        let end = until.map { "until \($0)" } ?? "until it is lifted"
        return "\(what.isEmpty ? "everything" : what.joined(separator: ", ")) \(end)"
            + (reason.isEmpty ? "" : " (\(reason))")
    }
}
