import Foundation
import HTTPAPI
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Ports
import Telemetry
import Testing

@Suite struct OpenAPITests {
    /// `openapi-spec-validator` of PyPI, also Debian's `python3-openapi-spec-validator`.
    @Test func itIsAGoodDocument() async throws {
        let response = try await answer(FakeNode(), .get, "/openapi.json")
        #expect(response.headers[.contentType] == "application/json")
        let file = FileManager.default.temporaryDirectory.appending(path: "starling-\(UUID().uuidString).json")
        try Data(Array(response.body.readableBytesView)).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let (status, said) = try await onOwnThread {
            try Tool.run("python3", ["-m", "openapi_spec_validator", file.path])
        }
        #expect(status == 0, "openapi_spec_validator: \(said)")
    }

    @Test func itHasEveryRouteAndNoOther() async throws {
        let document = try await answer(FakeNode(), .get, "/openapi.json").object
        let paths = try #require(document["paths"] as? [String: [String: Any]])
        #expect(Set(paths.keys) == Set(Route.allCases.map(\.template)))
        for route in Route.allCases {
            let described = Set(paths[route.template].map { $0.keys } ?? [:].keys).subtracting(["parameters"])
            let served = Set(route.methods.map { $0.rawValue.lowercased() }).subtracting(["head"])
            #expect(described == served, "\(route.template)")
        }
    }

    /// What the document says is answered must be what is answered.
    @Test(
        arguments: [
            ("/latest", "LatestDevice", true), ("/devices", "Device", true), ("/anomalies", "Episode", true),
            ("/cluster?scope=all", "Cluster", false), ("/cluster?ring=true", "Cluster", false),
            (HistoryTests.path, "History", false),
            ("/audit", "Decision", true), ("/prune", "PrunePlan", false), ("/mutes", "Mute", true),
            ("/models", "ModelVersion", true), ("/models/t", "Model", false),
            ("/session", "Session", false), ("/nothing", "Problem", false),
        ])
    func answersHaveTheMembersItNames(target: String, schema: String, isList: Bool) async throws {
        let node = OpenAPITests.fullNode()
        let document = try await answer(node, .get, "/openapi.json").object
        let schemas = try #require((document["components"] as? [String: Any])?["schemas"] as? [String: [String: Any]])
        let response = try await answer(node, .get, target)
        let object = isList ? try #require(try response.list.first) : try response.object
        let named = try #require(schemas[schema]?["properties"] as? [String: Any])
        let required = try #require(schemas[schema]?["required"] as? [String])
        #expect(Set(object.keys).isSubset(of: Set(named.keys)), "\(target)")
        #expect(Set(required).isSubset(of: Set(object.keys)), "\(target)")
    }
}

extension OpenAPITests {
    private static func fullNode() -> FakeNode {
        let node = FakeNode()
        let point = HistoryPoint(time: FakeNode.start, value: 1, score: 0, result: .normal)
        node.change { state in
            state.devices = [LatestDevice("d", [LatestMetric("t", 1)])]
            state.rows = [DeviceRow("d")]
            state.history[HistoryTests.series] = [point]
            state.models = [ModelsTests.row(1, .active)]
            state.audit = [
                AuditRow(
                    time: FakeNode.start, job: "prune", device: nil, decision: .wait, reason: "r", token: nil)
            ]
            state.mutes = [Mute(scope: Mute.Scope(), since: FakeNode.start, until: nil, reason: "r")]
            state.anomalies = [
                AnomalyEpisode(
                    id: "e", kind: .silence, series: HistoryTests.series, start: FakeNode.start, peak: FakeNode.start,
                    end: FakeNode.start, score: 1, value: 2, reason: "r", model: .none)
            ]
        }
        return node
    }
}
