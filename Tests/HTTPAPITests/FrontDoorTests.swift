import Foundation
import HTTPAPI
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import Ports
import Synchronization
import Testing

/// What every request passes: ids, routes, methods, errors.
@Suite struct FrontDoorTests {
    @Test(arguments: ["/nothing", "/data/", "/latest/", "//", "/Latest", "/assets/x", "/metrics/x"])
    func otherPathsAre404(path: String) async throws {
        try expectProblem(try await answer(FakeNode(), .get, path), .notFound)
    }

    @Test(
        arguments: [
            ("/data", HTTPRequest.Method.get, "POST, OPTIONS"), ("/latest", .post, "GET, HEAD, OPTIONS"),
            ("/devices/a", .put, "GET, HEAD, DELETE, OPTIONS"), ("/", .delete, "GET, HEAD, OPTIONS"),
        ])
    func otherMethodsAre405(path: String, method: HTTPRequest.Method, allow: String) async throws {
        let response = try await answer(FakeNode(), method, path)
        try expectProblem(response, .methodNotAllowed)
        #expect(response.headers[.allow] == allow)
        let options = try await answer(FakeNode(), .options, path)
        #expect(options.status == .noContent)
        #expect(options.headers[.allow] == allow)
    }

    @Test func everyResponseHasAnIDOfItsOwn() async throws {
        let application = try makeAPI(FakeNode()).makeApplication()
        try await application.test(.router) { client in
            var ids: Set<String> = []
            for path in ["/health", "/nothing", "/latest?limit=x", "/data", "/"] {
                let response = try await client.execute(uri: path, method: .get)
                ids.insert(try #require(response.headers[requestID]))
            }
            #expect(ids.count == 5)
        }
    }

    @Test(
        arguments: [
            ("abc-123.X_y:z", true), (String(repeating: "x", count: 64), true),
            (String(repeating: "x", count: 65), false),
            ("two words", false), ("<script>", false), ("ä", false), ("", false),
        ])
    func aSaneIDOfTheClientIsEchoed(id: String, isEchoed: Bool) async throws {
        let response = try await answer(FakeNode(), .get, "/health", [requestID: id])
        #expect((response.headers[requestID] == id) == isEchoed)
    }

    @Test func healthIsWhatTheContractSays() async throws {
        let node = FakeNode()
        node.change { $0.storeError = StoreError(.unavailable, "away") }
        #expect(try await answer(node, .get, "/health").text == #"{"status":"healthy"}"#)
        #expect(try await answer(node, .get, "/livez").status == .ok)
        #expect(try await answer(node, .get, "/readyz").status == .ok)
        node.change { $0.unreadiness = "joining the flock" }
        let response = try await answer(node, .get, "/readyz")
        try expectProblem(response, .serviceUnavailable)
        #expect(response.headers[.retryAfter] != nil)
        #expect(try response.object["detail"] as? String == "joining the flock")
        #expect(try await answer(node, .get, "/livez").status == .ok)
    }

    @Test func whatNobodyForesawIsLoggedAndNotLeaked() async throws {
        let lines = CaughtLines()
        let api = try makeAPI(
            FakeNode(), logger: Logger(label: "test") { _ in CatchingHandler(lines: lines) })
        let node = FakeNode()
        node.change { $0.storeError = StoreError(.unusable, "the file is of version 99 at /secret") }
        let broken = try makeAPI(node, logger: Logger(label: "test") { _ in CatchingHandler(lines: lines) })
        _ = api
        try await broken.makeApplication().test(.router) { client in
            let response = try await client.execute(uri: "/devices", method: .get)
            try expectProblem(response, .internalServerError)
            #expect(!response.text.contains("secret"))
        }
        let caught = lines.all.filter { $0.level == .error }
        #expect(caught.count == 1)
        #expect(caught.first?.text.contains("/secret") == true)
    }

    @Test func theClusterIsWhatTheContractSays() async throws {
        let node = FakeNode()
        node.change { state in
            state.ledger.accepted = 10
            state.ledger.stored = 7
            state.ledger.pending = 3
        }
        let response = try await answer(node, .get, "/cluster")
        #expect(
            response.text
                == #"""
                {"node":"n0","members":[{"name":"n0","address":"127.0.0.1:7946","http":"127.0.0.1:8080",\#
                "status":"alive","incarnation":7,"ring_share":1,"devices":0,"version":"0.1.0",\#
                "since":"2026-11-22T15:04:05.000Z"}],"ring":{"slots":4096,"digest":"abc"},\#
                "pruner":{"leader":null,"fencing_token":null,"last_run":null,"last_result":null},\#
                "store":{"kind":"sqlite","timescaledb":"none","reachable":true},\#
                "ledger":{"accepted":10,"stored":7,"pending":3,"duplicates":0,"discarded":0,"damaged":0,\#
                "orphaned":0,"rejected":0}}
                """#)
        let all = try await answer(node, .get, "/cluster?scope=all").object
        #expect((all["ledger_all"] as? [String: Any])?["accepted"] as? Int == 10)
        try expectProblem(try await answer(node, .get, "/cluster?scope=some"), .badRequest)
    }
}

final class CaughtLines: Sendable {
    private let lines = Mutex<[(level: Logger.Level, text: String)]>([])

    func add(_ level: Logger.Level, _ text: String) { lines.withLock { $0.append((level, text)) } }
    var all: [(level: Logger.Level, text: String)] { lines.withLock { $0 } }
}

struct CatchingHandler: LogHandler {
    let lines: CaughtLines
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace

    init(lines: CaughtLines) {
        self.lines = lines
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        lines.add(event.level, "\(event.message) \(event.metadata ?? [:])")
    }
}
