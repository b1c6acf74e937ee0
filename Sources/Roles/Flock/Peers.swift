import ClusterActors
import Distributed
package import HashRing

/// The other nodes, to be asked all at once.
package struct Peers: Sendable {
    let system: ClusterActorSystem
    let flock: Flock?

    /// Names of the roles' actors: a part of the wire.
    package enum Role {
        package static let scoring = "scoring"
        package static let overview = "overview"
    }

    package func scoring(of owner: Owner) throws -> Scoring {
        try Scoring.resolve(id: id(of: owner, Role.scoring), using: system)
    }

    package func overview(of owner: Owner) throws -> Overview {
        try Overview.resolve(id: id(of: owner, Role.overview), using: system)
    }

    private func id(of owner: Owner, _ role: String) -> ClusterActorID {
        ClusterActorID(node: owner.name, incarnation: owner.incarnation, role: role)
    }

    /// Those that may be asked now, by name.
    package var owners: [Owner] { flock?.view.owners ?? [] }

    package struct Answers<Answer: Sendable>: Sendable {
        /// By name of who gave it.
        package var given: [(owner: Owner, answer: Answer)] = []
        package var missing: [Owner] = []
    }

    /// Asks every one of `owners` at once; returns when all answered or the time is over.
    package func ask<Answer: Sendable>(
        _ owners: [Owner], within patience: Duration, _ question: @escaping @Sendable (Owner) async throws -> Answer
    ) async -> Answers<Answer> {
        guard !owners.isEmpty else { return Answers() }
        return await withTaskGroup { group in
            for owner in owners {
                group.addTask {
                    await ClusterActorSystem.$deadline.withValue(patience) {
                        (owner, try? await question(owner))
                    }
                }
            }
            var answers = Answers<Answer>()
            for await (owner, answer) in group {
                if let answer { answers.given.append((owner, answer)) } else { answers.missing.append(owner) }
            }
            answers.given.sort { $0.owner < $1.owner }
            answers.missing.sort()
            return answers
        }
    }
}
