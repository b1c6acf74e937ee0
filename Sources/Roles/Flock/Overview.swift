package import ClusterActors
package import Distributed

/// What a node tells its peers of itself, apart from the scoring role, which has better things to do.
package distributed actor Overview {
    package typealias ActorSystem = ClusterActorSystem
    private let answer: @Sendable () async -> NodeStatus
    private let tellStore: @Sendable () async -> Bool

    /// - Parameter settle: has this node tell the store whom it heard until now; true if it could.
    package init(
        actorSystem: ClusterActorSystem, answer: @escaping @Sendable () async -> NodeStatus,
        settle: @escaping @Sendable () async -> Bool
    ) {
        self.actorSystem = actorSystem
        self.answer = answer
        tellStore = settle
    }

    package distributed func status() async throws -> NodeStatus { await answer() }

    /// Everything that was heard here before the call is told to the store when it returns, if it returns yes.
    package distributed func settle() async throws -> Flag { Flag(await tellStore()) }
}
