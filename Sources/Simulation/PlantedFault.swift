/// Mistakes that a driver, a store or a core could make, built in on purpose: each shows that the checks can fail.
package enum PlantedFault: String, CaseIterable, Hashable, Sendable {
    /// The client has its 202 when the append begins.
    case ackBeforeSync
    /// The row moves first; the readings come in a transaction of their own.
    case checkpointBeforeCommit
    /// The log is trimmed when the transaction is sent.
    case trimBeforeCommit
    /// Owners do not remember what they answered.
    case retryScoredTwice
    /// The store finds a row by the node's name.
    case rowKeyedByNode
    /// Readings are sent on when they are written, before they are synced.
    case sentBeforeSync
    /// A commit without an answer is sent again as if it had not gone in.
    case lostAnswerIsFailure
    /// What a process found in its log at the start is stored though its device was deleted since.
    case tombstoneIgnored
    /// A replay does not look at the verdicts in the log.
    case verdictsIgnoredAtStart
    /// The driver's list of orders drops the newest when it is full.
    case ordersDropped
    /// Who gave a slot away goes on judging.
    case sealedGoesOn
    /// What a former owner gave is thrown away.
    case pulledStateDropped
    /// A slot's state goes without the replies.
    case repliesNotMoved
    /// Owners do not look at how often an origin was sent on.
    case movesForgotten
    /// A slot that moved is reported as an owner that died.
    case movedIsLostOwner
    /// Of two states of a series one is made.
    case statesMerged
    /// Nobody tells the ring's owner that there is a state.
    case offersIgnored
}
