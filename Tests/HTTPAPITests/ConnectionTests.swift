import Foundation
import HTTPAPI
import Ports
import ReadingFormats
import ServiceLifecycle
import Telemetry
import Testing

/// HTTP/1.1 as bytes on a socket: good clients, careless ones, and hostile ones.
@Suite struct ConnectionTests {
    private static let json = "Content-Type: application/json\r\n"
    private static let reading = #"{"device_id":"d","metrics":[{"type":"t","value":1}]}"#

    /// What came back, as text, from a connection on which `talk` was led.
    private func talk(
        _ node: FakeNode = FakeNode(), _ talk: @escaping @Sendable (RawConnection) throws -> String
    ) async throws -> String {
        try await withServer(try makeAPI(node)) { port, _ in
            try await onOwnThread { try talk(RawConnection(port: port)) }
        }
    }

    private static func post(_ body: String, _ headers: String = "") -> String {
        "POST /data HTTP/1.1\r\nHost: x\r\n\(json)\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    @Test func aClientThatExpectsContinueIsToldTo() async throws {
        let answer = try await talk { connection in
            let body = Self.reading + String(repeating: " ", count: 1_500_000)
            let message = Self.post(body, "Expect: 100-continue\r\n")
            try connection.send(Array(message.utf8.dropLast(body.utf8.count)))
            try connection.read(until: "\r\n\r\n")
            try connection.send(body)
            return try connection.read(until: "\"rejected\":0}")
        }
        #expect(answer.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\n"))
    }

    @Test func anAnswerThatIsNoIsGivenWithoutAskingForTheBody() async throws {
        let answer = try await talk { connection in
            try connection.send(
                "POST /data HTTP/1.1\r\nHost: x\r\n\(Self.json)Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n"
            )
            let answer = try connection.read(until: "\"status\":413")
            connection.finishSending()
            return answer
        }
        #expect(answer.hasPrefix("HTTP/1.1 413 "))
        #expect(answer.contains("Connection: close\r\n") || answer.contains("connection: close\r\n"))
    }

    @Test(arguments: [("text/plain", 415), ("application/json", 413)])
    func aClientThatReadsOnlyAfterSendingAllSeesTheAnswer(type: String, status: Int) async throws {
        let answer = try await talk { connection in
            let count = ReadingParser.bodyByteCountMax + 4_000_000
            try connection.send(
                "POST /data HTTP/1.1\r\nHost: x\r\nContent-Type: \(type)\r\nContent-Length: \(count)\r\n\r\n")
            try connection.send([UInt8](repeating: 0x20, count: count))
            return try connection.readToEnd()
        }
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
        #expect(answer.contains("\"status\":\(status)"))
    }

    @Test func chunkedBodiesAreTaken() async throws {
        let node = FakeNode()
        let answer = try await talk(node) { connection in
            let (first, second) = (Self.reading.prefix(10), Self.reading.dropFirst(10))
            try connection.send(
                "POST /data HTTP/1.1\r\nHost: x\r\n\(Self.json)Transfer-Encoding: chunked\r\n\r\n"
                    + "\(String(first.utf8.count, radix: 16))\r\n\(first)\r\n")
            try connection.send("\(String(second.utf8.count, radix: 16))\r\n\(second)\r\n0\r\n\r\n")
            return try connection.read(until: "\"rejected\":0}")
        }
        #expect(answer.hasPrefix("HTTP/1.1 202 "))
        #expect(node.now.batches.count == 1)
    }

    @Test func anEndlessChunkedBodyIs413() async throws {
        let answer = try await talk { connection in
            try connection.send("POST /data HTTP/1.1\r\nHost: x\r\n\(Self.json)Transfer-Encoding: chunked\r\n\r\n")
            let chunk = "100000\r\n" + String(repeating: " ", count: 0x100000) + "\r\n"
            for _ in 0..<9 { try connection.send(chunk) }
            let answer = try connection.read(until: "\"status\":413")
            try connection.send("0\r\n\r\n")
            return try answer + connection.readToEnd()
        }
        #expect(answer.hasPrefix("HTTP/1.1 413 "))
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        let answer = try await talk { connection in
            try connection.send(
                Self.post(Self.reading, "X-Request-Id: one\r\n")
                    + "GET /health HTTP/1.1\r\nHost: x\r\nX-Request-Id: two\r\n\r\n"
                    + "HEAD /latest HTTP/1.1\r\nHost: x\r\nX-Request-Id: three\r\n\r\n"
                    + "HEAD /devices HTTP/1.1\r\nHost: x\r\nX-Request-Id: four\r\n\r\n"
                    + "GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-Id: five\r\nConnection: close\r\n\r\n")
            return try connection.readToEnd()
        }
        let ids = answer.split(separator: "\r\n").compactMap { line in
            line.lowercased().hasPrefix("x-request-id: ") ? String(line.dropFirst(14)) : nil
        }
        #expect(ids == ["one", "two", "three", "four", "five"])
        #expect(answer.ranges(of: "HTTP/1.1 ").count == 5)
        #expect(answer.hasSuffix("{\"status\":\"alive\"}"))
        #expect(!answer.contains("0\r\n\r\n"), "a HEAD of a stream was ended like a chunked body")
    }

    // MARK: Wrong lengths

    @Test func aBodyShorterThanItsLengthIs400() async throws {
        let node = FakeNode()
        let answer = try await talk(node) { connection in
            try connection.send(
                "POST /data HTTP/1.1\r\nHost: x\r\n\(Self.json)Content-Length: 500\r\n\r\n\(Self.reading)")
            connection.finishSending()
            return try connection.readToEnd()
        }
        #expect(answer.hasPrefix("HTTP/1.1 400 "))
        #expect(answer.contains("application/problem+json"))
        #expect(answer.lowercased().contains("x-request-id: "))
        #expect(node.now.batches.isEmpty)
    }

    @Test(arguments: [0, 1_500_000])
    func aBodyLongerThanItsLengthEndsTheConnection(padding: Int) async throws {
        let node = FakeNode()
        let answer = try await talk(node) { connection in
            let message = Self.post(Self.reading + String(repeating: " ", count: padding))
            try connection.send(message + "more than was said\r\n\r\n")
            return try connection.readToEnd()
        }
        #expect(answer.hasPrefix("HTTP/1.1 202 "))
        #expect(answer.contains("HTTP/1.1 400 "))
        #expect(node.now.batches.count == 1)
    }

    @Test(
        arguments: [
            "nonsense\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n",
            "POST /data HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            "POST /data HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "POST /data HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
            "POST /data HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}",
        ])
    func whatIsNotHTTPIs400(bytes: String) async throws {
        let answer = try await talk { connection in
            try connection.send(bytes)
            connection.finishSending()
            return try connection.readToEnd()
        }
        #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(answer)")
        #expect(answer.contains("\"urn:starling:problem:bad-request\""))
        #expect(answer.lowercased().contains("x-request-id: "))
    }

    @Test(arguments: [(1, 20_000), (101, 1)])
    func tooManyHeadersAre431(count: Int, length: Int) async throws {
        let headers = String(repeating: "X-Much: \(String(repeating: "x", count: length))\r\n", count: count)
        let answer = try await talk { connection in
            try connection.send("GET /latest HTTP/1.1\r\nHost: x\r\n\(headers)\r\n")
            connection.finishSending()
            return try connection.readToEnd()
        }
        #expect(answer.hasPrefix("HTTP/1.1 431 "), "\(answer)")
    }

    @Test(arguments: ["//", "/%", "/devices/%F0%9F", "http://x/health", "*", "/a?%zz#b", "/\u{FFFD}", "http://", "x:y"])
    func noTargetStopsTheServer(target: String) async throws {
        let answer = try await talk { connection in
            try connection.send(
                "GET \(target) HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return try connection.readToEnd()
        }
        #expect(answer.hasPrefix("HTTP/1.1 "))
        #expect(answer.hasSuffix("{\"status\":\"healthy\"}") || answer.hasPrefix("HTTP/1.1 400 "), "\(answer)")
    }

    // MARK: Old clients and early ends

    @Test func oldClientsGetAnAnswerThatEndsWithTheConnection() async throws {
        let node = FakeNode()
        node.change { $0.rows = (0..<1500).map { DeviceRow("device-\(10_000 + $0)") } }
        let answer = try await talk(node) { connection in
            try connection.send("GET /devices HTTP/1.0\r\n\r\n")
            return try connection.readToEnd()
        }
        #expect(answer.hasPrefix("HTTP/1.0 200 "))
        #expect(!answer.lowercased().contains("transfer-encoding"))
        #expect(answer.hasSuffix("\"readings\":1}]"))
    }

    @Test func aClientThatClosedItsHalfStillGetsItsAnswer() async throws {
        let answer = try await talk { connection in
            try connection.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            connection.finishSending()
            return try connection.readToEnd()
        }
        #expect(answer.hasSuffix("{\"status\":\"healthy\"}"))
    }

    @Test func anExportThatFailsHalfwayIsCutOffNotEnded() async throws {
        let node = FakeNode()
        let history = (0..<12_000).map { index in
            HistoryPoint(
                time: FakeNode.start.advanced(byMicroseconds: Int64(index) - 20_000), value: 1, score: 0,
                result: .normal)
        }
        node.change { state in
            state.history[HistoryTests.series] = history
            state.historyFailsFrom = 3
        }
        let answer = try await talk(node) { connection in
            try connection.send("GET \(HistoryTests.path) HTTP/1.1\r\nHost: x\r\nAccept: text/csv\r\n\r\n")
            return try connection.readToEnd()
        }
        #expect(answer.contains("timestamp,value,score,result\n"))
        #expect(!answer.hasSuffix("0\r\n\r\n"))
    }

    // MARK: Shutdown

    @Test func aShutdownAnswersWhatRunsAndClosesWhatIdles() async throws {
        let (idle, half) = try await withServer(try makeAPI(FakeNode())) { port, services in
            let connections = try await onOwnThread {
                let idle = try RawConnection(port: port)
                try idle.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                try idle.read(until: "healthy\"}")
                let half = try RawConnection(port: port)
                try half.send(
                    "POST /data HTTP/1.1\r\nHost: x\r\n\(Self.json)Expect: 100-continue\r\nContent-Length: \(Self.reading.utf8.count)\r\n\r\n"
                )
                try half.read(until: "100 Continue\r\n\r\n")
                return UncheckedBox((idle: idle, half: half))
            }
            await services.triggerGracefulShutdown()
            return try await onOwnThread {
                let idle = try connections.value.idle.readToEnd()
                try connections.value.half.send(Self.reading)
                return (idle, try connections.value.half.readToEnd())
            }
        }
        #expect(idle.ranges(of: "HTTP/1.1").count == 1)
        #expect(half.contains("HTTP/1.1 202 "))
    }

    @Test func anAddressThatIsTakenIsSaidInWords() async throws {
        try await withServer(try makeAPI(FakeNode())) { port, _ in
            let second = HTTPAPI(
                node: FakeNode(), settings: HTTPSettings(host: "127.0.0.1", port: port), files: try sharedFiles.get(),
                metrics: PrometheusMetrics(), logger: quietLogger)
            await #expect {
                try await second.makeService().run()
            } throws: { error in
                "\(error)".contains("cannot listen on 127.0.0.1:\(port)") && "\(error)".contains("--http")
            }
        }
    }
}

/// Handed from thread to thread, used by one at a time.
struct UncheckedBox<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) {
        self.value = value
    }
}
