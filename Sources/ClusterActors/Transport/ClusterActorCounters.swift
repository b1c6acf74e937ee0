import Synchronization

/// What the system counted since it began.
package struct ClusterActorCounters: Hashable, Sendable {
    package var callsStarted: UInt64 = 0
    package var callsAnswered: UInt64 = 0
    /// By `ClusterActorError.kind`, and `cancelled`.
    package var callsFailed: [String: UInt64] = [:]
    package var requestsServed: UInt64 = 0
    /// Requests answered with an error, by its kind.
    package var requestsRefused: [String: UInt64] = [:]
    package var bytesIn: UInt64 = 0
    package var bytesOut: UInt64 = 0
    package var connectionsAccepted: UInt64 = 0
    package var connectionsMade: UInt64 = 0
    /// By reason: `Refusal.kind`, `too_many`, `silent`, `broken`.
    package var connectionsRefused: [String: UInt64] = [:]
}

final class CounterBox: Sendable {
    private let counters = Mutex(ClusterActorCounters())

    var snapshot: ClusterActorCounters { counters.withLock { $0 } }

    func add(_ change: (inout ClusterActorCounters) -> Void) {
        counters.withLock { change(&$0) }
    }
}
