package import HashRing
package import Membership
package import Telemetry

/// What the node knows of its flock: a plain value for whoever asks, replaced as a whole.
package struct FlockView: Sendable {
    package let me: Member
    /// As last adopted; without owners before the first.
    package var ring = Ring([])
    /// Of the others, by name.
    package private(set) var members: [String: Member] = [:]
    /// Since when a member is what it is, by this node's clock.
    package private(set) var since: [String: Instant] = [:]
    /// Those who left lately: they still hand their slots over.
    private var leavers: [String: Moment] = [:]

    package init(me: Member) {
        self.me = me
    }

    /// - Returns: true if the member is new or is something else than before.
    mutating func note(_ member: Member, at now: Instant, _ moment: Moment) -> Bool {
        let old = members[member.name]
        members[member.name] = member
        leavers[member.name] = member.status == .left ? moment : nil
        guard old?.status != member.status || old?.id != member.id else { return false }
        since[member.name] = now
        return true
    }

    /// - Returns: true if there was one.
    mutating func forgetLeavers(before time: Moment) -> Bool {
        let count = leavers.count
        leavers = leavers.filter { $0.value > time }
        return leavers.count != count
    }

    /// Drops those that the table does not have any more: it forgets the gone after a day.
    mutating func forgetGone(but isKnown: (String) -> Bool) {
        for name in members.keys where members[name]?.status.isPresent == false && !isKnown(name) {
            members[name] = nil
            since[name] = nil
        }
    }

    /// The others that count, by name.
    package var present: [Member] {
        members.values.filter(\.status.isPresent).sorted { $0.name < $1.name }
    }

    /// Whoever may be called: the present, and those who are about to go.
    package var peers: [Member] {
        members.values.filter { $0.status.isPresent || leavers[$0.name] != nil }.sorted { $0.name < $1.name }
    }

    /// `peers` as the ring knows them.
    package var owners: [Owner] {
        peers.map { Owner(name: $0.name, incarnation: $0.id.incarnation) }
    }

    /// Every row but this node's own, by name.
    package var all: [Member] { members.values.sorted { $0.name < $1.name } }
}
