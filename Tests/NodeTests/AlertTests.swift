import Crypto
import Foundation
import NodeHarness
import ReceiverHarness
import Telemetry
import Testing

extension NodeTests {
    /// Alerts of a real flock at a real receiver.
    @Suite(.timeLimit(.minutes(5))) struct AlertTests {
        static let secret = "s3cret"
        static let limit = Duration.seconds(90)

        /// Three nodes that know the model of one metric, and a receiver.
        struct Watched {
            let flock: FlockProcess
            let receiver: AlertReceiver
            let folder: TemporaryFolder

            init(more: [String] = []) async throws {
                folder = try TemporaryFolder()
                receiver = try await AlertReceiver()
                flock = try FlockProcess(
                    3, folder: folder,
                    moreArguments: ["--webhook", receiver.url, "--webhook-secret", AlertTests.secret] + more)
            }

            func begin(devices: Int) throws {
                try flock.startAll()
                let now = Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1e6))
                for device in 0..<devices {
                    let messages = (0..<300).map { second in
                        let time = now.advanced(byMicroseconds: Int64(second - 302) * 1_000_000)
                        return #"{"device_id":"d\#(device)","timestamp":"\#(time)","#
                            + #""metrics":[{"type":"t","value":\#(20 + (second * 7 + device) % 5)}]}"#
                    }
                    try post("[\(messages.joined(separator: ","))]", to: 0)
                }
                try wait("every node's model") {
                    flock.running.allSatisfy { node in
                        let latest = try? node.get("/latest?all=true&result=normal")
                        return (latest?.text.components(separatedBy: "device_id").count ?? 0) == devices + 1
                    }
                }
            }

            func post(_ body: String, to index: Int) throws {
                let node = try #require(flock.nodes[index])
                let answer = try send("POST", "/data", to: node, body)
                #expect(answer.status == 202, "\(answer.text)")
            }

            /// One reading of each now.
            func report(_ devices: some Sequence<Int>, _ value: Double, to index: Int) throws {
                let messages = devices.map { #"{"device_id":"d\#($0)","metrics":[{"type":"t","value":\#(value)}]}"# }
                try post("[\(messages.joined(separator: ","))]", to: index)
            }

            func send(_ method: String, _ path: String, to node: NodeProcess, _ body: String) throws
                -> HTTPConnection.Answer
            {
                try HTTPConnection(port: node.port, at: node.place.network).ask(
                    method, path, headers: [("Content-Type", "application/json")], body: Array(body.utf8))
            }

            func wait(_ what: String, _ isSo: () throws -> Bool) throws {
                let deadline = Deadline(in: AlertTests.limit)
                while try !isSo() {
                    let ids = receiver.requests.map(\.id)
                    guard !deadline.isPast else { throw HarnessError("not \(what); the receiver got \(ids)") }
                    flock.running.first?.process.nap(50)
                }
            }

            /// The one node that says so.
            func sender() throws -> Int {
                var found: [Int] = []
                try wait("one sender") {
                    found = flock.nodes.indices.filter { index in
                        (try? flock.nodes[index]?.metric("starling_alerts_sender")) == 1
                    }
                    return found.count == 1
                }
                return found[0]
            }

            func received(_ device: String, _ event: String, kind: String = "anomaly") -> [AlertReceiver.Request] {
                receiver.requests.filter {
                    $0.object["device_id"] as? String == device && $0.object["event"] as? String == event
                        && $0.object["kind"] as? String == kind
                }
            }
        }

        static func isSigned(_ request: AlertReceiver.Request) -> Bool {
            guard let stamp = request.headers["starling-timestamp"] else { return false }
            let code = HMAC<SHA256>.authenticationCode(
                for: Data("\(stamp).".utf8) + Data(request.body), using: SymmetricKey(data: Data(secret.utf8)))
            return request.headers["starling-signature"]
                == "sha256=" + code.map { String(format: "%02x", $0) }.joined()
        }

        /// The sender dies between an attempt that failed and the next: another goes on with the same message.
        @Test func anAlertArrivesThoughItsSenderIsKilled() async throws {
            let watched = try await Watched()
            try watched.begin(devices: 2)
            let sender = try watched.sender()
            let origin = (sender + 1) % 3
            watched.receiver.behave(Array(repeating: .status(500), count: 10_000))
            try watched.report([0], 1e6, to: origin)
            try watched.wait("an attempt") { !watched.received("d0", "start").isEmpty }
            watched.flock.kill(sender)
            watched.receiver.behave([])
            let failed = watched.received("d0", "start")
            try watched.wait("another attempt") { watched.received("d0", "start").count > failed.count }
            let all = watched.received("d0", "start")
            #expect(Set(all.map(\.id)).count == 1 && Set(all.map(\.body)).count == 1)
            #expect(all.allSatisfy { Self.isSigned($0) && $0.headers["user-agent"]?.hasPrefix("starling/") == true })
            try watched.report([0], 20, to: origin)
            try watched.wait("the end") { !watched.received("d0", "end").isEmpty }
            let end = try #require(watched.received("d0", "end").first)
            #expect(end.object["id"] as? String == all.first?.object["id"] as? String)
            #expect(end.object["end"] is String)
            // What happens while nobody sends is not missed either. Its owner may be the one that died: then the first
            // readings are stored unscored.
            let next = try watched.sender()
            let other = try #require(watched.flock.nodes.indices.first { watched.flock.nodes[$0] != nil && $0 != next })
            watched.flock.kill(next)
            try watched.wait("the alert of a time without a sender") {
                try watched.report([1], 1e6, to: other)
                watched.flock.running.first?.process.nap(1_000)
                return !watched.received("d1", "start").isEmpty
            }
            await watched.receiver.close()
        }

        @Test func manyThatAlarmTogetherAreOneIncidentOnEveryNode() async throws {
            let watched = try await Watched()
            try watched.begin(devices: 6)
            try watched.report(0..<6, 1e6, to: 1)
            // On a slow machine they may have fallen silent together before.
            try watched.wait("the incident") {
                watched.received("*", "start", kind: "fleet").contains { Self.isOfAnomalies($0) }
            }
            let incident = try #require(watched.received("*", "start", kind: "fleet").first { Self.isOfAnomalies($0) })
            #expect(incident.object["type"] as? String == "t")
            #expect((incident.object["reason"] as? String)?.hasPrefix("6 devices became anomalous together") == true)
            #expect((0..<6).allSatisfy { watched.received("d\($0)", "start").isEmpty })
            for node in watched.flock.running {
                try watched.wait("the incident at \(node.place.name)") {
                    let text = try node.get("/anomalies?device_id=%2A&limit=1000").text
                    return text.contains(incident.object["id"] as? String ?? "?") && text.contains(#""kind":"fleet""#)
                }
            }
            await watched.receiver.close()
        }

        private static func isOfAnomalies(_ request: AlertReceiver.Request) -> Bool {
            (request.object["id"] as? String)?.hasPrefix("fleet/t/anomaly/") == true
        }

        @Test func mutesAndFiltersHoldOnEveryNode() async throws {
            let watched = try await Watched(more: ["--webhook-devices", "d0,d1*"])
            try watched.begin(devices: 3)
            let nodes = watched.flock.running
            let mute = try watched.send("POST", "/mute", to: nodes[0], #"{"device_id":"d1","for":"1h"}"#)
            #expect(mute.status == 200)
            for node in nodes { #expect(try node.get("/mutes").text.contains(#""device_id":"d1""#)) }
            // Whatever is held is held as long: who is told last was not overtaken.
            try watched.report([1, 2], 1e6, to: 2)
            try watched.report([0], 1e6, to: 2)
            try watched.wait("the alert that is wanted") { !watched.received("d0", "start").isEmpty }
            #expect(watched.received("d1", "start").isEmpty && watched.received("d2", "start").isEmpty)
            try watched.report([1], 20, to: 1)
            let lifted = try watched.send("DELETE", "/mute?device_id=d1", to: nodes[2], "")
            #expect(lifted.status == 204)
            // The sender reads the mutes every second.
            try watched.wait("the alert of who is muted no more") {
                try watched.report([1], 20, to: 1)
                try watched.report([1], 1e6, to: 1)
                return !watched.received("d1", "start").isEmpty
            }
            await watched.receiver.close()
        }
    }
}
