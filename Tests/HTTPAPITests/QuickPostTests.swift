import Access
import AccessKeys
import HTTPAPI
import HTTPTypes
import Ports
import Telemetry
import Testing

/// Small posts take a way of their own: nobody may see which.
@Suite struct QuickPostTests {
    private static func post(_ device: String, id: String, _ headers: String = "") -> String {
        let body = "{\"device_id\":\"\(device)\",\"metrics\":[{\"type\":\"t\",\"value\":1}]}"
        return "POST /data HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Request-Id: \(id)\r\n\(headers)"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private static func get(_ path: String, id: String) -> String {
        "GET \(path) HTTP/1.1\r\nHost: x\r\nX-Request-Id: \(id)\r\n\r\n"
    }

    private func talk(
        _ node: FakeNode, _ talk: @escaping @Sendable (RawConnection) throws -> String
    ) async throws -> String {
        try await withServer(try makeAPI(node)) { port, _ in
            try await onOwnThread { try talk(RawConnection(port: port)) }
        }
    }

    private static func ids(_ answer: String) -> [String] {
        answer.split(separator: "\r\n").compactMap { line in
            line.lowercased().hasPrefix("x-request-id: ") ? String(line.dropFirst(14)) : nil
        }
    }

    private static func fields(_ answer: String) -> Set<String> {
        // The two may fall into two seconds.
        Set(answer.split(separator: "\r\n").map { $0.lowercased() }.filter { !$0.hasPrefix("date: ") })
    }

    /// Quick and ordinary requests in every order of four, sent in one piece, are answered in that order.
    @Test(arguments: 0..<16)
    func answersKeepTheOrderOfTheirRequests(_ pattern: Int) async throws {
        let node = FakeNode()
        let requests = (0..<4).map { place in
            pattern >> place & 1 == 0 ? Self.post("d\(place)", id: "\(place)") : Self.get("/latest", id: "\(place)")
        }
        let answer = try await talk(node) { connection in
            try connection.send(requests.joined())
            return try connection.read(until: "\r\n\r\n", times: 4)
        }
        #expect(Self.ids(answer) == ["0", "1", "2", "3"])
        let posted = (0..<4).filter { pattern >> $0 & 1 == 0 }.map { "d\($0)" }
        #expect(node.now.batches.map { $0.series[0].device.text } == posted)
    }

    @Test func aNodeThatTakesItsTimeIsWaitedFor() async throws {
        let node = FakeNode()
        node.change { $0.answersLater = true }
        let answer = try await withServer(try makeAPI(node)) { port, _ in
            try await onOwnThread {
                let connection = try RawConnection(port: port)
                try connection.send(Self.post("a", id: "1") + Self.get("/health", id: "2") + Self.post("b", id: "3"))
                // Nothing after the first reaches the node before the first is answered.
                node.waitForOffers(1)
                let other = try RawConnection(port: port)
                try other.send(Self.get("/health", id: "other"))
                try other.read(until: "healthy")
                #expect(node.now.batches.count == 1)
                node.answerAll()
                node.waitForOffers(2)
                try connection.read(until: "healthy")
                node.answerAll()
                return try connection.read(until: "\"rejected\":0}", times: 2)
            }
        }
        #expect(Self.ids(answer) == ["1", "2", "3"])
    }

    @Test func aClientThatSendsNoMoreIsStillAnswered() async throws {
        let node = FakeNode()
        node.change { $0.answersLater = true }
        let answer = try await withServer(try makeAPI(node)) { port, _ in
            try await onOwnThread {
                let connection = try RawConnection(port: port)
                try connection.send(Self.post("a", id: "1"))
                connection.finishSending()
                node.waitForOffers(1)
                node.answerAll()
                return try connection.readToEnd()
            }
        }
        #expect(answer.hasPrefix("HTTP/1.1 202 ") && answer.hasSuffix("\"rejected\":0}"))
    }

    @Test func aBodyInManyPiecesIsOneBody() async throws {
        let node = FakeNode()
        let answer = try await talk(node) { connection in
            for byte in Self.post("pieces", id: "1").utf8 { try connection.send([byte]) }
            return try connection.read(until: "\"rejected\":0}")
        }
        #expect(answer.hasPrefix("HTTP/1.1 202 "))
        #expect(node.now.batches.map { $0.series[0].device.text } == ["pieces"])
    }

    /// `Sec-Fetch-Site: none` changes nothing but the way.
    @Test(arguments: [nil, AcceptError.logFull(retryAfterSeconds: 7), .draining, .logFailed("gone")])
    func bothWaysAnswerTheSame(_ refusal: AcceptError?) async throws {
        let node = FakeNode()
        node.change { $0.acceptError = refusal }
        let answers = try await withServer(try makeAPI(node)) { port, _ in
            try await onOwnThread {
                try ["", "Sec-Fetch-Site: none\r\n"].map { header in
                    let connection = try RawConnection(port: port)
                    try connection.send(Self.post("d", id: "same", header))
                    return try connection.read(until: "}")
                }
            }
        }
        #expect(Self.fields(answers[0]) == Self.fields(answers[1]))
        #expect(answers.allSatisfy { $0.lowercased().contains("\r\ndate: ") && $0.contains(" GMT\r\n") })
    }

    /// Without a key, with a wrong one and with none of the scheme, whatever the path: both ways say the same, and go on.
    @Test(arguments: ["", "Authorization: Bearer wrong\r\n", "Authorization: Basic eDp5\r\n"])
    func strangersAreToldTheSameOnBothWays(_ authorization: String) async throws {
        let book = KeyBook(try KeyEntry.parseList(AccessTests.keys))
        let closed = AccessTests.doors.filter { $0.scope != nil && $0.method != .head }
        let targets =
            closed.map { "\($0.method.rawValue) \($0.path)" } + [
                "GET /nothing", "PATCH /latest", "GET http://x/latest", "GET HTTP://x/health", "GET HTTP://x/",
                "GET //x/health",
            ]
        let api = try makeAPI(FakeNode()) {
            $0.keys = book
            $0.origins = ["https://page.example"]
        }
        try await withServer(api) { port, _ in
            try await onOwnThread {
                for target in targets {
                    let answers = try ["", "Sec-Fetch-Site: none\r\n"].map { header in
                        let connection = try RawConnection(port: port)
                        let head = "\(target) HTTP/1.1\r\nHost: x\r\nX-Request-Id: same\r\n"
                        try connection.send(head + authorization + header + "\r\n")
                        let answer = try connection.read(until: "}")
                        try connection.send(Self.get("/health", id: "last"))
                        try connection.read(until: "healthy")
                        return answer
                    }
                    #expect(Self.fields(answers[0]) == Self.fields(answers[1]), "\(target)")
                }
            }
        }
    }

    /// Of a node that knows that more comes than it can take, a body is read and not looked into, on both ways.
    @Test(arguments: ["", "Sec-Fetch-Site: none\r\n"])
    func aBusyNodeLooksIntoNothing(_ header: String) async throws {
        let node = FakeNode()
        node.change { $0.busy = .logFull(retryAfterSeconds: 1) }
        let answer = try await talk(node) { connection in
            let body = "no JSON at all"
            let post =
                "POST /data HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\(header)"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
            try connection.send(post)
            let refused = try connection.read(until: "}")
            node.change { $0.busy = nil }
            try connection.send(Self.post("a", id: "1", header))
            return refused + (try connection.read(until: "\"rejected\":0}"))
        }
        #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.lowercased().contains("\r\nretry-after: 1\r\n"))
        #expect(node.now.batches.count == 1)
    }

    /// While one waits for being refused, what it sends ahead waits as well, and comes in its order.
    @Test func whoIsRefusedAndSendsAheadIsAnsweredInOrder() async throws {
        let node = FakeNode()
        node.change { $0.busy = .logFull(retryAfterSeconds: 1) }
        let answer = try await talk(node) { connection in
            try connection.send(Self.post("a", id: "1") + Self.get("/health", id: "2") + Self.post("b", id: "3"))
            return try connection.read(until: "Retry-After: 1", times: 2)
        }
        #expect(Self.ids(answer) == ["1", "2", "3"])
        #expect(node.now.batches.isEmpty)
    }

    /// One that takes none of its answers is not read any further, so that these do not fill the memory.
    @Test func whoTakesNoAnswersIsNotHeardOut() async throws {
        let book = KeyBook(try KeyEntry.parseList("ingest:good"))
        try await withServer(try makeAPI(FakeNode()) { $0.keys = book }) { port, _ in
            try await onOwnThread {
                let connection = try RawConnection(port: port, receiveBytes: 4_096)
                let requests = Array(String(repeating: Self.get("/latest", id: "x"), count: 1_000).utf8)
                let sent = connection.sendUntilStuck(requests, bytesMax: 24 << 20)
                #expect(sent < 24 << 20, "both sockets together hold less")
            }
        }
    }

    /// Who is refused by its head is not let out of sending what it announced, and then goes on.
    @Test func theBodyOfAStrangerIsNoRequest() async throws {
        let book = KeyBook(try KeyEntry.parseList("ingest:good"))
        let inner = Self.get("/health", id: "inner")
        let answer = try await withServer(try makeAPI(FakeNode()) { $0.keys = book }) { port, _ in
            try await onOwnThread {
                let connection = try RawConnection(port: port)
                try connection.send(
                    "POST /data HTTP/1.1\r\nHost: x\r\nX-Request-Id: outer\r\nContent-Type: application/json\r\n"
                        + "Content-Length: \(inner.utf8.count)\r\n\r\n\(inner)" + Self.get("/livez", id: "next"))
                return try connection.read(until: "alive")
            }
        }
        #expect(Self.ids(answer) == ["outer", "next"])
    }

    @Test func whatIsRefusedIsCountedAndTold() async throws {
        let node = FakeNode()
        let answer = try await talk(node) { connection in
            let body = #"[{"device_id":"","metrics":[]}]"#
            try connection.send(
                "POST /data HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)" + Self.get("/metrics", id: "2"))
            return try connection.read(until: "starling_node_ready 1")
        }
        #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.contains("application/problem+json"))
        #expect(answer.contains(#"starling_http_requests_total{method="POST",route="/data",status="400"} 1"#))
        #expect(node.now.rejected == 1 && node.now.batches.isEmpty)
    }
}
