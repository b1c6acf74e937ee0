/// Who owns which slot, as one node sees it.
package struct RingView: Hashable, Sendable {
    package let slots: Int
    /// Equal on all nodes that agree on the ring.
    package let digest: String
    /// By name, in the ring's own order.
    package let members: [String]
    /// By slot number, places in `members`. Empty in a ring without members.
    package let owners: [UInt16]

    package init(slots: Int, digest: String, members: [String], owners: [UInt16]) {
        self.slots = slots
        self.digest = digest
        self.members = members
        self.owners = owners
    }
}
