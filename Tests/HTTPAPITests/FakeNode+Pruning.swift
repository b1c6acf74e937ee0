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

    func approvePruning() async throws(StoreError) -> Waiting? {
        if let error = now.storeError { throw error }
        let waiting = now.waiting
        change { $0.waiting = nil }
        return waiting
    }
}
