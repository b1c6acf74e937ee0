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
    /// A device that was refused tries again, elsewhere or later; for so long, in microseconds, it may be silent for that.
    static let refusalsKept: Int64 = 60_000_000
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
                seed: random.next(), now: { [clock] in clock.sleeplessMoment }, logger: logger,
                afterRun: { await self.trainWhatIsDue() })
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

    package func approvePruning(_ reason: String?) async throws(StoreError) -> Waiting? {
        try await store.approve(reason)
    }

    package func prunePlan(limit: Int) async throws(StoreError) -> PrunePlan {
        let idle = PruneRules(
            period: .max, inactiveAfter: settings.inactiveAfter.microseconds, deleteAfter: nil, retention: nil)
        var plan = try await PrunePlan(scheduling?.rules ?? idle, store, limit: limit)
        await askStatuses()
        plan.leader = leader?.name
        plan.keeperTrouble = schedulers.keeperTrouble
        return plan
    }
}

extension Node: PrunedFlock {
    package func report() async -> FleetReport {
        var members = [
            FleetReport.Member(
                name: settings.name, incarnation: owner.incarnation,
                state: Self.state(
                    backlog: await ingest.backlog(), refuses: await ingest.refuses(within: Self.refusalsKept)))
        ]
        let peers = peers
        let answers = await peers.ask(aliveOwners, within: Self.reportPatience) { owner in
            try await peers.overview(of: owner).status()
        }
        keep(answers.given)
        members += answers.given.map {
            FleetReport.Member(
                name: $0.owner.name, incarnation: $0.owner.incarnation,
                state: Self.state(backlog: $0.answer.backlog, refuses: $0.answer.refuses))
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
        return FleetReport(members: members, orphaned: await orphaned())
    }

    private static func state(backlog: Int64, refuses: Bool) -> FleetReport.Member.State {
        refuses ? .refusing : .alive(backlog: backlog)
    }

    private var aliveOwners: [Owner] {
        let alive = flock?.view.present.filter { $0.status == .alive } ?? []
        return alive.map { Owner(name: $0.name, incarnation: $0.id.incarnation) }
    }

    /// Whoever was reported is asked, though it may have gone since: then it has not told.
    package func settle(_ report: FleetReport) async -> [String] {
        let peers = peers
        let owners = report.members.filter { $0.isAlive && $0.name != settings.name }
            .map { Owner(name: $0.name, incarnation: $0.incarnation) }
        async let others = peers.ask(owners, within: Self.settlePatience) { owner in
            try await peers.overview(of: owner).settle()
        }
        let isSettled = await scoring.whenLocal { await $0.settle() } ?? false
        let answers = await others
        let unsettled = answers.given.filter { !$0.answer.isTrue }.map(\.owner.name) + answers.missing.map(\.name)
        return (isSettled ? unsettled : unsettled + [settings.name]).sorted()
    }

    /// All of them in one call after the other to each peer, all peers at once.
    package func forget(_ tombstones: [Tombstone]) async {
        for tombstone in tombstones { try? await scoring.forget(tombstone.device, at: tombstone.time) }
        let peers = peers
        await tellPeers { owner in
            let scoring = try peers.scoring(of: owner)
            for tombstone in tombstones { try await scoring.forget(tombstone.device, at: tombstone.time) }
        }
    }
}
