import CoreMetrics
import DataPlane
import Distributed
import HashRing
package import Ports
import Synchronization
package import Telemetry

/// What a node offers to the outside.
extension Node: NodeService {
    package var unreadiness: String? {
        if let failure = ingest.failure { return failure }
        return state.withLock { state in
            switch state {
            case .starting(let stage): stage
            case .ready: nil
            case .draining: "draining"
            }
        }
    }

    package func accept(_ batch: ReadingBatch) async throws(AcceptError) {
        try await ingest.accept(batch)
    }

    package func offer(_ batch: ReadingBatch, answer: @escaping @Sendable (AcceptError?) -> Void) {
        ingest.offer(batch, answer: answer)
    }

    package func countRejected(_ readings: Int) {
        rejected.add(UInt64(readings), ordering: .relaxed)
    }

    package func receiptTime() -> Instant { receipts.next() }

    package func latest(_ query: LatestQuery) async -> LatestAnswer {
        let now = clock.instant
        let inactiveAfter = settings.inactiveAfter.microseconds
        let answer = await scoring.whenLocal { $0.latest(query, now: now, inactiveAfter: inactiveAfter) }
        return answer ?? LatestAnswer(devices: [], missing: [settings.name])
    }

    package func history(
        of series: Series, from: Instant, to: Instant, after: HistoryPoint?, limit: Int
    ) async throws(StoreError) -> [HistoryPoint] {
        try await store.history(of: series, from: from, to: to, after: after, limit: limit)
    }

    package func anomalies(_ query: AnomalyQuery) async throws(StoreError) -> [AnomalyEpisode] {
        var rows = query
        rows.limit = min(
            query.limit.multipliedReportingOverflow(by: Self.anomalyRowsPerEpisode).partialValue, Self.anomalyRowsMax)
        return Array(AnomalyEpisode.episodes(of: try await store.anomalies(rows)).prefix(query.limit))
    }

    package func devices(after: DeviceID?, limit: Int) async throws(StoreError) -> [DeviceRow] {
        try await store.devices(after: after, limit: limit)
    }

    package func device(_ device: DeviceID) async throws(StoreError) -> DeviceRow? {
        try await store.device(device)
    }

    package func delete(_ device: DeviceID) async throws(StoreError) -> Bool {
        let isKnown = await scoring.whenLocal { $0.knows(device) } ?? false
        guard let time = try await store.delete(device, isKnown: isKnown) else { return false }
        try? await scoring.forget(device, at: time)
        return true
    }

    package func ledgerOfFlock() async -> FlockLedger {
        FlockLedger(sum: await cluster().ledger, missing: [])
    }

    package func subscribe(_ sink: any LiveSink) { live.add(sink) }

    package func cluster() async -> ClusterView {
        var ledger = await ingest.ledger
        ledger.rejected = rejected.load(ordering: .relaxed)
        let log = await ingest.logID
        if let rows = try? await store.checkpoints() {
            // A ring of one: every other log has no live node.
            ledger.orphaned = rows.filter { $0.log != log }.reduce(0) { $0 + ($1.accepted - $1.position) }
        }
        let devices = await scoring.whenLocal { $0.devicesCount } ?? 0
        // A locked store still lets itself be read: it must take writes, too.
        let takesWrites = await ingest.isStoreReachable
        let isReachable = store.isReachable && takesWrites
        let member = ClusterView.Member(
            name: settings.name, address: settings.gossipAddress, http: settings.httpAddress, status: .alive,
            incarnation: owner.incarnation, ringShare: ring.share(of: owner), devices: devices,
            version: settings.version, since: startedAt)
        return ClusterView(
            node: settings.name, members: [member], slots: Slot.count, ringDigest: String(ring.digest, radix: 16),
            pruner: ClusterView.Pruner(leader: nil, fencingToken: nil, lastRun: nil, lastResult: nil),
            store: store.kind, isStoreReachable: isReachable, ledger: ledger)
    }
}
