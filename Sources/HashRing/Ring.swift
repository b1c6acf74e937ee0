import Telemetry

/// A member as the ring and the slots know it. A restarted process has a new incarnation, so its slots start anew.
package struct Owner: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let name: String
    package let incarnation: UInt64

    package init(name: String, incarnation: UInt64) {
        self.name = name
        self.incarnation = incarnation
    }

    package static func < (lhs: Owner, rhs: Owner) -> Bool {
        lhs.name == rhs.name
            ? lhs.incarnation < rhs.incarnation : lhs.name.utf8.lexicographicallyPrecedes(rhs.name.utf8)
    }

    package var description: String { "\(name)#\(incarnation)" }
}

/// Who owns which slot: an immutable snapshot, the same on every node for the same members.
///
/// Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2018): a slot belongs to the first member
/// clockwise from it that has room, and no member takes more than `loadFactor` of its even share.
package struct Ring: Hashable, Sendable {
    package static let loadFactor = 1.05
    /// Points of a member on the circle. More points give evener shares before the bound has to act.
    package static let pointsPerMember = 256

    /// Sorted; at most one incarnation of a name.
    package let owners: [Owner]
    /// By slot number, places in `owners`. Empty in a ring without members.
    package let table: [UInt16]

    /// - Precondition: at most `UInt16.max` members with different names. Membership sees to it.
    package init(_ members: some Sequence<Owner>) {
        owners = members.sorted()
        precondition(owners.count < Int(UInt16.max), "\(owners.count) members")
        precondition(
            zip(owners, owners.dropFirst()).allSatisfy { $0.name != $1.name }, "a name twice in \(owners)")
        table = Self.assign(owners.map(\.name))
    }

    /// The ring of the same names as `other`, whose assignment is taken over: after a restart only an incarnation differs.
    package init(_ members: some Sequence<Owner>, asIn other: Ring) {
        let sorted = members.sorted()
        if sorted.map(\.name) == other.owners.map(\.name) {
            self.init(owners: sorted, table: other.table)
        } else {
            self.init(sorted)
        }
    }

    private init(owners: [Owner], table: [UInt16]) {
        self.owners = owners
        self.table = table
    }

    /// Nil only in a ring without members.
    package func owner(of slot: Slot) -> Owner? {
        table.isEmpty ? nil : owners[Int(table[Int(slot.number)])]
    }

    package func slots(of owner: Owner) -> [Slot] {
        (0..<UInt16(Slot.count)).map(Slot.init).filter { self.owner(of: $0) == owner }
    }

    /// The part of all slots that `owner` has, 0 to 1.
    package func share(of owner: Owner) -> Double {
        Double(slots(of: owner).count) / Double(Slot.count)
    }

    /// Equal on all nodes that agree on the ring: members, incarnations and the owner of every slot.
    package var digest: UInt64 {
        var word: UInt64 = 0
        for owner in owners {
            word = SeededGenerator.mixed(word ^ DeviceHash.hash(owner.name, seed: owner.incarnation))
        }
        for index in table { word = SeededGenerator.mixed(word ^ UInt64(index)) }
        return word
    }

    private static func assign(_ names: [String]) -> [UInt16] {
        guard !names.isEmpty else { return [] }
        var points: [(place: UInt64, member: UInt16)] = []
        points.reserveCapacity(names.count * pointsPerMember)
        for (member, name) in names.enumerated() {
            for point in 0..<pointsPerMember {
                points.append((DeviceHash.hash(name, seed: UInt64(point) &+ 1), UInt16(member)))
            }
        }
        // Two members on one place (one in 2^64) are told apart by name order, which is the member's index.
        points.sort { ($0.place, $0.member) < ($1.place, $1.member) }
        let share = Double(Slot.count) / Double(names.count)
        let cap = Int((share * loadFactor).rounded(.up))
        var loads = [Int](repeating: 0, count: names.count)
        return (0..<Slot.count).map { slot in
            let place = SeededGenerator.mixed(UInt64(slot) &+ 0x5107)
            var index = firstPoint(atOrAfter: place, in: points)
            while loads[Int(points[index].member)] >= cap { index = (index + 1) % points.count }
            loads[Int(points[index].member)] += 1
            return points[index].member
        }
    }

    /// Wraps to the first point after the last.
    private static func firstPoint(
        atOrAfter place: UInt64, in points: [(place: UInt64, member: UInt16)]
    ) -> Int {
        var low = 0
        var high = points.count
        while low < high {
            let middle = (low + high) / 2
            if points[middle].place < place { low = middle + 1 } else { high = middle }
        }
        return low == points.count ? 0 : low
    }
}
