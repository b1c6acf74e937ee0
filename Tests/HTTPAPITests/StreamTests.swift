import Foundation
import HTTPAPI
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Ports
import ServiceLifecycle
import Telemetry
import Testing

/// `GET /stream` as its clients see it: events on a socket.
@Suite struct StreamTests {
    /// Leads a talk with a server over `node`, on a thread that may block.
    private func talk<Value: Sendable>(
        _ node: FakeNode, settings: (inout HTTPSettings) -> Void = { _ in },
        _ talk: @escaping @Sendable (_ port: Int) throws -> Value
    ) async throws -> Value {
        try await withServer(try makeAPI(node, settings: settings)) { port, _ in
            try await onOwnThread { try talk(port) }
        }
    }

    @Test func theShapeIsTheContracts() async throws {
        let node = FakeNode()
        let (head, events) = try await talk(node) { port in
            let reader = try EventReader(port: port, headers: "Accept-Encoding: gzip\r\n")
            node.waitForListeners(1)
            node.publish([LiveReading("a", "t", 21.5)], anomalies: [AnomalyEpisode("a", "t")])
            let events = [try reader.next(), try reader.next(), try reader.next()]
            return (reader.head.lowercased(), events)
        }
        #expect(head.hasPrefix("http/1.1 200 "))
        #expect(head.contains("\r\ncontent-type: text/event-stream\r\n"))
        #expect(head.contains("\r\ncache-control: no-store\r\n"))
        #expect(head.contains("\r\nx-request-id: "))
        #expect(!head.contains("content-encoding"))
        #expect(events[0]?.comments == [": starling"])
        let id = "2026-11-22T15:04:05.250Z"
        let reading =
            #"{"device_id":"a","type":"t","value":21.5,"result":"normal","confidence":0.5,"score":0.25,"#
            + #""model":"forest@3","timestamp":"2026-11-22T15:04:05.000Z","silent":false}"#
        #expect(events[1] == EventReader.Event(name: "reading", id: id, data: reading))
        let episode =
            #"{"id":"e","kind":"anomaly","device_id":"a","type":"t","start":"2026-11-22T15:04:05.000Z","#
            + #""peak":"2026-11-22T15:04:05.000Z","end":null,"score":0.75,"value":99,"reason":"far off","#
            + #""model":"forest@3"}"#
        #expect(events[2] == EventReader.Event(name: "anomaly", id: id, data: episode))
    }

    @Test func aSilenceIsARowAndAnEpisode() async throws {
        let node = FakeNode()
        let row = LiveReading(device: DeviceID(unchecked: "a"), metric: LatestMetric("t", 21.5, isSilent: true))
        let silence = AnomalyEpisode(
            id: "s", kind: .silence, series: row.series, start: FakeNode.start, peak: FakeNode.start, end: nil,
            score: 0.5,
            value: 21.5, reason: "nothing heard", model: .none)
        let events = try await talk(node) { port in
            let reader = try EventReader(port: port)
            node.waitForListeners(1)
            node.publish([row], anomalies: [silence])
            return [try reader.nextNamed(), try reader.nextNamed()]
        }
        #expect(events.map { $0?.name } == ["reading", "anomaly"])
        #expect(try events[0]?.object["silent"] as? Bool == true)
        #expect(try events[1]?.object["kind"] as? String == "silence")
        #expect(try events[1]?.object["end"] is NSNull)
    }

    /// Each line end of a name would end the event.
    @Test func namesCannotBreakOutOfTheirEvent() async throws {
        let node = FakeNode()
        let name = "x\"\u{2028}\\ event: y"
        let event = try await talk(node) { port in
            let reader = try EventReader(port: port)
            node.waitForListeners(1)
            node.publish([LiveReading(name, "t", 1)])
            return try reader.nextNamed()
        }
        #expect(event?.name == "reading")
        #expect(try event?.object["device_id"] as? String == name)
    }

    @Test(
        arguments: [
            ("device_id=a", ["a t normal", "a u anomaly", "anomaly"]),
            ("type=t", ["a t normal", "b t learning", "anomaly"]),
            ("result=anomaly", ["a u anomaly", "anomaly"]), ("result=learning", ["b t learning"]),
            ("device_id=a&type=u&result=normal", []),
        ])
    func filtersNarrowIt(query: String, expected: [String]) async throws {
        let node = FakeNode()
        let told = try await talk(node) { port in
            let reader = try EventReader(port: port, "/stream?" + query)
            node.waitForListeners(1)
            node.publish(
                [LiveReading("a", "t", 1), LiveReading("a", "u", 1, .anomaly), LiveReading("b", "t", 1, .learning)],
                anomalies: [AnomalyEpisode("a", "t")])
            // Something that passes every filter marks the end.
            node.publish(
                ["a", "b"].flatMap { device in
                    ["t", "u"].flatMap { type in
                        ScoreResult.allCases.map { LiveReading(device, type, -1, $0) }
                    }
                })
            var told: [String] = []
            while let event = try reader.nextNamed() {
                let object = try event.object
                if object["value"] as? Double == -1 { break }
                let words = [object["device_id"], object["type"], object["result"]].compactMap { $0 as? String }
                told.append(event.name == "anomaly" ? "anomaly" : words.joined(separator: " "))
            }
            return told
        }
        #expect(told == expected)
    }

    @Test(arguments: ["result=bad", "device_id=", "type=%00"])
    func badParametersAreNamed(query: String) async throws {
        try expectProblem(try await answer(FakeNode(), .get, "/stream?" + query), .badRequest)
    }

    @Test func aSeriesIsToldFourTimesASecondAtMost() async throws {
        let node = FakeNode()
        let values = try await talk(node) { port in
            let reader = try EventReader(port: port)
            node.waitForListeners(1)
            _ = try reader.next()
            var values: [Double] = []
            // A second and a half of readings every 50 ms, then a quiet one; read on the way, for nothing may pile up.
            for step in 0..<30 {
                node.publish([LiveReading("a", "t", Double(step))], after: 0.05)
                node.publish([LiveReading("mark", "\(step)", 0)], after: 0)
                while let object = try reader.nextNamed()?.object, object["device_id"] as? String == "a" {
                    values.append(try #require(object["value"] as? Double))
                }
            }
            node.publish([], after: 0.25)
            values.append(try #require(try reader.nextNamed()?.object["value"] as? Double))
            return values
        }
        #expect(values == [0, 5, 10, 15, 20, 25, 29])
    }

    @Test func aQuietStreamSaysThatItIsAlive() async throws {
        let events = try await talk(FakeNode(), settings: { $0.streamHeartbeat = .milliseconds(5) }) { port in
            let reader = try EventReader(port: port)
            return [try reader.next(), try reader.next(), try reader.next()].compactMap { $0 }
        }
        let heartbeat = EventReader.Event(comments: [": heartbeat"])
        #expect(events.dropFirst() == [heartbeat, heartbeat])
    }

    // MARK: Coming back

    @Test func whoComesBackIsToldWhatItMissedFirst() async throws {
        let node = FakeNode()
        node.change { state in
            state.devices = [LatestDevice("a", [LatestMetric("t", 5), LatestMetric("u", 6)])]
            state.missing = ["n2", "n1"]
        }
        let id = "2026-11-22T15:03:00.000Z"
        let events = try await talk(node) { port in
            let reader = try EventReader(port: port, "/stream?device_id=a", headers: "Last-Event-ID: \(id)\r\n")
            node.waitForListeners(1)
            node.publish([LiveReading("a", "t", 7)])
            return try (0..<4).map { _ in try reader.nextNamed() }
        }
        #expect(events.map { $0?.name } == ["resync", "reading", "reading", "reading"])
        #expect(events[0]?.data == #"{"since":"2026-11-22T15:02:50.000Z","devices":1,"partial":["n1","n2"]}"#)
        // Cut off in between it asks for the same again.
        #expect(events[0...2].allSatisfy { $0?.id == id })
        #expect(try events.dropFirst().map { try $0?.object["value"] as? Double } == [5, 6, 7])
        #expect(events[3]?.id != id)
        let query = try #require(node.now.latestQueries.first)
        #expect(query.since?.description == "2026-11-22T15:02:50.000Z")
        #expect(query.device?.text == "a")
        #expect(query.all)
    }

    @Test func whoComesForTheFirstTimeIsToldOnlyWhatIsNew() async throws {
        let node = FakeNode()
        node.change { $0.devices = [LatestDevice("a", [LatestMetric("t", 5)])] }
        let event = try await talk(node) { port in
            let reader = try EventReader(port: port)
            node.waitForListeners(1)
            node.publish([LiveReading("a", "t", 7)])
            return try reader.nextNamed()
        }
        #expect(try event?.object["value"] as? Double == 7)
        #expect(node.now.latestQueries.isEmpty)
    }

    // MARK: Limits

    @Test func aReaderThatTakesNothingIsDroppedAndNobodyWaits() async throws {
        let node = FakeNode()
        let text = try await talk(node) { port in
            let slow = try EventReader(port: port, receiveBytes: 4_096)
            let fast = try EventReader(port: port)
            node.waitForListeners(2)
            let many = (0..<4_000).map { LiveReading("device-\($0)", "t", Double($0)) }
            // First more than kernels keep for a reader, then more batches than the node does.
            for step in 0..<100 where node.now.sinks.count == 2 {
                node.publish((step < 5 ? many : []) + [LiveReading("mark", "\(step)", 0)])
                while let event = try fast.nextNamed(), !event.data.contains("\"mark\"") {}
            }
            #expect(node.now.sinks.count == 1)
            // To its end, which is none of a whole stream.
            while let more = try? slow.connection.receive(), !more.isEmpty {}
            node.publish([LiveReading("after", "t", 0)])
            #expect(try fast.nextNamed()?.data.contains("after") == true)
            let metrics = try RawConnection(port: port)
            try metrics.send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return try metrics.readToEnd()
        }
        #expect(text.contains("\nstarling_http_streams_dropped_total 1\n"))
        #expect(text.contains("\nstarling_http_streams 1\n"))
    }

    @Test func thereAreNoMoreStreamsThanThereMayBe() async throws {
        let node = FakeNode()
        try await talk(node, settings: { $0.streamsMax = 1 }) { port in
            func status() throws -> String {
                let reader = try EventReader(port: port)
                try reader.readHead()
                return reader.head.lowercased()
            }
            do {
                let first = try EventReader(port: port)
                try first.readHead()
                let refused = try status()
                #expect(refused.hasPrefix("http/1.1 503 "))
                #expect(refused.contains("\r\nretry-after: "))
                #expect(refused.contains("\r\ncontent-type: application/problem+json\r\n"))
            }
            // The first one is gone: its seat is free when the node finds out, by what it says into the void.
            let end = Date(timeIntervalSinceNow: 20)
            var isFree = false
            while !isFree, Date() < end {
                node.publish([LiveReading("a", "t", 1)])
                isFree = try status().hasPrefix("http/1.1 200 ")
            }
            #expect(isFree)
        }
    }

    @Test func headTakesNoSeat() async throws {
        let node = FakeNode()
        try await makeAPI(node, settings: { $0.streamsMax = 0 }).makeApplication().test(.router) { client in
            let head = try await client.execute(uri: "/stream", method: .head)
            #expect(head.status == .ok)
            #expect(head.headers[.contentType] == "text/event-stream")
            try expectProblem(try await client.execute(uri: "/stream", method: .get), .serviceUnavailable)
        }
    }

    // MARK: The end

    @Test func aStopEndsStreamsCleanly() async throws {
        let node = FakeNode()
        let (last, hasCleanEnd) = try await withServer(try makeAPI(node)) { port, services in
            let reader = try await onOwnThread {
                let reader = try EventReader(port: port)
                node.waitForListeners(1)
                _ = try reader.next()
                node.publish([LiveReading("a", "t", 1)])
                return UncheckedBox(reader)
            }
            await services.triggerGracefulShutdown()
            return try await onOwnThread {
                var last: EventReader.Event?
                while let event = try reader.value.next() { last = event }
                #expect(try reader.value.connection.receive().isEmpty)
                return (last, reader.value.hasCleanEnd)
            }
        }
        #expect(last?.name == "reading")
        #expect(hasCleanEnd)
    }

    /// A node has a few seconds for all of its stop.
    @Test func aStopDoesNotWaitForAReaderThatTakesNothing() async throws {
        let node = FakeNode()
        let (reader, start) = try await withServer(try makeAPI(node)) { port, _ in
            try await onOwnThread {
                let reader = try EventReader(port: port, receiveBytes: 4_096)
                node.waitForListeners(1)
                let many = (0..<8_000).map { LiveReading("device-\($0)", "t", Double($0)) }
                // More than the kernel takes, and not enough to be dropped for it.
                for _ in 0..<HTTPLimits.streamBatchesMax - 2 { node.publish(many) }
                #expect(node.now.sinks.count == 1)
                return (UncheckedBox(reader), ContinuousClock.now)
            }
        }
        // A second and what a busy machine takes; without a limit of its own, it would be the stall's.
        #expect(ContinuousClock.now - start < .seconds(HTTPLimits.writeStallSecondsMax / 2))
        withExtendedLifetime(reader) {}
    }
}
