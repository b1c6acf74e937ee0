import HTTPTypes
import Ports
import Telemetry

/// `GET /metrics`: what this process counted, and the node's own books.
extension Handlers {
    func getMetrics() async -> Answer {
        let view = await node.cluster()
        var text = PrometheusText()
        registry.render(into: &text)
        text.write(view.ledger)
        text.single(
            "starling_store_reachable", .gauge, help: "1 if the last call to the store reached it.",
            view.isStoreReachable ? 1 : 0)
        text.single(
            "starling_store_info", .gauge, help: "What the store is, as labels.",
            labels: PrometheusText.labels([
                ("kind", view.store.name), ("timescaledb", view.store.timescale.rawValue),
            ]), 1)
        text.single(
            "starling_node_ready", .gauge, help: "1 if the node is ready to serve.", node.unreadiness == nil ? 1 : 0)
        text.write(view.members)
        text.writeOwn(view)
        text.write(view.pruner)
        text.write(await node.vitals())
        return Answer(
            headers: [.contentType: MediaType.prometheus, .cacheControl: "no-store"], body: .buffer(text.buffer))
    }
}

extension PrometheusText {
    fileprivate mutating func write(_ ledger: Ledger) {
        let counters: [(String, String, UInt64)] = [
            ("accepted", "Readings answered with 202: on this node's disk, synced.", ledger.accepted),
            ("stored", "Readings that reached the store.", ledger.stored),
            ("duplicates", "Accepted readings that the store already had.", ledger.duplicates),
            ("discarded", "Accepted readings of devices deleted since, or quarantined.", ledger.discarded),
            ("damaged", "Accepted readings lost to damage on disk.", ledger.damaged),
            ("rejected", "Readings refused before they were accepted.", ledger.rejected),
        ]
        for (name, help, value) in counters {
            single("starling_readings_\(name)_total", .counter, help: help, Double(value))
        }
        single(
            "starling_readings_pending", .gauge, help: "Accepted readings not stored yet.", Double(ledger.pending))
        single(
            "starling_readings_orphaned", .gauge, help: "Readings in logs without a live node.",
            Double(ledger.orphaned))
    }

    fileprivate mutating func write(_ members: [ClusterView.Member]) {
        family("starling_members", .gauge, help: "Members of the flock as this node sees them, by status.")
        for status in [ClusterView.Member.Status.alive, .suspect, .dead, .left] {
            sample(
                "starling_members", labels: Self.labels([("status", status.rawValue)]),
                Double(members.count { $0.status == status }))
        }
    }

    fileprivate mutating func writeOwn(_ view: ClusterView) {
        guard let own = view.members.first(where: { $0.name == view.node }) else { return }
        single(
            "starling_node_info", .gauge, help: "This node, as labels.",
            labels: Self.labels([("node", own.name), ("version", own.version)]), 1)
        single("starling_ring_share_ratio", .gauge, help: "The part of the ring this node owns.", own.ringShare)
        single("starling_devices", .gauge, help: "Devices this node owns.", Double(own.devices))
    }

    fileprivate mutating func write(_ pruner: ClusterView.Pruner) {
        single(
            "starling_pruner_fencing_token", .gauge,
            help: "The token of the pruner's leader as this node knows it; 0 while nobody leads.",
            Double(pruner.fencingToken ?? 0))
        single(
            "starling_pruner_last_run_timestamp_seconds", .gauge,
            help: "When the pruner last ran, on whichever node, by the store's clock; 0 before the first run.",
            Double(pruner.lastRun?.microseconds ?? 0) / 1e6)
    }

    fileprivate mutating func write(_ vitals: NodeVitals) {
        single("starling_ingest_log_bytes", .gauge, help: "The ingest log on disk.", Double(vitals.logBytes))
        single(
            "starling_ingest_log_limit_bytes", .gauge,
            help: "The size of the ingest log beyond which readings are answered with 503.",
            Double(vitals.logLimitBytes))
        single(
            "starling_readings_pending_age_seconds", .gauge,
            help: "How long the oldest accepted reading that is not stored yet has waited; 0 if all are stored.",
            Double(vitals.pendingFor) / 1e6)
        guard !vitals.refusedDatagrams.isEmpty else { return }
        family(
            "starling_gossip_datagrams_refused_total", .counter,
            help: "Datagrams of gossip that were dropped as they came in, by the reason.")
        for (reason, count) in vitals.refusedDatagrams.sorted(by: { $0.key < $1.key }) {
            sample(
                "starling_gossip_datagrams_refused_total", labels: Self.labels([("reason", reason)]), Double(count))
        }
    }
}
