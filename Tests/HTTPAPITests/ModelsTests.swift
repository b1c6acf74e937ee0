import Foundation
import HTTPTypes
import HummingbirdTesting
import Ports
import Telemetry
import Testing

@Suite struct ModelsTests {
    static let document = #"{"format":"starling-detector/1","name":"t"}"#

    static func row(_ version: UInt32, _ role: ModelRole, metric: String = "t") -> ModelRow {
        ModelRow(
            ModelVersion(
                metric: Metric(unchecked: metric), model: ModelID(name: metric, version: version), role: role,
                trainedAt: FakeNode.start, readings: 256, alarmRate: version == 1 ? nil : 0.0005),
            document: Array(document.utf8))
    }

    static func node() -> FakeNode {
        let node = FakeNode()
        node.change { state in
            state.models = [
                row(1, .active, metric: "a/b"), row(4, .none), row(3, .shadow), row(2, .active), row(1, .none),
            ]
        }
        return node
    }

    @Test func theListHasTheNewestAndWhatServes() async throws {
        let list = try await answer(Self.node(), .get, "/models").list
        #expect(list.map { $0["model"] as? String } == ["a/b@1", "t@4", "t@3", "t@2"])
        #expect(list.map { $0["active"] as? Bool } == [true, false, false, true])
        #expect(list.map { $0["shadow"] as? Bool } == [false, false, true, false])
        #expect(list[0]["alarm_rate"] is NSNull && list[1]["alarm_rate"] as? Double == 0.0005)
        #expect(list[0]["trained_at"] as? String == "2026-11-22T15:04:05.000Z")
    }

    @Test func oneHasItsDocumentAndItsVersions() async throws {
        let active = try await answer(Self.node(), .get, "/models/t").object
        #expect(active["version"] as? Int == 2 && active["type"] as? String == "t")
        #expect((active["versions"] as? [[String: Any]])?.map { $0["version"] as? Int } == [4, 3, 2, 1])
        #expect((active["document"] as? [String: Any])?["format"] as? String == "starling-detector/1")
        #expect(try await answer(Self.node(), .get, "/models/t?version=4").object["version"] as? Int == 4)
        #expect(try await answer(Self.node(), .get, "/models/a%2Fb").object["model"] as? String == "a/b@1")
        try expectProblem(try await answer(Self.node(), .get, "/models/t?version=9"), .notFound)
        try expectProblem(try await answer(Self.node(), .get, "/models/x"), .notFound)
        try expectProblem(try await answer(Self.node(), .get, "/models/t?version=0"), .badRequest)
        try expectProblem(try await answer(Self.node(), .get, "/models/t/x"), .notFound)
    }

    private func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: String, type: String = "application/json",
        to node: FakeNode
    ) async throws -> TestResponse {
        try await answer(node, method, path, [.contentType: type], body: body)
    }

    @Test func aDocumentIsPut() async throws {
        let node = Self.node()
        let put = try await send(.put, "/models/t", Self.document, to: node)
        #expect(put.status == .created)
        #expect(try put.object["activated"] as? Bool == false)
        let whole = try await answer(node, .get, "/models/t").text
        let again = try await send(.put, "/models/t?activate=true", whole, to: node)
        #expect(try again.object["activated"] as? Bool == true)
        let documents = node.now.documents.map { String(decoding: $0, as: UTF8.self) }
        #expect(documents.count == 2 && documents.allSatisfy { $0.contains("starling-detector") })
        #expect(documents.allSatisfy { !$0.contains("versions") })
        try expectProblem(
            try await send(.put, "/models/t", "x", type: "text/plain", to: node), .unsupportedMediaType)
        let large = String(repeating: " ", count: (8 << 20) + 1)
        try expectProblem(try await send(.put, "/models/t", large, to: node), .contentTooLarge)
        node.change { $0.refusal = .badDocument("trees: is missing") }
        let refused = try await send(.put, "/models/t", "{}", to: node)
        try expectProblem(refused, .badRequest)
        #expect(try (refused.object["detail"] as? String)?.contains("trees: is missing") == true)
    }

    @Test func trainingSaysWhatBecameOfIt() async throws {
        let node = Self.node()
        let report = try await answer(node, .post, "/models/t/train").object
        #expect(report["activated"] as? Bool == true && report["version"] as? Int == 4)
        #expect(report["held_back"] as? Int == 100 && report["alarm_rate_before"] is NSNull)
        #expect(try await answer(node, .post, "/models/t/train?activate=false").object["activated"] as? Bool == false)
        node.change { $0.refusal = .conflict("it is being trained") }
        try expectProblem(try await answer(node, .post, "/models/t/train"), .conflict)
        node.change { $0.refusal = .notFound("nothing stored") }
        try expectProblem(try await answer(node, .post, "/models/t/train"), .notFound)
        node.change { $0.refusal = .store(StoreError(.unavailable, "away")) }
        try expectProblem(try await answer(node, .post, "/models/t/train"), .serviceUnavailable)
        #expect(try await answer(node, .get, "/models/t/train").status == .methodNotAllowed)
    }

    @Test func theShadowSaysWhatItSees() async throws {
        let list = try await answer(Self.node(), .get, "/models/t/shadow").list
        #expect(list.count == 1 && list[0]["result"] as? String == "anomaly" && list[0]["score"] as? Double == 0.75)
        #expect(list[0]["device_id"] as? String == "d" && list[0]["model"] as? String == "t@3")
        try expectProblem(try await answer(FakeNode(), .get, "/models/t/shadow"), .notFound)
        try expectProblem(try await answer(Self.node(), .get, "/models/t/shadow?limit=0"), .badRequest)
    }

    @Test func rolesAreGivenByNumber() async throws {
        let node = Self.node()
        let active = try await send(.post, "/models/t/activate", #"{"version":3}"#, to: node)
        #expect(try active.object["active"] as? Bool == true)
        _ = try await send(.post, "/models/t/shadow", #"{"version":4}"#, to: node)
        let ended = try await send(.post, "/models/t/shadow", #"{"version":null}"#, to: node)
        #expect(try ended.object["shadow"] as? Bool == false)
        #expect(try await answer(node, .post, "/models/t/rollback").object["version"] as? Int == 1)
        #expect(node.now.roles == ["t@3 active", "t@4 shadow", "t@3 none", "t@1 active"])
        for bad in ["", "{}", "[]", #"{"version":0}"#, #"{"version":1.5}"#, #"{"version":"3"}"#, #"{"version":true}"#] {
            try expectProblem(try await send(.post, "/models/t/activate", bad, to: node), .badRequest)
        }
        try expectProblem(try await send(.post, "/models/t/activate", #"{"version":null}"#, to: node), .badRequest)
        try expectProblem(try await send(.post, "/models/t/activate", #"{"version":9}"#, to: node), .notFound)
    }
}
