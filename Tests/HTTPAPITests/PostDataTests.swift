import Foundation
import HTTPAPI
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Ports
import ReadingFormats
import Telemetry
import Testing

@Suite struct PostDataTests {
    static let message = #"""
        {"device_id":"device-01","timestamp":"2026-11-22T15:04:05Z","metrics":[\#
        {"type":"temperature","value":21.5},{"type":"humidity","value":40}]}
        """#

    @Test func oneMessageIsAccepted() async throws {
        let node = FakeNode()
        let response = try await post(node, Self.message)
        #expect(response.status == .accepted)
        #expect(response.headers[.contentType] == "application/json")
        #expect(response.text == #"{"status":"Data accepted","accepted":2,"rejected":0}"#)
        let batch = try #require(node.now.batches.first)
        #expect(batch.count == 2)
        #expect(batch[0].value == 21.5)
        #expect(batch[1].series.metric.text == "humidity")
        #expect(batch[0].time == FakeNode.start)
        #expect(node.now.rejected == 0)
    }

    @Test(arguments: ["application/json", "application/json; charset=utf-8", "Application/JSON"])
    func arraysAreAccepted(type: String) async throws {
        let node = FakeNode()
        let response = try await post(node, "[\(Self.message),\(Self.message)]", type: type)
        #expect(response.status == .accepted)
        #expect(node.now.batches.first?.count == 4)
    }

    @Test func linesAreAccepted() async throws {
        let node = FakeNode()
        let response = try await post(
            node, "\(Self.message)\n\n{broken\n\(Self.message)\n", type: "application/x-ndjson")
        #expect(response.status == .accepted)
        let object = try response.object
        #expect(object["accepted"] as? Int == 4)
        #expect(object["rejected"] as? Int == 1)
        let error = try #require((object["errors"] as? [[String: Any]])?.first)
        #expect(error["index"] as? Int == 2)
        #expect(error["field"] is String)
        #expect(error["reason"] is String)
        #expect(node.now.rejected == 1)
    }

    @Test func aMissingTimeBecomesTheReceiptTime() async throws {
        let node = FakeNode()
        _ = try await post(node, #"{"device_id":"d","metrics":[{"type":"t","value":1}]}"#)
        let time = try #require(node.now.batches.first?.times.first)
        #expect(time > FakeNode.start)
        #expect(time <= node.receiptTime())
    }

    @Test(arguments: [nil, "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json"])
    func otherMediaTypesAre415(type: String?) async throws {
        let node = FakeNode()
        let headers: HTTPFields = type.map { [.contentType: $0] } ?? [:]
        try expectProblem(
            try await answer(node, .post, "/data", headers, body: Self.message), .unsupportedMediaType)
        #expect(node.now.batches.isEmpty)
    }

    @Test func otherCodingsAre415AndSayWhatIsTaken() async throws {
        let response = try await answer(
            FakeNode(), .post, "/data", [.contentType: "application/json", .contentEncoding: "br"], body: "x")
        try expectProblem(response, .unsupportedMediaType)
        #expect(response.headers[.acceptEncoding] == "gzip")
    }

    @Test(
        arguments: [
            "", "  \n", "{", "[\(PostDataTests.message)", "nonsense", "[]", "{}",
            #"{"device_id":"d","metrics":[]}"#, #"{"device_id":"","metrics":[{"type":"t","value":1}]}"#,
        ])
    func nothingAcceptableIs400(body: String) async throws {
        let node = FakeNode()
        try expectProblem(try await post(node, body), .badRequest)
        #expect(node.now.batches.isEmpty)
    }

    @Test func refusedItemsAreListedAndCounted() async throws {
        let node = FakeNode()
        let bad = #"{"device_id":"d","metrics":[{"type":"t","value":1e400}]}"#
        let response = try await post(node, "[\(bad),\(bad)]")
        try expectProblem(response, .badRequest)
        let errors = try #require(try response.object["errors"] as? [[String: Any]])
        #expect(errors.map { $0["index"] as? Int } == [0, 1])
        #expect(errors.first?["field"] as? String == "metrics[0].value")
        #expect(node.now.rejected == 2)
    }

    @Test func theOrderOfChecksIsTheContracts() async throws {
        let huge = String(repeating: " ", count: ReadingParser.bodyByteCountMax + 1)
        // 415 before 413, 413 before 400.
        try expectProblem(try await post(FakeNode(), huge, type: "text/plain"), .unsupportedMediaType)
        try expectProblem(try await post(FakeNode(), huge), .contentTooLarge)
        try expectProblem(
            try await post(FakeNode(), String(huge.dropLast())), .badRequest)
    }

    @Test(
        arguments: [
            (AcceptError.logFull(retryAfterSeconds: 17), "17"), (.draining, "5"), (.logFailed("EIO at /secret"), "5"),
        ])
    func whatTheLogCannotTakeIs503(error: AcceptError, retryAfter: String) async throws {
        let node = FakeNode()
        node.change { $0.acceptError = error }
        let response = try await post(node, Self.message)
        try expectProblem(response, .serviceUnavailable)
        #expect(response.headers[.retryAfter] == retryAfter)
        #expect(!response.text.contains("secret"))
    }

    @Test func whatAClientSentIsNeverEchoedUnescaped() async throws {
        let evil = #"\"}<script>alert(1)</script>"#
        let response = try await post(
            FakeNode(), #"[{"device_id":"\#(evil)","metrics":[{"type":"t","value":"\#(evil)"}]},{"\#(evil)":1}]"#)
        try expectProblem(response, .badRequest)
    }

    // MARK: gzip

    private func postPacked(_ node: FakeNode, _ bytes: [UInt8]) async throws -> TestResponse {
        try await makeAPI(node).makeApplication().test(.router) { client in
            try await client.execute(
                uri: "/data", method: .post, headers: [.contentType: "application/json", .contentEncoding: "gzip"],
                body: ByteBuffer(bytes: bytes))
        }
    }

    @Test func packedBodiesAreUnpacked() async throws {
        let node = FakeNode()
        let response = try await postPacked(node, GzipEncoder.encode(Array("[\(Self.message)]".utf8)))
        #expect(response.status == .accepted)
        #expect(node.now.batches.first?.count == 2)
    }

    @Test func aBodyThatSwellsIs413() async throws {
        let bomb = GzipEncoder.encode([UInt8](repeating: 0x20, count: ReadingParser.bodyByteCountMax + 1))
        #expect(bomb.count < 50_000)
        try expectProblem(try await postPacked(FakeNode(), bomb), .contentTooLarge)
    }

    @Test func brokenGzipIs400() async throws {
        let good = GzipEncoder.encode(Array(Self.message.utf8))
        try expectProblem(try await postPacked(FakeNode(), Array(good.dropLast(9))), .badRequest)
        try expectProblem(try await postPacked(FakeNode(), Array("not gzip at all".utf8)), .badRequest)
        try expectProblem(try await postPacked(FakeNode(), []), .badRequest)
    }
}
