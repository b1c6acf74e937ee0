import Ports
import Synchronization
import Telemetry

extension MemoryStore {
    struct AlertTables: Sendable {
        var alerts: [String: Alert] = [:]
        var deliveries: [AlertDelivery.Key: AlertDelivery] = [:]
        var mutes: [Mute.Scope: Mute] = [:]
    }

    private func keep<Answer: Sendable>(_ body: (inout AlertTables) -> Answer) throws(StoreError) -> Answer {
        try content.withLock { content throws(StoreError) in
            guard !content.isAway else { throw StoreError(.unavailable, "away") }
            return body(&content.alerting)
        }
    }

    func record(_ change: AlertChange) async throws(StoreError) -> Set<AlertDelivery.Key> {
        try keep { tables in
            for alert in change.alerts where tables.alerts[alert.id]?.episode.end == nil {
                tables.alerts[alert.id] = alert
            }
            var fresh: Set<AlertDelivery.Key> = []
            for delivery in change.deliveries {
                if let known = tables.deliveries[delivery.key] {
                    guard known.state == .pending, known.attempts <= delivery.attempts else { continue }
                    tables.deliveries[delivery.key]?.state = delivery.state
                    tables.deliveries[delivery.key]?.attempts = delivery.attempts
                    tables.deliveries[delivery.key]?.next = delivery.next
                } else if !change.known.contains(delivery.key) {
                    tables.deliveries[delivery.key] = delivery
                    fresh.insert(delivery.key)
                }
            }
            return fresh
        }
    }

    func alerts(endedSince time: Instant, limit: Int) async throws(StoreError) -> [Alert] {
        try keep { tables in
            let all = tables.alerts.values.filter { $0.episode.end.map { $0 >= time } ?? true }
            return Array(all.sorted { ($1.episode.start, $0.id) < ($0.episode.start, $1.id) }.prefix(limit))
        }
    }

    func incidents(_ query: AnomalyQuery) async throws(StoreError) -> [Alert] {
        try keep { tables in
            let all = tables.alerts.values.map { $0 }.filter {
                $0.episode.kind == .fleet && $0.episode.start < query.to
                    && ($0.episode.end ?? .distantFuture) >= query.from
                    && (query.device.map { $0 == Alert.fleetDevice } ?? true)
            }
            return Array(all.sorted { $0.episode.start > $1.episode.start }.prefix(query.limit))
        }
    }

    func pendingDeliveries(
        to targets: [String], after time: Instant, limit: Int
    ) async throws(StoreError) -> [AlertDelivery] {
        try keep { tables in
            let all = tables.deliveries.values.filter {
                $0.state == .pending && $0.created > time && targets.contains($0.key.target)
            }
            return Array(all.sorted { ($0.created, $0.key) < ($1.created, $1.key) }.prefix(limit))
        }
    }

    func mute(_ mute: Mute) async throws(StoreError) -> Bool {
        try keep { tables in
            tables.mutes[mute.scope] = mute
            return true
        }
    }

    func unmute(_ scope: Mute.Scope) async throws(StoreError) -> Bool {
        try keep { $0.mutes.removeValue(forKey: scope) != nil }
    }

    func mutes() async throws(StoreError) -> [Mute] {
        try keep { tables in
            tables.mutes.values.sorted { ($0.until ?? .distantFuture) < ($1.until ?? .distantFuture) }
        }
    }
}
