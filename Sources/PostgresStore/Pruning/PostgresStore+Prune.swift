package import Ports
package import Telemetry

/// The pruner's calls. Those with a token have a connection of their own, so that no other work waits behind a wait for
/// the job.
extension PostgresStore: PruneStore {
    package func elect(_ holder: String) async throws(StoreError) -> FencingToken {
        try await use(pruner, "electing \(holder)") { link throws(Failure) in try JobSQL.elect(holder, link) }
    }

    package func beginRun(_ token: FencingToken, every period: Int64) async throws(StoreError) -> RunTurn {
        try await use(pruner, "beginning a run") { link throws(Failure) in
            try JobSQL.begin(token, every: period, link)
        }
    }

    package func endRun(_ result: String, waiting: Waiting?, _ token: FencingToken) async throws(StoreError) {
        try await use(pruner, "ending a run") { link throws(Failure) in
            try JobSQL.end(result, waiting, token, link)
        }
    }

    package func failRun(_ result: String, _ token: FencingToken) async throws(StoreError) {
        try await use(pruner, "noting a failed run") { link throws(Failure) in try JobSQL.fail(result, token, link) }
    }

    package func revoke(_ members: [String], _ token: FencingToken) async throws(StoreError) {
        try await use(pruner, "ending approvals") { link throws(Failure) in try JobSQL.revoke(members, token, link) }
    }

    package func tick(atMost total: Int64) async throws(StoreError) -> Tick? {
        try await use(pruner, "reading a tick", isRead: true) { link throws(Failure) in
            try JobSQL.tick(atMost: total, link)
        }
    }

    package func write(
        _ tick: Tick, keepingFrom oldest: Int64, _ token: FencingToken
    ) async throws(StoreError) {
        try await use(pruner, "writing a tick") { link throws(Failure) in
            try JobSQL.write(tick, keepingFrom: oldest, token, link)
        }
    }

    package func takeBackTicks(after time: Instant, _ token: FencingToken) async throws(StoreError) {
        try await use(pruner, "taking ticks back") { link throws(Failure) in
            try JobSQL.takeBackTicks(after: time, token, link)
        }
    }

    package func approve(_ reason: String?) async throws(StoreError) -> Waiting? {
        try await use(upkeep, "approving") { link throws(Failure) in try JobSQL.approve(reason, link) }
    }

    package func audit(limit: Int) async throws(StoreError) -> [AuditRow] {
        try await use(reader, "reading the audit", isRead: true) { link throws(Failure) in
            try AuditSQL.read(limit: limit, link)
        }
    }

    package func job() async throws(StoreError) -> JobRow? {
        try await use(reader, "reading the pruner's job", isRead: true) { link throws(Failure) in
            try JobSQL.row(link)
        }
    }

    // MARK: Devices

    package func census(_ query: CensusQuery) async throws(StoreError) -> Census {
        try await use(pruner, "counting devices", isRead: true) { link throws(Failure) in
            try SilentDeviceSQL.census(query, link)
        }
    }

    package func silentDevices(
        heardThrough time: Instant, isHidden: Bool?, limit: Int
    ) async throws(StoreError) -> [SilentDevice] {
        try await use(pruner, "reading silent devices", isRead: true) { link throws(Failure) in
            try SilentDeviceSQL.silent(heardThrough: time, isHidden: isHidden, limit: limit, link)
        }
    }

    package func hide(
        heardThrough time: Instant, limit: Int, reason: String, _ token: FencingToken
    ) async throws(StoreError) -> [DeviceID] {
        try await use(pruner, "hiding devices") { link throws(Failure) in
            try SilentDeviceSQL.hide(heardThrough: time, limit: limit, reason: reason, token, link)
        }
    }

    package func delete(
        _ devices: [SilentDevice], reason: String, _ token: FencingToken
    ) async throws(StoreError) -> [Tombstone] {
        try await use(pruner, "deleting silent devices") { link throws(Failure) in
            try SilentDeviceSQL.delete(devices, reason: reason, token, link)
        }
    }

    package func restore(_ device: DeviceID) async throws(StoreError) -> Instant? {
        try await use(upkeep, "restoring device \(device)") { link throws(Failure) in
            try SilentDeviceSQL.restore(device, link)
        }
    }

    package func dropReadings(
        before time: Instant, after cursor: RetentionCursor?, _ token: FencingToken
    ) async throws(StoreError) -> RetentionPart {
        let step = RetentionSQL(time: time, cursor: cursor, token: token, hasChunks: kind.timescale != .none)
        return try await use(pruner, "dropping old readings") { link throws(Failure) in try step.run(link) }
    }
}

extension PostgresStore: SilenceStore {
    /// In transactions of their own, so that no deletion waits for all of them.
    package func note(_ silences: [Silence], ended: [SilenceEnd]) async throws(StoreError) -> [Series] {
        var unknown: [Series] = []
        var (begun, over) = (silences[...], ended[...])
        while !begun.isEmpty || !over.isEmpty {
            let part = begun.prefix(PostgresLimits.flushRowsPerTransaction)
            // Ends behind all beginnings: they may be of these.
            let ends = part.count < begun.count ? [] : over.prefix(PostgresLimits.flushRowsPerTransaction)
            unknown += try await use(flusher, "writing silences") { link throws(Failure) in
                try SilenceSQL.note(Array(part), ended: Array(ends), link)
            }
            begun = begun.dropFirst(part.count)
            over = over.dropFirst(ends.count)
        }
        return unknown
    }

    package func silences(_ query: AnomalyQuery) async throws(StoreError) -> [Silence] {
        try await use(searcher, "reading silences", isRead: true) { link throws(Failure) in
            try SilenceSQL.find(query, link)
        }
    }
}
