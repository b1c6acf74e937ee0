package import HashRing

/// What a new ring says to the slots of one owner: the event for each of the 4,096, once a ring is adopted.
package struct RingChange: Hashable, Sendable {
    let me: Owner
    let ring: Ring
    /// Who owned what before. A newcomer, who knows no ring before, takes the one that the flock had without it.
    let before: Ring

    /// - Parameters:
    ///   - before: the last ring with members that this owner had adopted; nil for its first.
    package init(to ring: Ring, from before: Ring?, by me: Owner) {
        self.me = me
        self.ring = ring
        self.before = before ?? Ring(ring.owners.filter { $0 != me })
    }

    package func event(for slot: Slot) -> SlotCore.Event {
        guard ring.owner(of: slot) == me else { return .disowned(to: ring.owner(of: slot)) }
        let former = before.owner(of: slot)
        return .owned(from: former == me ? nil : former)
    }
}
