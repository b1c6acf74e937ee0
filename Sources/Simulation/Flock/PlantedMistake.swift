/// Mistakes that a core or its driver could make, made on purpose between the control plane and the network: each shows
/// that the checks of the flock can fail.
package enum PlantedMistake: String, CaseIterable, Hashable, Sendable {
    /// Nobody tells a higher revision of itself.
    case neverRefutes
    /// The gone and the seeds without a member are not pinged.
    case goneAreGivenUp
    /// A process starts with the incarnation it had before.
    case incarnationReused
    /// Who is suspected is announced as dead.
    case suspectsAreDead
    /// After a standstill the driver makes up for the ticks that it missed, each at its own time.
    case ticksMadeUp
    /// Pulls are not answered, so that what gossip lost stays lost.
    case pullsUnanswered
    /// Who left is announced as dead, and so may be called alive again.
    case leftIsDead
}
