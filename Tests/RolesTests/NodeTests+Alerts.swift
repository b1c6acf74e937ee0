import Alerting
import Ports
import Roles
import Synchronization
import Telemetry
import Testing

/// Alerts of one node, with a store in memory and a receiver that is a value.
extension NodeTests {
    private final class Receiver: AlertPoster {
        let targets = [AlertTarget(id: "t", label: "memory")]
        let answers = Mutex<[PostAnswer]>([])
        let content = Mutex<[AlertDelivery]>([])
        var taken: [AlertDelivery] { content.withLock { $0 } }

        func post(_ delivery: AlertDelivery, at time: Instant) async -> PostAnswer {
            content.withLock { $0.append(delivery) }
            return answers.withLock { $0.popLast() } ?? .answered(status: 200, retryAfter: nil)
        }

        func close() async {}
    }

    private final class Ear: LiveSink {
        let content = Mutex<[AnomalyEpisode]>([])
        var heard: [AnomalyEpisode] { content.withLock { $0 } }

        func take(_ batch: LiveBatch) -> Bool {
            content.withLock { $0 += batch.anomalies }
            return true
        }
    }

    private static func spike(_ value: Double, at second: Int64) -> ReadingBatch {
        let series = Series(device: DeviceID(unchecked: "device-0"), metric: Metric(unchecked: "temperature"))
        let time = Instant(microseconds: second * 1_000_000)
        return ReadingBatch(receivedAt: time, readings: [Reading(series: series, time: time, value: value)])
    }

    @Test func alertsGoOutWithoutTheStoreAndAreWrittenDownWhenItIsBack() async throws {
        let store = MemoryStore()
        let receiver = Receiver()
        let clock = NodeClock()
        try await withNode(store: store, telling: AlertTelling(poster: receiver)) { node in
            try await node.accept(Self.series(readings: 1_000))
            try await until { await node.cluster().ledger.pending == 0 }
            // The feed is listened to a moment after the node is ready.
            var second: Int64 = 2_000
            while receiver.taken.isEmpty {
                try await node.accept(Self.spike(1e6, at: second))
                try await node.accept(Self.spike(20.5, at: second + 1))
                second += 2
                let next = clock.moment.advanced(byMicroseconds: 500_000)
                try await until { clock.moment >= next }
            }
            // What is held still comes: the end of the last spike, too.
            let last = "device-0/temperature/\(second - 2)000000/end"
            try await until { receiver.taken.contains { $0.key.deliveryID == last } }
            try await until { receiver.taken.count == 2 * receiver.taken.count { $0.key.event == .end } }
            let known = receiver.taken.count
            store.content.withLock { $0.isAway = true }
            receiver.answers.withLock { $0 = [.answered(status: 500, retryAfter: nil)] }
            try await node.accept(Self.spike(1e9, at: second))
            try await until { receiver.taken.count == known + 2 }
            let sent = receiver.taken.suffix(2)
            #expect(Set(sent.map(\.body)).count == 1)
            #expect(sent.allSatisfy { $0.key.deliveryID == "device-0/temperature/\(second)000000/start" })
            let id = try #require(sent.first).key.alert
            #expect(store.content.withLock { $0.alerting.alerts[id] } == nil)
            store.content.withLock { $0.isAway = false }
            try await until {
                store.content.withLock { content in
                    content.alerting.alerts[id] != nil
                        && content.alerting.deliveries.values.allSatisfy { $0.state == .delivered }
                }
            }
            try await node.accept(Self.spike(20.5, at: second + 1))
            try await until { receiver.taken.last?.key == AlertDelivery.Key(alert: id, event: .end, target: "t") }
            try await until { store.content.withLock { $0.alerting.alerts[id]?.episode.end != nil } }
        }
    }

    /// Found elsewhere: the store tells.
    @Test func incidentsAreInTheFeedAndAmongTheAnomalies() async throws {
        let store = MemoryStore()
        let ear = Ear()
        let time = NodeClock().instant
        let incident = AnomalyEpisode(
            id: "fleet/t/anomaly/1", kind: .fleet,
            series: Series(device: Alert.fleetDevice, metric: Metric(unchecked: "t")), start: time, peak: time,
            end: nil,
            score: 0.9, value: 1, reason: "many", model: .none)
        try await withNode(store: store) { node in
            node.subscribe(ear)
            let alert = Alert(incident, cause: .anomaly, through: time, devices: 7, fate: .unwanted)
            // The first look is no news: told again until it is one.
            try await until {
                var changed = alert
                changed.devices = Int.random(in: 7...1_000_000)
                _ = try await store.record(AlertChange(alerts: [changed]))
                return ear.heard.contains { $0.id == incident.id }
            }
            let query = AnomalyQuery(from: .epoch, to: .distantFuture, limit: 10)
            #expect(try await node.anomalies(query).map(\.id) == [incident.id])
            let mute = try await node.mute(Mute.Scope(device: DeviceID("d")), for: 60_000_000, reason: "r")
            #expect(try await node.mutes() == [try #require(mute)])
            #expect(try await node.unmute(Mute.Scope(device: DeviceID("d"))))
        }
    }
}
