package import Lease
package import Ports
package import Pruning
import Synchronization
package import Telemetry

/// What a node prunes by, and who keeps its lease.
package struct Scheduling: Sendable {
    package var rules: PruneRules
    package var limits: LeaseLimits
    /// How old the newest version of a metric's model gets before another is trained, in microseconds; nil is any age.
    package var trainEvery: Int64?
    /// Flocks that share a keeper have a lease each.
    package var makeKeeper: @Sendable (FlockID) -> any LeaseKeeper

    package init(
        rules: PruneRules, limits: LeaseLimits, trainEvery: Int64? = nil,
        makeKeeper: @escaping @Sendable (FlockID) -> any LeaseKeeper
    ) {
        self.rules = rules
        self.limits = limits
        self.trainEvery = trainEvery
        self.makeKeeper = makeKeeper
    }
}

/// Where a node's scheduler is once there is one: it begins when the node is ready.
package final class SchedulerPlace: Sendable {
    private let place = Mutex<Scheduler?>(nil)

    package init() {}

    package var scheduler: Scheduler? { place.withLock { $0 } }
    /// Of this node's election, while it leads.
    package var token: FencingToken? { scheduler?.token }

    /// Why this node cannot lead; nil while the lease's keeper answers.
    package var keeperTrouble: String? { scheduler?.keeperTrouble }

    func put(_ scheduler: Scheduler) { place.withLock { $0 = scheduler } }
}
