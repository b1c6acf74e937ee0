package import Ports
package import Telemetry

/// The pruner's calls.
extension SQLiteStore: PruneStore {
    package func elect(_ holder: String) async throws(StoreError) -> FencingToken {
        try await reaching { () async throws(StoreError) in try await self.writer.elect(holder) }
    }

    package func beginRun(_ token: FencingToken, every period: Int64) async throws(StoreError) -> RunTurn {
        try await reaching { () async throws(StoreError) in try await self.writer.beginRun(token, every: period) }
    }

    package func endRun(_ result: String, waiting: Waiting?, _ token: FencingToken) async throws(StoreError) {
        try await reaching { () async throws(StoreError) in
            try await self.writer.endRun(result, waiting: waiting, token)
        }
    }

    package func failRun(_ result: String, _ token: FencingToken) async throws(StoreError) {
        try await reaching { () async throws(StoreError) in try await self.writer.failRun(result, token) }
    }

    package func revoke(_ members: [String], _ token: FencingToken) async throws(StoreError) {
        try await reaching { () async throws(StoreError) in try await self.writer.revoke(members, token) }
    }

    package func tick(atMost total: Int64) async throws(StoreError) -> Tick? {
        try await read("reading a tick") { connection throws(StoreError) in
            try JobTable.tick(atMost: total, connection)
        }
    }

    package func write(_ tick: Tick, keepingFrom oldest: Int64, _ token: FencingToken) async throws(StoreError) {
        try await reaching { () async throws(StoreError) in
            try await self.writer.write(tick, keepingFrom: oldest, token)
        }
    }

    package func takeBackTicks(after time: Instant, _ token: FencingToken) async throws(StoreError) {
        try await reaching { () async throws(StoreError) in try await self.writer.takeBackTicks(after: time, token) }
    }

    package func approve(_ reason: String?) async throws(StoreError) -> Waiting? {
        try await reaching { () async throws(StoreError) in try await self.writer.approve(reason) }
    }

    package func audit(limit: Int) async throws(StoreError) -> [AuditRow] {
        try await read("reading the audit") { connection throws(StoreError) in
            try AuditTable.read(limit: limit, connection)
        }
    }

    package func job() async throws(StoreError) -> JobRow? {
        try await read("reading the pruner's job") { connection throws(StoreError) in
            try JobTable.read(connection)?.row
        }
    }

    // MARK: Devices

    package func census(_ query: CensusQuery) async throws(StoreError) -> Census {
        try await read("counting devices") { connection throws(StoreError) in
            try SilentDevices.census(query, connection)
        }
    }

    package func silentDevices(
        heardThrough time: Instant, isHidden: Bool?, limit: Int
    ) async throws(StoreError) -> [SilentDevice] {
        try await read("reading silent devices") { connection throws(StoreError) in
            try SilentDevices.search(heardThrough: time, isHidden: isHidden, limit: limit, connection)
        }
    }

    package func hide(
        heardThrough time: Instant, limit: Int, reason: String, _ token: FencingToken
    ) async throws(StoreError) -> [DeviceID] {
        try await reaching { () async throws(StoreError) in
            try await self.writer.hide(heardThrough: time, limit: limit, reason: reason, token)
        }
    }

    package func delete(
        _ devices: [SilentDevice], reason: String, _ token: FencingToken
    ) async throws(StoreError) -> [Tombstone] {
        try await reaching { () async throws(StoreError) in
            try await self.writer.delete(devices, reason: reason, token)
        }
    }

    package func restore(_ device: DeviceID) async throws(StoreError) -> Instant? {
        try await reaching { () async throws(StoreError) in try await self.writer.restore(device) }
    }

    package func dropReadings(
        before time: Instant, after cursor: RetentionCursor?, _ token: FencingToken
    ) async throws(StoreError) -> RetentionPart {
        try await reaching { () async throws(StoreError) in
            try await self.writer.dropReadings(before: time, after: cursor, token)
        }
    }
}

extension SQLiteStore: SilenceStore {
    /// In transactions of their own, so that no other writer waits for all of them.
    package func note(_ silences: [Silence], ended: [SilenceEnd]) async throws(StoreError) -> [Series] {
        try await reaching { () async throws(StoreError) in
            var unknown: [Series] = []
            var (begun, over) = (silences[...], ended[...])
            while !begun.isEmpty || !over.isEmpty {
                let part = begun.prefix(StoreLimits.flushRowsPerTransaction)
                // Ends behind all beginnings: they may be of these.
                let ends = part.count < begun.count ? [] : over.prefix(StoreLimits.flushRowsPerTransaction)
                unknown += try await self.writer.note(part, ended: ends)
                begun = begun.dropFirst(part.count)
                over = over.dropFirst(ends.count)
            }
            return unknown
        }
    }

    package func silences(_ query: AnomalyQuery) async throws(StoreError) -> [Silence] {
        try await read("reading silences") { connection throws(StoreError) in
            try SilenceSearch(query: query).run(connection)
        }
    }
}
