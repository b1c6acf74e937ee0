import NodeHarness
import Testing

extension NodeTests {
    /// The contract's refusals, byte by byte over a plain socket.
    @Suite(.timeLimit(.minutes(1))) struct HTTPTests {
        private static let good = #"{"device_id":"d","metrics":[{"type":"t","value":1}]}"#
        private static let json = ("Content-Type", "application/json")

        struct Case: Sendable, CustomTestStringConvertible {
            let what: String
            let method: String
            let path: String
            var headers: [String: String] = [:]
            var body = ""
            let status: Int

            var testDescription: String { what }
        }

        static let cases = [
            Case(what: "no media type", method: "POST", path: "/data", body: good, status: 415),
            Case(
                what: "a wrong media type", method: "POST", path: "/data", headers: ["Content-Type": "text/plain"],
                body: good, status: 415),
            Case(
                what: "a coding nobody knows", method: "POST", path: "/data",
                headers: ["Content-Type": "application/json", "Content-Encoding": "br"], body: good, status: 415),
            Case(
                what: "an empty body", method: "POST", path: "/data", headers: ["Content-Type": "application/json"],
                status: 400),
            Case(
                what: "broken JSON", method: "POST", path: "/data", headers: ["Content-Type": "application/json"],
                body: good + "}", status: 400),
            Case(
                what: "nothing acceptable", method: "POST", path: "/data",
                headers: ["Content-Type": "application/json"], body: #"{"device_id":"","metrics":[]}"#, status: 400),
            Case(what: "an unknown path", method: "GET", path: "/no/such/path", status: 404),
            Case(what: "an unknown series", method: "GET", path: "/history?device_id=x&type=y", status: 404),
            Case(what: "a wrong method", method: "DELETE", path: "/data", status: 405),
            Case(what: "a wrong method", method: "POST", path: "/latest", status: 405),
        ]

        @Test func refusalsAreProblemsAndKeepTheConnectionInOrder() throws {
            let folder = try TemporaryFolder()
            let node = try NodeProcess.ready(at: try NodeTests.place(in: folder))
            for refused in Self.cases {
                let answer = try HTTPConnection(port: node.port).ask(
                    refused.method, refused.path, headers: refused.headers.map { ($0, $1) },
                    body: Array(refused.body.utf8))
                #expect(answer.status == refused.status, "\(refused.what): \(answer.text)")
                #expect(
                    answer.headers["content-type"]?.hasPrefix("application/problem+json") == true, "\(refused.what)")
                #expect(answer.headers["x-request-id"] != nil)
                #expect(answer.text.contains("\"status\":\(refused.status)") && answer.text.contains("\"detail\""))
                if refused.status == 405 { #expect(answer.headers["allow"] != nil) }
            }
            #expect(try node.ledger().accepted == 0)
            try NodeTests.stop(node)
        }

        @Test func aBodyThatIsTooLargeIsRefusedAndReadToItsEnd() throws {
            let folder = try TemporaryFolder()
            let node = try NodeProcess.ready(at: try NodeTests.place(in: folder))
            let connection = try HTTPConnection(port: node.port)
            // Sent whole before the answer is read, as simple clients do: the answer must not be lost to a reset.
            let answer = try connection.ask(
                "POST", "/data", headers: [Self.json], body: [UInt8](repeating: 0x20, count: 9 << 20))
            #expect(answer.status == 413 && answer.text.contains("8 MiB"))
            try NodeTests.stop(node)
        }

        @Test func continueIsSaidBeforeTheBodyAndARefusalInsteadOfIt() throws {
            let folder = try TemporaryFolder()
            let node = try NodeProcess.ready(at: try NodeTests.place(in: folder))
            let body = Array(Self.good.utf8)
            func head(_ type: String, _ count: Int) -> [UInt8] {
                Array(
                    """
                    POST /data HTTP/1.1\r\nHost: x\r\nContent-Type: \(type)\r\nExpect: 100-continue\r\n\
                    Content-Length: \(count)\r\n\r\n
                    """.utf8)
            }
            let willing = try HTTPConnection(port: node.port)
            try willing.send(head("application/json", body.count))
            #expect(try willing.readAnswer().status == 100)
            try willing.send(body)
            #expect(try willing.readAnswer().status == 202)

            for (type, count, status) in [("text/plain", body.count, 415), ("application/json", 9 << 20, 413)] {
                let refused = try HTTPConnection(port: node.port)
                try refused.send(head(type, count))
                #expect(try refused.readAnswer().status == status, "without waiting for the body")
            }
            #expect(try node.waitForLedger { $0.pending == 0 }.stored == 1)
            try NodeTests.stop(node)
        }

        @Test(arguments: [
            "GARBAGE\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "POST /data HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        ])
        func whatIsNoHTTPIsRefusedAndHarmsNobody(_ bytes: String) throws {
            let folder = try TemporaryFolder()
            let node = try NodeProcess.ready(at: try NodeTests.place(in: folder))
            let connection = try HTTPConnection(port: node.port)
            try connection.send(Array(bytes.utf8))
            #expect(try connection.readAnswer().status == 400)
            #expect(try node.get("/health").text.contains("healthy"))
            try NodeTests.stop(node)
        }
    }
}
