import Foundation
import HTTPAPI
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Ports
import Telemetry
import Testing

@Suite struct LatestTests {
    private func fleet() -> FakeNode {
        let node = FakeNode()
        node.change { state in
            state.devices = [
                LatestDevice("a", [LatestMetric("temperature", 21.5), LatestMetric("x\"y", 40, .learning)]),
                LatestDevice("b", [LatestMetric("t", -0.125, .anomaly, score: 0.75, isSilent: true)], isSilent: true),
            ]
        }
        return node
    }

    @Test func theShapeIsTheContracts() async throws {
        let response = try await answer(fleet(), .get, "/latest")
        #expect(response.status == .ok)
        #expect(response.headers[.contentType] == "application/json")
        #expect(
            response.text
                == #"""
                [{"device_id":"a","timestamp":"2026-11-22T15:04:05.000Z","status":"online","metrics":[\#
                {"type":"temperature","value":21.5,"result":"normal","confidence":0.5,"score":0.25,\#
                "model":"forest@3","timestamp":"2026-11-22T15:04:05.000Z","silent":false},\#
                {"type":"x\"y","value":40,"result":"learning","confidence":0,"score":0,\#
                "model":"none","timestamp":"2026-11-22T15:04:05.000Z","silent":false}]},\#
                {"device_id":"b","timestamp":"2026-11-22T15:04:05.000Z","status":"silent","metrics":[\#
                {"type":"t","value":-0.125,"result":"anomaly","confidence":0.5,"score":0.75,\#
                "model":"forest@3","timestamp":"2026-11-22T15:04:05.000Z","silent":true}]}]
                """#)
    }

    @Test func anEmptyFleetIsAnEmptyList() async throws {
        #expect(try await answer(FakeNode(), .get, "/latest").text == "[]")
    }

    @Test func parametersReachTheNode() async throws {
        let node = fleet()
        _ = try await answer(
            node, .get, "/latest?all=true&device_id=a%2Fb+c&type=t&result=anomaly&limit=7&after=%C3%A4%25&other=1")
        let query = try #require(node.now.latestQueries.first)
        #expect(query.all)
        #expect(query.device?.text == "a/b c")
        #expect(query.metric?.text == "t")
        #expect(query.result == .anomaly)
        #expect(query.limit == 7)
        #expect(query.after?.text == "ä%")
    }

    @Test(
        arguments: [
            ("limit=0", "limit"), ("limit=x", "limit"), ("limit=", "limit"), ("limit=99999999999999999999", "limit"),
            ("all=maybe", "all"), ("result=bad", "result"), ("device_id=", "device_id"), ("type=%00", "type"),
            ("after=%zz", "after"), ("device_id=%FF", "device_id"), ("limit=1&limit=2", "limit"),
        ])
    func badParametersAreNamed(query: String, name: String) async throws {
        let response = try await answer(fleet(), .get, "/latest?" + query)
        try expectProblem(response, .badRequest)
        #expect((try response.object["detail"] as? String)?.contains(name) == true)
        let errors = try #require(try response.object["errors"] as? [[String: Any]])
        #expect(errors.first?["field"] as? String == name)
    }

    @Test func anUnchangedFleetIs304() async throws {
        let node = fleet()
        try await makeAPI(node).makeApplication().test(.router) { client in
            let tag = try #require(try await client.execute(uri: "/latest", method: .get).headers[.eTag])
            #expect(tag.hasPrefix("W/\""))
            for match in [tag, "\"other\", \(tag)", String(tag.dropFirst(2)), "*"] {
                let again = try await client.execute(uri: "/latest", method: .get, headers: [.ifNoneMatch: match])
                #expect(again.status == .notModified)
                #expect(again.body.readableBytes == 0)
                #expect(again.headers[.eTag] == tag)
            }
            let headers: HTTPFields = [.ifNoneMatch: tag]
            #expect(try await client.execute(uri: "/latest?limit=1", method: .get, headers: headers).status == .ok)
            node.change { $0.devices = $0.devices.map { $0.later(by: 1) } }
            #expect(try await client.execute(uri: "/latest", method: .get, headers: headers).status == .ok)
        }
    }

    /// A balancer sends each request to another node.
    @Test func theSameContentHasTheSameTagOnEveryNode() async throws {
        let tag = try #require(try await answer(fleet(), .get, "/latest").headers[.eTag])
        #expect(try await answer(fleet(), .get, "/latest", [.ifNoneMatch: tag]).status == .notModified)
    }

    @Test func membersThatDidNotAnswerAreNamed() async throws {
        let node = fleet()
        try await makeAPI(node).makeApplication().test(.router) { client in
            let tag = try await client.execute(uri: "/latest", method: .get).headers[.eTag]
            node.change { $0.missing = ["n1", "n\r\n2"] }
            let response = try await client.execute(uri: "/latest", method: .get)
            #expect(response.headers[partial] == "n??2, n1")
            #expect(response.headers[.eTag] != tag)
        }
    }

    @Test func largeAnswersLeavePackedIfTheClientSaysSo() async throws {
        let node = FakeNode()
        node.change { $0.devices = (0..<200).map { LatestDevice("device-\($0)", [LatestMetric("t", Double($0))]) } }
        let plain = try await answer(node, .get, "/latest")
        #expect(plain.headers[.contentEncoding] == nil)
        #expect(plain.headers[.vary] == "Accept-Encoding")
        #expect(try plain.list.count == 200)
        for header in ["gzip", "br, gzip;q=0.5", "*"] {
            let packed = try await answer(node, .get, "/latest", [.acceptEncoding: header])
            #expect(packed.headers[.contentEncoding] == "gzip")
            #expect(packed.headers[.contentLength] == String(packed.body.readableBytes))
            #expect(try gunzip(packed) == plain.text)
        }
        for header in ["gzip;q=0", "br", "identity", "*;q=0"] {
            let response = try await answer(node, .get, "/latest", [.acceptEncoding: header])
            #expect(response.headers[.contentEncoding] == nil)
        }
    }

    @Test func headHasTheHeadersAndNoBody() async throws {
        let node = fleet()
        try await makeAPI(node).makeApplication().test(.router) { client in
            let full = try await client.execute(uri: "/latest", method: .get)
            let head = try await client.execute(uri: "/latest", method: .head)
            #expect(head.status == .ok)
            #expect(head.body.readableBytes == 0)
            #expect(head.headers[.contentLength] == String(full.body.readableBytes))
            #expect(head.headers[.eTag] == full.headers[.eTag])
        }
    }
}
