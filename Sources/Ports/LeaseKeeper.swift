package import Lease

/// Who gives the lease to one node at a time.
package protocol LeaseKeeper: Sendable {
    /// Asks once, and waits no longer than `LeaseLimits.patience` for the answer.
    /// - Throws: if there is none; whether it was done is unknown then.
    func perform(_ request: LeaseRequest) async throws(LeaseKeeperError) -> LeaseAnswer
    /// Gives back what belongs to the process: a connection, an open file. The lease ends by itself.
    func close() async
}

/// Why the keeper did not answer, and what to do about it. Never holds a password.
package struct LeaseKeeperError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
