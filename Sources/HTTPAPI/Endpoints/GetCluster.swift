import HTTPTypes
import Ports
import Telemetry

/// `GET /cluster`: who is there, who owns what, and where every accepted reading went.
extension Handlers {
    func getCluster(_ call: Call) async throws -> Answer {
        let query = try call.query()
        let scope = query.text("scope")
        guard scope == nil || scope == "all" || scope == "node" else {
            throw Problem.badParameter("scope", "must be node or all")
        }
        let showsOwners = try query.flag("ring")
        let view = await node.cluster()
        let flock = scope == "all" ? await node.ledgerOfFlock() : nil
        var json = JSONWriter(capacity: 2_048 + (showsOwners ? view.ring.owners.count * 3 : 0))
        json.write(view, flock, showsOwners: showsOwners)
        return Answer(json: json, headers: [.cacheControl: "no-store"])
    }
}

extension JSONWriter {
    mutating func write(_ view: ClusterView, _ flock: FlockLedger?, showsOwners: Bool) {
        object { json in
            json.key("node")
            json.value(view.node)
            json.key("members")
            let members = view.members.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
            json.array(members) { $0.write($1) }
            json.key("ring")
            json.write(view.ring, showsOwners: showsOwners)
            json.key("pruner")
            json.write(view.pruner)
            json.key("store")
            json.object { json in
                json.key("kind")
                json.value(view.store.name)
                json.key("timescaledb")
                json.value(view.store.timescale.rawValue)
                json.key("reachable")
                json.value(view.isStoreReachable)
            }
            json.key("ledger")
            json.write(view.ledger)
            if let flock {
                json.key("ledger_all")
                json.write(flock.sum)
                // Only then: who sees it knows that the sum is too small, and by whom.
                if !flock.missing.isEmpty {
                    json.key("partial")
                    json.array(flock.missing.sorted()) { $0.value($1) }
                }
            }
        }
    }

    private mutating func write(_ ring: RingView, showsOwners: Bool) {
        object { json in
            json.key("slots")
            json.value(ring.slots)
            json.key("digest")
            json.value(ring.digest)
            // Thousands of numbers: only for who draws the ring.
            guard showsOwners else { return }
            json.key("members")
            json.array(ring.members) { $0.value($1) }
            json.key("owners")
            json.array(ring.owners) { $0.value($1) }
        }
    }

    private mutating func write(_ member: ClusterView.Member) {
        object { json in
            json.key("name")
            json.value(member.name)
            json.key("address")
            json.value(member.address)
            json.key("http")
            json.value(member.http)
            json.key("status")
            json.value(member.status.rawValue)
            json.key("incarnation")
            json.value(member.incarnation)
            json.key("ring_share")
            json.value(member.ringShare)
            json.key("devices")
            json.value(member.devices)
            json.key("version")
            json.value(member.version)
            json.key("since")
            json.value(member.since)
        }
    }

    private mutating func write(_ pruner: ClusterView.Pruner) {
        object { json in
            json.key("leader")
            json.value(pruner.leader)
            json.key("fencing_token")
            json.value(pruner.fencingToken)
            json.key("last_run")
            json.value(pruner.lastRun)
            json.key("last_result")
            json.value(pruner.lastResult)
        }
    }

    private mutating func write(_ ledger: Ledger) {
        object { json in
            json.key("accepted")
            json.value(ledger.accepted)
            json.key("stored")
            json.value(ledger.stored)
            json.key("pending")
            json.value(ledger.pending)
            json.key("duplicates")
            json.value(ledger.duplicates)
            json.key("discarded")
            json.value(ledger.discarded)
            json.key("damaged")
            json.value(ledger.damaged)
            json.key("orphaned")
            json.value(ledger.orphaned)
            json.key("rejected")
            json.value(ledger.rejected)
        }
    }
}
