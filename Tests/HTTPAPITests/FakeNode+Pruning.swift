import Ports
import Telemetry

extension FakeNode {
    func restore(_ device: DeviceID) async throws(StoreError) -> Bool {
        if let error = now.storeError { throw error }
        guard now.rows.contains(where: { $0.device == device }) else { return false }
        change { $0.restored.append(device) }
        return true
    }

    func audit(limit: Int) async throws(StoreError) -> [AuditRow] {
        if let error = now.storeError { throw error }
        return Array(now.audit.prefix(limit))
    }

    func prunePlan(limit: Int) async throws(StoreError) -> PrunePlan {
        if let error = now.storeError { throw error }
        return now.plan
    }

    func approvePruning(_ reason: String?) async throws(StoreError) -> Waiting? {
        if let error = now.storeError { throw error }
        let waiting = now.waiting
        guard reason ?? waiting?.reason == waiting?.reason else { return waiting }
        change { $0.waiting = nil }
        return waiting
    }
}

extension FakeNode {
    func mute(_ scope: Mute.Scope, for length: Int64?, reason: String) async throws(StoreError) -> Mute? {
        if let error = now.storeError { throw error }
        guard now.mutes.count < now.mutesMax else { return nil }
        let mute = Mute(
            scope: scope, since: Self.start, until: length.map { Self.start.advanced(byMicroseconds: $0) },
            reason: reason)
        change { $0.mutes = $0.mutes.filter { $0.scope != scope } + [mute] }
        return mute
    }

    func unmute(_ scope: Mute.Scope) async throws(StoreError) -> Bool {
        if let error = now.storeError { throw error }
        let existed = now.mutes.contains { $0.scope == scope }
        change { $0.mutes.removeAll { $0.scope == scope } }
        return existed
    }

    func mutes() async throws(StoreError) -> [Mute] {
        if let error = now.storeError { throw error }
        return now.mutes
    }
}
