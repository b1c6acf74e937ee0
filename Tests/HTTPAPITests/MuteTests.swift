import Foundation
import HTTPTypes
import HummingbirdTesting
import Ports
import Telemetry
import Testing

@Suite struct MuteTests {
    private static func post(_ node: FakeNode, _ body: String) async throws -> TestResponse {
        try await answer(node, .post, "/mute", [.contentType: "application/json"], body: body)
    }

    @Test func whatIsMutedIsTold() async throws {
        let node = FakeNode()
        let mute = try await Self.post(
            node, #"{"device_id":"a/b","type":"t","for":"1h","reason":"maintenance"}"#
        ).object
        #expect(mute["device_id"] as? String == "a/b")
        #expect(mute["type"] as? String == "t")
        #expect(mute["since"] as? String == "2026-11-22T15:04:05.000Z")
        #expect(mute["until"] as? String == "2026-11-22T16:04:05.000Z")
        #expect(mute["reason"] as? String == "maintenance")
        let all = try await Self.post(node, #"{"device_id":null}"#).object
        for key in ["device_id", "type", "until"] { #expect(all[key] is NSNull) }
        let list = try await answer(node, .get, "/mutes").list
        #expect(list.map { $0["reason"] as? String } == ["maintenance", ""])
    }

    @Test func aMuteIsLiftedByItsScope() async throws {
        let node = FakeNode()
        for body in [#"{"device_id":"a b"}"#, #"{"type":"t"}"#, "{}"] {
            #expect(try await Self.post(node, body).status == .ok)
        }
        #expect(try await answer(node, .delete, "/mute?device_id=a%20b").status == .noContent)
        try expectProblem(try await answer(node, .delete, "/mute?device_id=a%20b"), .notFound)
        try expectProblem(try await answer(node, .delete, "/mute?device_id=x&type=t"), .notFound)
        #expect(try await answer(node, .delete, "/mute").status == .noContent)
        #expect(node.now.mutes.map(\.scope.metric?.text) == ["t"])
    }

    @Test(
        arguments: [
            ("", nil), ("[]", nil), ("{", nil), ("null", nil), (#"{"device":"a"}"#, "device"),
            (#"{"device_id":1}"#, "device_id"), (#"{"device_id":""}"#, "device_id"), (#"{"type":"a\u0001"}"#, "type"),
            (#"{"for":"soon"}"#, "for"), (#"{"for":3600}"#, "for"),
            ("{\"reason\":\"\(String(repeating: "x", count: 1_025))\"}", "reason"),
        ] as [(String, String?)])
    func badBodiesMuteNothing(body: String, field: String?) async throws {
        let node = FakeNode()
        let response = try await Self.post(node, body)
        try expectProblem(response, .badRequest)
        let errors = try response.object["errors"] as? [[String: Any]]
        #expect(errors?.first?["field"] as? String == field)
        #expect(node.now.mutes.isEmpty)
    }

    @Test func whatDoesNotFitIsRefused() async throws {
        let node = FakeNode()
        try expectProblem(try await answer(node, .post, "/mute", body: "{}"), .unsupportedMediaType)
        let big = "{\"reason\":\"\(String(repeating: "x", count: 20_000))\"}"
        try expectProblem(try await Self.post(node, big), .contentTooLarge)
        node.change { $0.mutesMax = 0 }
        try expectProblem(try await Self.post(node, "{}"), .badRequest)
        try expectProblem(try await answer(node, .get, "/mute"), .methodNotAllowed)
        node.change { $0.storeError = StoreError(.unavailable, "away") }
        try expectProblem(try await Self.post(node, "{}"), .serviceUnavailable)
        try expectProblem(try await answer(node, .delete, "/mute"), .serviceUnavailable)
        try expectProblem(try await answer(node, .get, "/mutes"), .serviceUnavailable)
    }
}
