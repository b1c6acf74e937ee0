import Ports
import Roles
import Synchronization
import Telemetry
import Testing

/// Where next readings are expected, from the outside.
extension NodeTests {
    @Test func aWarmSeriesSaysWhereItsNextReadingIsExpected() async throws {
        try await withNode(store: MemoryStore()) { node in
            let listener = Listener()
            node.subscribe(listener)
            try await node.accept(Self.series(readings: 400))
            try await until { await node.cluster().ledger.pending == 0 }
            // Its receipt was in 1970: it is silent.
            #expect(await node.latest(Self.all).devices.first?.metrics.first?.expected == nil)

            // Some readings more, as they come now; the values are 20 to 21.
            for offset in 0..<4 { try await Self.say(20.5 + Double(offset) / 10, to: node) }
            var expected: ClosedRange<Double>?
            try await until {
                expected = await node.latest(Self.all).devices.first?.metrics.first?.expected
                return expected != nil
            }
            let range = try #require(expected)
            #expect(range.contains(20.1) && range.contains(20.9))
            #expect(range.lowerBound > 15 && range.upperBound < 26)
            try await until {
                try await Self.say(20.5, to: node)
                return listener.expected.withLock { !$0.isEmpty }
            }
            #expect(listener.expected.withLock { $0 }.allSatisfy { $0.contains(20.5) })
        }
    }

    private static func say(_ value: Double, to node: Node) async throws {
        let series = Series(device: DeviceID(unchecked: "device-0"), metric: Metric(unchecked: "temperature"))
        let now = node.receiptTime()
        try await node.accept(
            ReadingBatch(receivedAt: now, readings: [Reading(series: series, time: now, value: value)]))
    }

    private final class Listener: LiveSink {
        let expected = Mutex<[ClosedRange<Double>]>([])

        func take(_ batch: LiveBatch) -> Bool {
            expected.withLock { $0 += batch.readings.compactMap(\.metric.expected) }
            return true
        }
    }
}
