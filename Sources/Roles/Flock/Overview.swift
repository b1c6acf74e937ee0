package import ClusterActors
package import Distributed

/// What a node tells its peers of itself, apart from the scoring role, which has better things to do.
package distributed actor Overview {
    package typealias ActorSystem = ClusterActorSystem
    private let answer: @Sendable () async -> NodeStatus

    package init(actorSystem: ClusterActorSystem, answer: @escaping @Sendable () async -> NodeStatus) {
        self.actorSystem = actorSystem
        self.answer = answer
    }

    package distributed func status() async throws -> NodeStatus { await answer() }
}
