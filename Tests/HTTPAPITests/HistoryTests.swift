import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Ports
import Telemetry
import Testing

@Suite struct HistoryTests {
    static let series = Series(device: DeviceID(unchecked: "d/1"), metric: Metric(unchecked: "t"))
    static let path = "/history?device_id=d%2F1&type=t"

    /// One point a millisecond, up to `start`; every 997th anomalous.
    private func node(points: Int) -> FakeNode {
        let history = (0..<points).map { index -> HistoryPoint in
            let isAnomaly = index % 997 == 0
            let offset = Int64(index - points) * 1000
            return HistoryPoint(
                time: FakeNode.start.advanced(byMicroseconds: offset), value: Double(index % 50) + 0.5,
                score: isAnomaly ? 0.9 : 0.1, result: isAnomaly ? .anomaly : .normal)
        }
        let node = FakeNode()
        node.change { $0.history[Self.series] = history }
        return node
    }

    @Test func theShapeIsTheContracts() async throws {
        let response = try await answer(node(points: 2), .get, Self.path)
        #expect(
            response.text
                == #"""
                {"device_id":"d/1","type":"t","points":[\#
                {"timestamp":"2026-11-22T15:04:04.998Z","value":0.5,"score":0.9,"result":"anomaly"},\#
                {"timestamp":"2026-11-22T15:04:04.999Z","value":1.5,"score":0.1,"result":"normal"}]}
                """#)
    }

    @Test(arguments: [(1, 1000), (999, 1000), (1000, 1000), (25_001, 1000), (25_001, 1), (25_001, 2), (25_001, 10)])
    func longRangesAreReduced(count: Int, max: Int) async throws {
        let path = max == 1000 ? Self.path : Self.path + "&points=\(max)"
        let response = try await answer(node(points: count), .get, path)
        let points = try #require(try response.object["points"] as? [[String: Any]])
        #expect(points.count <= max)
        #expect(points.count >= min(count, max) / 2)
        let times = points.compactMap { $0["timestamp"] as? String }
        #expect(times == times.sorted())
        if max == 1000 {
            #expect(points.count { $0["result"] as? String == "anomaly" } == (count + 996) / 997)
        }
    }

    /// What stands for all of it, where the store has that; who takes the readings away gets them all.
    @Test func aLongChartIsDrawnFromItsOutline() async throws {
        let node = node(points: 25_000)
        node.change { state in
            let all = state.history[Self.series] ?? []
            state.outlines[Self.series] = stride(from: 0, to: all.count, by: 100).map { all[$0] }
        }
        let chart = try await answer(node, .get, Self.path)
        #expect((try chart.object["points"] as? [Any])?.count == 250)
        #expect(node.now.historyCalls == 0)
        let export = try await answer(node, .get, Self.path, [.accept: "text/csv"])
        #expect(export.text.split(separator: "\n").count == 25_001)
    }

    @Test(arguments: ["text/csv", "text/*;q=0.9, application/json;q=0.1"])
    func csvExportsAll(accept: String) async throws {
        let response = try await answer(node(points: 12_345), .get, Self.path, [.accept: accept])
        #expect(response.headers[.contentType] == "text/csv; charset=utf-8")
        let lines = response.text.split(separator: "\n")
        #expect(lines.count == 12_346)
        #expect(lines[0] == "timestamp,value,score,result")
        #expect(lines[1] == "2026-11-22T15:03:52.655Z,0.5,0.9,anomaly")
        #expect(response.text.hasSuffix("\n"))
    }

    @Test func ndjsonExportsAll() async throws {
        let response = try await answer(node(points: 5_000), .get, Self.path, [.accept: "application/x-ndjson"])
        #expect(response.headers[.contentType] == "application/x-ndjson")
        let lines = response.text.split(separator: "\n")
        #expect(lines.count == 5_000)
        #expect(lines[4_999] == #"{"timestamp":"2026-11-22T15:04:04.999Z","value":49.5,"score":0.1,"result":"normal"}"#)
    }

    @Test func exportsLeavePacked() async throws {
        let plain = try await answer(node(points: 6_000), .get, Self.path, [.accept: "text/csv"])
        let packed = try await answer(
            node(points: 6_000), .get, Self.path, [.accept: "text/csv", .acceptEncoding: "gzip"])
        #expect(packed.headers[.contentEncoding] == "gzip")
        #expect(try gunzip(packed) == plain.text)
    }

    @Test(
        arguments: [
            "from=2026-11-22T15:04:03Z&to=2026-11-22T15:04:04Z", "from=1795359843&to=1795359844",
            "from=1795359843000&to=1795359844000.0",
            "from=2026-11-22T16:04:03+01:00&to=2026-11-22T16%3A04%3A04%2B01:00",
        ])
    func rangesAreHalfOpen(range: String) async throws {
        let response = try await answer(node(points: 5_000), .get, Self.path + "&" + range)
        let points = try #require(try response.object["points"] as? [[String: Any]])
        #expect(points.count == 1000)
        #expect(points.first?["timestamp"] as? String == "2026-11-22T15:04:03.000Z")
        #expect(points.last?["timestamp"] as? String == "2026-11-22T15:04:03.999Z")
    }

    @Test func anUnknownSeriesIs404() async throws {
        try expectProblem(try await answer(node(points: 1), .get, "/history?device_id=no&type=t"), .notFound)
        let accept: HTTPFields = [.accept: "text/csv"]
        try expectProblem(try await answer(node(points: 1), .get, "/history?device_id=no&type=t", accept), .notFound)
    }

    @Test func aStoreThatIsAwayIs503() async throws {
        let node = node(points: 1)
        node.change { $0.storeError = StoreError(.unavailable, "password=secret") }
        let response = try await answer(node, .get, Self.path)
        try expectProblem(response, .serviceUnavailable)
        #expect(response.headers[.retryAfter] != nil)
        #expect(!response.text.contains("secret"))
    }

    @Test(
        arguments: [
            ("/history?type=t", "device_id"), ("/history?device_id=d", "type"),
            (HistoryTests.path + "&from=yesterday", "from"), (HistoryTests.path + "&to=1e300", "to"),
            (HistoryTests.path + "&to=nan", "to"), (HistoryTests.path + "&points=0", "points"),
            (HistoryTests.path + "&points=10001", "points"), (HistoryTests.path + "&from=5&to=4", "from"),
        ])
    func badParametersAreNamed(target: String, name: String) async throws {
        let response = try await answer(node(points: 1), .get, target)
        try expectProblem(response, .badRequest)
        let errors = try #require(try response.object["errors"] as? [[String: Any]])
        #expect(errors.first?["field"] as? String == name)
    }
}
