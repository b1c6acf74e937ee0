import Access
import AccessKeys
import Foundation
import HTTPAPI
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Telemetry
import Testing

/// Who gets in, and how far.
@Suite struct AccessTests {
    static let keys = "ingest@device-1*:bound,ingest:sender,read:reader,admin:boss"

    /// One request to a node that asks for keys.
    static func ask(
        _ method: HTTPRequest.Method, _ target: String, key: String? = nil, _ headers: HTTPFields = [:],
        body: String? = nil, node: FakeNode = FakeNode(), settings change: (inout HTTPSettings) -> Void = { _ in }
    ) async throws -> TestResponse {
        let book = KeyBook(try KeyEntry.parseList(keys))
        let api = try makeAPI(node) {
            $0.keys = book
            change(&$0)
        }
        let shown: HTTPFields = key.map { [.authorization: "Bearer \($0)"] } ?? [:]
        return try await api.makeApplication().test(.router) { client in
            try await client.execute(
                uri: target, method: method, headers: headers + shown, body: body.map { ByteBuffer(string: $0) })
        }
    }

    /// Every path there is with every method it takes, and what it asks for.
    static let doors: [(method: HTTPRequest.Method, path: String, scope: Scope?)] = Route.allCases.flatMap { route in
        route.methods.map { method in
            let path = route.template.replacing("{device_id}", with: "d").replacing("{type}", with: "t")
                .replacing("{version}", with: "v").replacing("{file}", with: "app.js")
            return (method, path, scope(of: route, method))
        }
    }

    /// Written down here a second time, so that a route that is forgotten there is seen.
    private static func scope(of route: Route, _ method: HTTPRequest.Method) -> Scope? {
        switch (route, method) {
        case (.health, _), (.livez, _), (.readyz, _), (.session, .post), (.session, .delete): nil
        case (.data, _): .ingest
        case (_, .post), (_, .put), (_, .delete): .admin
        default: .read
        }
    }

    @Test func strangersGet401Everywhere() async throws {
        for door in Self.doors where door.scope != nil {
            let response = try await Self.ask(door.method, door.path)
            #expect(response.status == .unauthorized, "\(door.method) \(door.path)")
            #expect(response.headers[.wwwAuthenticate] == "Bearer realm=\"starling\"")
            if door.method != .head { try expectProblem(response, .unauthorized) }
        }
        for path in ["/nothing", "/devices/", "/latest/x"] {
            #expect(try await Self.ask(.get, path).status == .unauthorized, "what there is, is told to nobody")
            #expect(try await Self.ask(.get, path, key: "reader").status == .notFound)
        }
        #expect(try await Self.ask(.patch, "/latest").status == .unauthorized)
        #expect(try await Self.ask(.options, "/latest").status == .unauthorized)
        #expect(try await Self.ask(.options, "/latest", key: "sender").status == .noContent)
    }

    @Test func healthAsksNobody() async throws {
        for path in ["/health", "/livez", "/readyz"] {
            for key in [nil, "wrong"] as [String?] {
                #expect(try await Self.ask(.get, path, key: key).status == .ok)
            }
        }
    }

    @Test(arguments: [("reader", Scope.read), ("sender", .ingest), ("boss", .admin)])
    func aKeyOpensItsDoorsAndNoOther(key: String, scope: Scope) async throws {
        for door in Self.doors {
            guard let wanted = door.scope else { continue }
            // Streams have no end.
            if door.path == "/stream", door.method == .get { continue }
            let response = try await Self.ask(door.method, door.path, key: key)
            let isOpen = wanted == scope || scope == .admin
            #expect((response.status != .forbidden) == isOpen, "\(door.method) \(door.path): \(response.status)")
            #expect(response.status != .unauthorized)
            if !isOpen { #expect(response.headers[.wwwAuthenticate]?.contains("insufficient_scope") == true) }
        }
    }

    @Test(arguments: [
        "wrong", "", " ", "reade", "reader x", "readerreader", "Bearer reader", String(repeating: "x", count: 9_000),
    ])
    func noOtherKeyOpensAny(_ key: String) async throws {
        let response = try await Self.ask(.get, "/latest", key: key)
        #expect(response.status == .unauthorized)
    }

    @Test(arguments: ["Bearer reader", "bearer reader", "BEARER   reader"])
    func theSchemeIsReadAsRFC9110HasIt(_ header: String) async throws {
        #expect(try await Self.ask(.get, "/latest", [.authorization: header]).status == .ok)
        for other in ["Basic cmVhZGVyOg==", "reader", "Bearerreader", "Bearer\treader"] {
            #expect(try await Self.ask(.get, "/latest", [.authorization: other]).status == .unauthorized, "\(other)")
        }
    }

    @Test func nobodyIsAskedWithoutKeys() async throws {
        #expect(try await answer(FakeNode(), .delete, "/devices/d").status != .unauthorized)
    }

    // MARK: Devices of a key

    private static func message(_ device: String) -> String {
        #"{"device_id":"\#(device)","metrics":[{"type":"t","value":1}]}"#
    }

    private func send(_ body: String, key: String, to node: FakeNode) async throws -> TestResponse {
        try await Self.ask(.post, "/data", key: key, [.contentType: "application/x-ndjson"], body: body, node: node)
    }

    @Test func aBoundKeySendsForItsDevicesAlone() async throws {
        let node = FakeNode()
        #expect(try await send(Self.message("device-12"), key: "bound", to: node).status == .accepted)
        let refused = try await send(Self.message("device-2"), key: "bound", to: node)
        try expectProblem(refused, .forbidden)
        #expect(refused.text.contains("is no device that this key may send readings of"))
        let mixed = Self.message("device-2") + "\n" + Self.message("device-1")
        let partly = try await send(mixed, key: "bound", to: node)
        #expect(partly.status == .accepted)
        #expect(try partly.object["accepted"] as? Int == 1 && partly.object["rejected"] as? Int == 1)
        #expect(node.now.batches.flatMap { $0.series.map(\.device.text) } == ["device-12", "device-1"])
        #expect(try await send(Self.message("device-2"), key: "sender", to: node).status == .accepted)
    }

    /// The small posts' own way asks as the ordinary one does.
    @Test func smallPostsAreAskedToo() async throws {
        let node = FakeNode()
        let book = KeyBook(try KeyEntry.parseList(Self.keys))
        let api = try makeAPI(node) { $0.keys = book }
        @Sendable func post(_ device: String, _ header: String) -> String {
            let body = Self.message(device)
            return "POST /data HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\(header)"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        }
        let cases = [
            ("Authorization: Bearer sender\r\n", "device-2", 202), ("authorization: bearer bound\r\n", "device-1", 202),
            ("Authorization: Bearer bound\r\n", "device-2", 403), ("Authorization: Bearer reader\r\n", "device-1", 403),
            ("Authorization: Bearer wrong\r\n", "device-1", 401), ("", "device-1", 401),
            ("Authorization: Bearer sender\r\nAuthorization: Bearer sender\r\n", "device-1", 401),
        ]
        let answers = try await withServer(api) { port, _ in
            try await onOwnThread {
                try cases.map { header, device, _ in
                    let connection = try RawConnection(port: port)
                    try connection.send(post(device, header))
                    return try connection.read(until: "\r\n\r\n")
                }
            }
        }
        for (answer, wanted) in zip(answers, cases) {
            #expect(answer.hasPrefix("HTTP/1.1 \(wanted.2) "), "\(wanted): \(answer.prefix(60))")
        }
        #expect(node.now.batches.count == 2)
    }

    @Test func whatARevokedKeyOpenedIsClosed() async throws {
        let book = KeyBook(try KeyEntry.parseList("read:old"))
        let api = try makeAPI(FakeNode()) { $0.keys = book }
        try await api.makeApplication().test(.router) { client in
            @Sendable func status(_ key: String) async throws -> HTTPResponse.Status {
                try await client.execute(
                    uri: "/latest", method: .get, headers: [.authorization: "Bearer \(key)"]
                ).status
            }
            #expect(try await status("old") == .ok)
            book.replace(with: try KeyEntry.parseList("read:new"))
            #expect(try await status("old") == .unauthorized)
            #expect(try await status("new") == .ok)
        }
    }
}
