import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Ports
import Telemetry
import Testing

/// Where a series' next reading is expected, in `/latest` and in `/stream`.
@Suite struct ExpectedRangeTests {
    private static let expected = LatestMetric("t", 21.5, expected: -18.25...23)

    private static func fleet(_ metric: LatestMetric) -> FakeNode {
        let node = FakeNode()
        node.change { $0.devices = [LatestDevice("a", [metric, LatestMetric("u", 1)])] }
        return node
    }

    @Test func itIsTwoNumbersAndAbsentIfItIsUnknown() async throws {
        let response = try await answer(Self.fleet(Self.expected), .get, "/latest")
        #expect(response.text.contains(#""silent":false,"expected":[-18.25,23]}"#))
        let metrics = try #require(try response.list.first?["metrics"] as? [[String: Any]])
        #expect(metrics.map { $0["expected"] as? [Double] } == [[-18.25, 23], nil])
        #expect(metrics[1]["expected"] == nil)
        let document = try await answer(FakeNode(), .get, "/openapi.json").object
        let schemas = (document["components"] as? [String: Any])?["schemas"] as? [String: [String: Any]]
        let named = try #require(schemas?["LatestMetric"]?["properties"] as? [String: Any])
        #expect(Set(metrics.flatMap(\.keys)).isSubset(of: Set(named.keys)))
    }

    @Test func itIsNoPartOfTheTag() async throws {
        let with = try await answer(Self.fleet(Self.expected), .get, "/latest")
        let without = try await answer(Self.fleet(LatestMetric("t", 21.5)), .get, "/latest")
        #expect(with.headers[.eTag] == without.headers[.eTag])
        #expect(with.text != without.text)
    }

    @Test func aStreamTellsItToo() async throws {
        let node = FakeNode()
        let row = LiveReading(device: DeviceID(unchecked: "a"), metric: Self.expected)
        let event = try await withServer(try makeAPI(node)) { port, _ in
            try await onOwnThread {
                let reader = try EventReader(port: port)
                node.waitForListeners(1)
                node.publish([row])
                return try reader.nextNamed()
            }
        }
        #expect(try event?.object["expected"] as? [Double] == [-18.25, 23])
    }
}
