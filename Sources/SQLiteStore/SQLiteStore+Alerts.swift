package import Ports
package import Telemetry

extension SQLiteStore: AlertStore {
    package func record(_ change: AlertChange) async throws(StoreError) -> Set<AlertDelivery.Key> {
        try await reaching { () async throws(StoreError) in try await self.writer.record(change) }
    }

    package func alerts(endedSince time: Instant, limit: Int) async throws(StoreError) -> [Alert] {
        try await read("reading alerts") { connection throws(StoreError) in
            try AlertTable.read(endedSince: time, limit: limit, connection)
        }
    }

    package func incidents(_ query: AnomalyQuery) async throws(StoreError) -> [Alert] {
        try await read("reading fleet incidents") { connection throws(StoreError) in
            try AlertTable.incidents(query, connection)
        }
    }

    package func pendingDeliveries(
        to targets: [String], after time: Instant, limit: Int
    ) async throws(StoreError) -> [AlertDelivery] {
        try await read("reading deliveries") { connection throws(StoreError) in
            try DeliveryTable.pending(to: targets, after: time, limit: limit, connection)
        }
    }

    package func mute(_ mute: Mute) async throws(StoreError) -> Bool {
        try await reaching { () async throws(StoreError) in try await self.writer.mute(mute) }
    }

    package func unmute(_ scope: Mute.Scope) async throws(StoreError) -> Bool {
        try await reaching { () async throws(StoreError) in try await self.writer.unmute(scope) }
    }

    package func mutes() async throws(StoreError) -> [Mute] {
        try await read("reading mutes") { connection throws(StoreError) in try MuteTable.read(connection) }
    }
}
