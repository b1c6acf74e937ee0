/// Mistakes that a driver, a keeper or a store could make, built in on purpose: each shows that the checks can fail.
package enum PlantedLeaseFault: String, CaseIterable, Hashable, Sendable {
    /// The right counts from the moment at which the answer came.
    case rightFromAnswer
    /// The right is as long as the lease: clocks are believed.
    case driftIgnored
    /// An answer is taken for that of the question that waits, whatever its number.
    case lateAnswerAccepted
    /// A release frees the lease whoever has it.
    case releaseUncompared
    /// A renewal gives the lease whoever has it.
    case renewalUncompared
    /// A process has one owner value for all its attempts.
    case ownerUsedAgain
    /// The store does not look at the token of an effect.
    case tokenUnchecked
}
