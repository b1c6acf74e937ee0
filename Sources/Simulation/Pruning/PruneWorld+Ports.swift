package import Ports
package import Pruning
package import Telemetry

/// What the pruner sees of the world.
extension PruneWorld: PrunedFlock {
    package func report() async -> FleetReport {
        try? pass()
        var members: [FleetReport.Member] = []
        for (index, node) in nodes.enumerated() {
            let state: FleetReport.Member.State
            if node.downUntil <= now {
                let oldest = node.accepted.map(\.at).min() ?? now
                state = .alive(backlog: fault == .backlogUnseen ? 0 : now - oldest)
            } else if fault == .outageUnseen {
                continue
            } else {
                state = node.downUntil - now > Self.detection ? .dead : .unanswering
            }
            members.append(
                FleetReport.Member(
                    name: "n\(index)", incarnation: fault == .outageUnseen ? 1 : node.life, state: state))
        }
        return FleetReport(members: members)
    }

    package func settle(_ report: FleetReport) async -> [String] {
        guard (try? pass()) != nil else { return ["the store"] }
        guard fault != .unsettled else { return [] }
        var missing: [String] = []
        for index in nodes.indices {
            if nodes[index].downUntil <= now {
                flush(index)
            } else if fault != .outageUnseen {
                missing.append("n\(index)")
            }
        }
        return missing
    }

    package func forget(_ tombstones: [Tombstone]) async {}
}

extension PruneWorld: PruneStore {
    package func elect(_ holder: String) async throws(StoreError) -> FencingToken { store.elect(holder) }

    package func beginRun(_ token: FencingToken, every period: Int64) async throws(StoreError) -> RunTurn {
        try pass()
        return try store.beginRun(token, every: period)
    }

    package func tick(atMost total: Int64) async throws(StoreError) -> Tick? {
        try pass()
        return store.tick(atMost: total)
    }

    package func census(_ query: CensusQuery) async throws(StoreError) -> Census {
        try pass()
        return store.census(query)
    }

    package func silentDevices(
        heardThrough time: Instant, isHidden: Bool?, limit: Int
    ) async throws(StoreError) -> [SilentDevice] {
        try pass()
        return store.silentDevices(heardThrough: time, isHidden: isHidden, limit: limit)
    }

    package func write(
        _ tick: Tick, keepingFrom oldest: Int64, _ token: FencingToken
    ) async throws(StoreError) {
        try pass()
        try store.write(tick, keepingFrom: oldest, token)
        checkToken(token)
    }

    package func takeBackTicks(after time: Instant, _ token: FencingToken) async throws(StoreError) {
        try pass()
        try store.takeBackTicks(after: time, token)
        checkToken(token)
    }

    package func hide(
        heardThrough time: Instant, limit: Int, reason: String, _ token: FencingToken
    ) async throws(StoreError) -> [DeviceID] {
        try pass()
        let hidden = try store.hide(heardThrough: time, limit: limit, reason: reason, token)
        hiddenCount += hidden.count
        checkToken(token)
        return hidden
    }

    package func delete(
        _ silent: [SilentDevice], reason: String, _ token: FencingToken
    ) async throws(StoreError) -> [Tombstone] {
        try pass()
        let tombstones = try store.delete(silent, reason: reason, token)
        checkToken(token)
        checkDeleted(tombstones)
        return tombstones
    }

    package func dropReadings(
        before time: Instant, after cursor: RetentionCursor?, _ token: FencingToken
    ) async throws(StoreError) -> RetentionPart { try store.dropReadings(before: time, after: cursor, token) }

    package func endRun(_ result: String, waiting: Waiting?, _ token: FencingToken) async throws(StoreError) {
        try pass()
        try store.endRun(result, waiting: waiting, token)
    }

    package func failRun(_ result: String, _ token: FencingToken) async throws(StoreError) {
        try pass()
        try store.failRun(result, token)
    }

    package func revoke(_ members: [String], _ token: FencingToken) async throws(StoreError) {
        try pass()
        try store.revoke(members, token)
        checkToken(token)
    }

    package func sweep(for microseconds: Int64) async {}
    package func approve(_ reason: String?) async throws(StoreError) -> Waiting? { store.approve(reason) }
    package func restore(_ device: DeviceID) async throws(StoreError) -> Instant? { store.restore(device) }
    package func audit(limit: Int) async throws(StoreError) -> [AuditRow] { store.audit }
    package func job() async throws(StoreError) -> JobRow? { store.job }

    private func checkToken(_ token: FencingToken) {
        guard token != store.token else { return }
        problems.append("an act under token \(token) though \(store.token) is the newest")
    }
}
