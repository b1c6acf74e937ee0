package import Telemetry

/// Whose a store is, asked and changed by an operator, while no node of this process uses it: nothing is made, and no
/// schema brought up to date.
package protocol FlockKeeper: Sendable {
    /// - Throws: `.unusable` if no node ever ran on it.
    func record() async throws(StoreError) -> FlockRecord

    /// Gives the flock another identity, in one durable transaction.
    /// - Throws: `.unusable` if it is not `old`, and nothing changes.
    func rename(_ old: FlockID, to new: FlockID) async throws(StoreError)
}

/// A flock's identity, and signs of its nodes.
package struct FlockRecord: Hashable, Sendable {
    package let flock: FlockID
    /// Somebody else has the store open at this moment.
    package let isOpenElsewhere: Bool
    /// When a node last wrote that it watched or heard a device; nil if none ever did. By the store's clock, as `askedAt`.
    package let lastSign: Instant?
    package let askedAt: Instant

    package init(flock: FlockID, isOpenElsewhere: Bool, lastSign: Instant?, askedAt: Instant) {
        self.flock = flock
        self.isOpenElsewhere = isOpenElsewhere
        self.lastSign = lastSign
        self.askedAt = askedAt
    }

    /// A node that lives writes more often, in microseconds: devices that were heard within seconds, a run of the pruner
    /// each minute.
    package static let signFreshFor: Int64 = 120_000_000

    /// What speaks for nodes that live; nil if nothing does. A clock that went back speaks for nobody.
    package var life: String? {
        if isOpenElsewhere { return "another process has the store open" }
        guard let lastSign else { return nil }
        let age = askedAt.microseconds(since: lastSign)
        guard (0..<Self.signFreshFor).contains(age) else { return nil }
        return "a node wrote to it \(age / 1_000_000) s ago"
    }
}
