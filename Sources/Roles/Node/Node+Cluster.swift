import Distributed
import HashRing
import Membership
package import Ports
import Synchronization
import Telemetry

/// What a node tells of its flock.
extension Node {
    package func cluster() async -> ClusterView {
        await askStatuses()
        let view = flock?.view
        let ring = ring.withLock { $0 }
        var ledger = await ownLedger()
        ledger.orphaned = await orphaned() ?? 0
        // A locked store still lets itself be read: it must take writes, too.
        let takesWrites = await ingest.isStoreReachable
        return ClusterView(
            node: settings.name, members: await members(view, ring), ring: RingView(ring), pruner: await pruner(),
            store: store.kind, isStoreReachable: store.isReachable && takesWrites, ledger: ledger)
    }

    /// What a node says of itself, as far as it was asked.
    var leader: (token: FencingToken, name: String)? {
        var leaders = statuses.withLock { $0.compactMap { owner, status in status.token.map { ($0, owner.name) } } }
        if let token = schedulers.token { leaders.append((token, settings.name)) }
        return leaders.max { $0.0 < $1.0 }
    }

    /// What the last run came to is in the store.
    private func pruner() async -> ClusterView.Pruner {
        let leader = leader
        if let job = try? await store.job() { lastJob.withLock { $0 = job } }
        let job = lastJob.withLock { $0 }
        return ClusterView.Pruner(
            leader: leader?.name, fencingToken: leader?.token.number, lastRun: job?.lastRun, lastResult: job?.lastResult
        )
    }

    package func ledgerOfFlock() async -> FlockLedger {
        let missing = await askStatuses()
        var sum = await ownLedger()
        sum.orphaned = await orphaned() ?? 0
        let silent = Set(missing)
        for owner in peers.owners where !silent.contains(owner) {
            if let status = statuses.withLock({ $0[owner] }) { sum = sum + status.ledger }
        }
        return FlockLedger(sum: sum, missing: missing.map(\.name))
    }

    private func ownLedger() async -> Ledger {
        var ledger = await ingest.ledger
        ledger.rejected = rejected.count
        return ledger
    }

    /// Asks all peers; what they said before stays for those that do not answer.
    @discardableResult
    func askStatuses() async -> [Owner] {
        let peers = peers
        let owners = peers.owners
        let answers = await peers.ask(owners, within: Self.peerPatience) { owner in
            try await peers.overview(of: owner).status()
        }
        keep(answers.given)
        return answers.missing
    }

    /// Who is forgotten has no log here any more.
    func keep(_ given: [(owner: Owner, answer: NodeStatus)]) {
        let owners = peers.owners
        statuses.withLock { statuses in
            statuses = statuses.filter { owners.contains($0.key) }
            for (owner, status) in given { statuses[owner] = status }
        }
    }

    /// Readings in logs without a live node. A peer that never answered yet is taken at its name.
    /// - Returns: nil if the store cannot say.
    func orphaned() async -> UInt64? {
        guard let rows = try? await store.checkpoints() else { return nil }
        let own = await ingest.logID
        let known = statuses.withLock { $0 }
        let logs = Set(known.values.map(\.log)).union([own])
        let unknown = Set(peers.owners.filter { known[$0] == nil }.map(\.name))
        return rows.filter { !logs.contains($0.log) && !unknown.contains($0.node) }
            .reduce(0) { $0 + ($1.accepted - $1.position) }
    }

    private func members(_ view: FlockView?, _ ring: Ring) async -> [ClusterView.Member] {
        let known = statuses.withLock { $0 }
        let own = ClusterView.Member(
            name: settings.name, address: settings.gossipAddress, http: settings.httpAddress,
            status: isLeaving ? .left : .alive, incarnation: owner.incarnation, ringShare: ring.share(of: owner),
            devices: await scoring.whenLocal { $0.devicesCount } ?? 0, version: settings.version, since: startedAt)
        let others = (view?.all ?? []).map { member in
            let owner = Owner(name: member.name, incarnation: member.id.incarnation)
            return ClusterView.Member(
                name: member.name, address: "\(member.id.address)", http: member.metadata.httpAddress,
                status: ClusterView.Member.Status(member.status), incarnation: member.id.incarnation,
                ringShare: ring.share(of: owner), devices: member.status.isPresent ? known[owner]?.devices ?? 0 : 0,
                version: member.metadata.version, since: view?.since[member.name] ?? startedAt)
        }
        return ([own] + others).sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    private var isLeaving: Bool {
        state.withLock { if case .draining = $0 { true } else { false } }
    }
}

extension RingView {
    fileprivate init(_ ring: Ring) {
        self.init(
            slots: Slot.count, digest: ring.digestText, members: ring.owners.map(\.name), owners: ring.table)
    }
}

extension ClusterView.Member.Status {
    init(_ status: MemberStatus) {
        switch status {
        case .alive: self = .alive
        case .suspect: self = .suspect
        case .dead: self = .dead
        case .left: self = .left
        }
    }
}
