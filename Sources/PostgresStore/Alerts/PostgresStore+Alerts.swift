package import Ports
package import Telemetry

extension PostgresStore: AlertStore {
    package func record(_ change: AlertChange) async throws(StoreError) -> Set<AlertDelivery.Key> {
        try await use(flusher, "writing alerts") { link throws(Failure) in try AlertSQL.record(change, link) }
    }

    package func alerts(endedSince time: Instant, limit: Int) async throws(StoreError) -> [Alert] {
        try await use(searcher, "reading alerts", isRead: true) { link throws(Failure) in
            try AlertSQL.read(endedSince: time, limit: limit, link)
        }
    }

    package func incidents(_ query: AnomalyQuery) async throws(StoreError) -> [Alert] {
        try await use(searcher, "reading fleet incidents", isRead: true) { link throws(Failure) in
            try AlertSQL.incidents(query, link)
        }
    }

    package func pendingDeliveries(
        to targets: [String], after time: Instant, limit: Int
    ) async throws(StoreError) -> [AlertDelivery] {
        try await use(reader, "reading deliveries", isRead: true) { link throws(Failure) in
            try DeliverySQL.pending(to: targets, after: time, limit: limit, link)
        }
    }

    package func mute(_ mute: Mute) async throws(StoreError) -> Bool {
        try await use(upkeep, "muting") { link throws(Failure) in try MuteSQL.mute(mute, link) }
    }

    package func unmute(_ scope: Mute.Scope) async throws(StoreError) -> Bool {
        try await use(upkeep, "lifting a mute") { link throws(Failure) in try MuteSQL.unmute(scope, link) }
    }

    package func mutes() async throws(StoreError) -> [Mute] {
        try await use(reader, "reading mutes", isRead: true) { link throws(Failure) in try MuteSQL.read(link) }
    }
}
