import Distributed
import HashRing
import Membership
package import Ports
package import Pruning
import Synchronization
package import Telemetry

/// The pruner's work, seen from this node.
extension Node {
    /// How often a node that starts looks whether it may seek the lease.
    static let readyLook = Duration.milliseconds(100)
    /// How long a member may take to say how it is.
    static let reportPatience = Duration.seconds(1)
    /// How long a member may take to tell the store whom it heard.
    static let settlePatience = Duration.seconds(10)

    /// Seeks the lease from the moment at which the node is ready and knows its flock.
    func runScheduler() async {
        guard let scheduling else { return }
        while (try? await Task.sleep(for: Self.readyLook)) != nil {
            guard case .ready = state.withLock({ $0 }), let flock = flockID.withLock({ $0 }) else { continue }
            var random = SystemRandomNumberGenerator()
            let scheduler = Scheduler(
                settings: Scheduler.Settings(
                    holder: settings.name, rules: scheduling.rules, limits: scheduling.limits),
                keeper: scheduling.makeKeeper(flock), store: store, flock: self, life: WriterID(random.next()),
                seed: random.next(), now: { [clock] in clock.sleeplessMoment }, logger: logger)
            schedulers.put(scheduler)
            await scheduler.run()
            return
        }
    }

    package func restore(_ device: DeviceID) async throws(StoreError) -> Bool {
        guard try await store.restore(device) != nil else { return false }
        try? await scoring.show(device)
        let peers = peers
        await tellPeers { owner in try await peers.scoring(of: owner).show(device) }
        return true
    }

    package func audit(limit: Int) async throws(StoreError) -> [AuditRow] { try await store.audit(limit: limit) }

    package func approvePruning() async throws(StoreError) -> Waiting? { try await store.approve() }

    package func prunePlan(limit: Int) async throws(StoreError) -> PrunePlan {
        let idle = PruneRules(
            period: .max, inactiveAfter: settings.inactiveAfter.microseconds, deleteAfter: nil, retention: nil)
        return try await PrunePlan(scheduling?.rules ?? idle, store, limit: limit)
    }
}

extension Node: PrunedFlock {
    package func report() async -> FleetReport {
        let peers = peers
        let answers = await peers.ask(aliveOwners, within: Self.reportPatience) { owner in
            try await peers.overview(of: owner).status()
        }
        var members = [own(backlog: await ingest.backlog())]
        members += answers.given.map {
            FleetReport.Member(
                name: $0.owner.name, incarnation: $0.owner.incarnation, state: .alive(backlog: $0.answer.backlog))
        }
        members += answers.missing.map {
            FleetReport.Member(name: $0.name, incarnation: $0.incarnation, state: .unanswering)
        }
        for member in flock?.view.all ?? [] where member.status == .dead || member.status == .suspect {
            members.append(
                FleetReport.Member(
                    name: member.name, incarnation: member.id.incarnation,
                    state: member.status == .dead ? .dead : .suspect))
        }
        return FleetReport(members: members)
    }

    private var aliveOwners: [Owner] {
        let alive = flock?.view.present.filter { $0.status == .alive } ?? []
        return alive.map { Owner(name: $0.name, incarnation: $0.id.incarnation) }
    }

    private func own(backlog: Int64) -> FleetReport.Member {
        FleetReport.Member(name: settings.name, incarnation: owner.incarnation, state: .alive(backlog: backlog))
    }

    package func settle() async -> [String] {
        let peers = peers
        async let others = peers.ask(aliveOwners, within: Self.settlePatience) { owner in
            try await peers.overview(of: owner).settle()
        }
        let isSettled = await scoring.whenLocal { await $0.settle() } ?? false
        let answers = await others
        let unsettled = answers.given.filter { !$0.answer.isTrue }.map(\.owner.name) + answers.missing.map(\.name)
        return (isSettled ? unsettled : unsettled + [settings.name]).sorted()
    }

    package func forget(_ tombstones: [Tombstone]) async {
        for tombstone in tombstones { await tellOfDeletion(tombstone) }
    }
}
