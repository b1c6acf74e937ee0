package import Telemetry

/// The value by which the keeper knows a holder: random for a process's life, numbered within it, never used again once
/// it was given back. So a request that comes late or twice never touches another term's lease.
package struct LeaseOwner: Hashable, Sendable, CustomStringConvertible {
    /// Drawn at random at every start.
    package let life: WriterID
    package let attempt: UInt64

    package init(life: WriterID, attempt: UInt64) {
        self.life = life
        self.attempt = attempt
    }

    /// What the keeper keeps.
    package var description: String { "\(life)-\(attempt)" }
}

/// A question to the keeper of the lease; each is answered `granted` or `refused`, or nobody knows whether it was done.
package struct LeaseRequest: Hashable, Sendable {
    package enum Operation: Hashable, Sendable {
        /// Granted where nobody has the lease: `SET NX PX`.
        case acquire
        /// Granted, for another TTL, where the owner has it.
        case renew
        /// Granted, and nobody has it any more, where the owner had it.
        case release
    }

    /// Counts a process's requests: an answer belongs to the request with its number and to no other.
    package let number: UInt64
    package let operation: Operation
    package let owner: LeaseOwner

    package init(number: UInt64, operation: Operation, owner: LeaseOwner) {
        self.number = number
        self.operation = operation
        self.owner = owner
    }
}

package enum LeaseAnswer: Hashable, Sendable {
    case granted
    case refused
}

/// One time of holding the lease, from an election to its end.
package struct LeaseTerm: Hashable, Sendable {
    /// Counts a process's terms. Work that began in one term must not go on in the next.
    package let number: UInt64
    package let owner: LeaseOwner
    /// By the holder's clock: from then on it may not act. Moved by renewals.
    package internal(set) var until: Moment

    package init(number: UInt64, owner: LeaseOwner, until: Moment) {
        self.number = number
        self.owner = owner
        self.until = until
    }
}
