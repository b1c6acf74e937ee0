import HTTPTypes
import Ports

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
}
