import Ports
import Simulation
import Synchronization
import Telemetry

extension MemoryStore {
    private func prune<Answer: Sendable>(
        _ body: (inout VirtualPruneStore) throws(StoreError) -> Answer
    ) throws(StoreError) -> Answer {
        try content.withLock { content throws(StoreError) in
            guard !content.isAway else { throw StoreError(.unavailable, "away") }
            return try body(&content.pruning)
        }
    }

    func elect(_ holder: String) async throws(StoreError) -> FencingToken { try prune { $0.elect(holder) } }

    func beginRun(_ token: FencingToken, every period: Int64) async throws(StoreError) -> RunTurn {
        try prune { store throws(StoreError) in try store.beginRun(token, every: period) }
    }

    func tick(atMost total: Int64) async throws(StoreError) -> Tick? { try prune { $0.tick(atMost: total) } }

    func census(_ query: CensusQuery) async throws(StoreError) -> Census {
        try prune { $0.census(query) }
    }

    func silentDevices(
        heardThrough time: Instant, isHidden: Bool?, limit: Int
    ) async throws(StoreError) -> [SilentDevice] {
        try prune { $0.silentDevices(heardThrough: time, isHidden: isHidden, limit: limit) }
    }

    func write(_ tick: Tick, keepingFrom oldest: Int64, _ token: FencingToken) async throws(StoreError) {
        try prune { store throws(StoreError) in try store.write(tick, keepingFrom: oldest, token) }
    }

    func takeBackTicks(after time: Instant, _ token: FencingToken) async throws(StoreError) {
        try prune { store throws(StoreError) in try store.takeBackTicks(after: time, token) }
    }

    func hide(
        heardThrough time: Instant, limit: Int, reason: String, _ token: FencingToken
    ) async throws(StoreError) -> [DeviceID] {
        try prune { store throws(StoreError) in
            try store.hide(heardThrough: time, limit: limit, reason: reason, token)
        }
    }

    func delete(
        _ devices: [SilentDevice], reason: String, _ token: FencingToken
    ) async throws(StoreError) -> [Tombstone] {
        try prune { store throws(StoreError) in try store.delete(devices, reason: reason, token) }
    }

    func dropReadings(
        before time: Instant, after cursor: RetentionCursor?, _ token: FencingToken
    ) async throws(StoreError) -> RetentionPart {
        try prune { store throws(StoreError) in try store.dropReadings(before: time, after: cursor, token) }
    }

    func endRun(_ result: String, waiting: Waiting?, _ token: FencingToken) async throws(StoreError) {
        try prune { store throws(StoreError) in try store.endRun(result, waiting: waiting, token) }
    }

    func failRun(_ result: String, _ token: FencingToken) async throws(StoreError) {
        try prune { store throws(StoreError) in try store.failRun(result, token) }
    }

    func revoke(_ members: [String], _ token: FencingToken) async throws(StoreError) {
        try prune { store throws(StoreError) in try store.revoke(members, token) }
    }

    func approve(_ reason: String?) async throws(StoreError) -> Waiting? { try prune { $0.approve(reason) } }
    func restore(_ device: DeviceID) async throws(StoreError) -> Instant? { try prune { $0.restore(device) } }

    func audit(limit: Int) async throws(StoreError) -> [AuditRow] {
        try prune { Array($0.audit.reversed().prefix(limit)) }
    }

    func job() async throws(StoreError) -> JobRow? { try prune { $0.job } }
}
