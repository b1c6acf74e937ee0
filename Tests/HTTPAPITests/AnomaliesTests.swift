import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Ports
import Telemetry
import Testing

@Suite struct AnomaliesTests {
    private func node() -> FakeNode {
        let node = FakeNode()
        let series = Series(device: DeviceID(unchecked: "d"), metric: Metric(unchecked: "t"))
        node.change { state in
            state.anomalies = [
                AnomalyEpisode(
                    id: "e1", kind: .anomaly, series: series, start: FakeNode.start,
                    peak: FakeNode.start.advanced(byMicroseconds: 1), end: nil, score: 0.9, value: 99,
                    reason: "far above", model: ModelID(name: "forest", version: 2))
            ]
        }
        return node
    }

    @Test func theShapeIsTheContracts() async throws {
        let response = try await answer(node(), .get, "/anomalies")
        #expect(
            response.text
                == #"""
                [{"id":"e1","kind":"anomaly","device_id":"d","type":"t","start":"2026-11-22T15:04:05.000Z",\#
                "peak":"2026-11-22T15:04:05.000001Z","end":null,"score":0.9,"value":99,"reason":"far above",\#
                "model":"forest@2"}]
                """#)
    }

    @Test func aSilenceHasTheSameShape() async throws {
        let node = FakeNode()
        node.change { state in
            state.anomalies = [
                AnomalyEpisode(
                    id: "d/t/silence/1", kind: .silence,
                    series: Series(device: DeviceID(unchecked: "d"), metric: Metric(unchecked: "t")),
                    start: FakeNode.start, peak: FakeNode.start.advanced(byMicroseconds: 15_000_000),
                    end: FakeNode.start.advanced(byMicroseconds: 20_000_000), score: 0.625, value: 21.5,
                    reason: "nothing heard for 20 s", model: .none)
            ]
        }
        let response = try await answer(node, .get, "/anomalies")
        #expect(
            response.text
                == #"""
                [{"id":"d/t/silence/1","kind":"silence","device_id":"d","type":"t","start":"2026-11-22T15:04:05.000Z",\#
                "peak":"2026-11-22T15:04:20.000Z","end":"2026-11-22T15:04:25.000Z","score":0.625,"value":21.5,\#
                "reason":"nothing heard for 20 s","model":"none"}]
                """#)
    }

    @Test func parametersReachTheNode() async throws {
        let node = node()
        _ = try await answer(node, .get, "/anomalies?from=1000000000&to=2000000000&device_id=d&type=t&limit=3")
        let query = try #require(node.now.anomalyQueries.first)
        #expect(query.from == Instant(microseconds: 1_000_000_000_000_000))
        #expect(query.to == Instant(microseconds: 2_000_000_000_000_000))
        #expect(query.device?.text == "d")
        #expect(query.metric?.text == "t")
        #expect(query.limit == 3)
    }

    @Test func everythingIsTheDefault() async throws {
        let node = node()
        _ = try await answer(node, .get, "/anomalies")
        let query = try #require(node.now.anomalyQueries.first)
        #expect(query.from <= .epoch)
        #expect(query.to > FakeNode.start)
        #expect(query.limit == 100)
    }

    @Test func aStoreThatIsAwayIs503() async throws {
        let node = node()
        node.change { $0.storeError = StoreError(.unavailable, "away") }
        try expectProblem(try await answer(node, .get, "/anomalies"), .serviceUnavailable)
    }

    @Test(arguments: ["limit=1001", "from=x", "from=2000000000&to=1000000000"])
    func badParametersAre400(query: String) async throws {
        try expectProblem(try await answer(node(), .get, "/anomalies?" + query), .badRequest)
    }
}
