import Telemetry

/// Where a member's datagrams go. The core compares addresses; only the transport reads them.
package struct MemberAddress: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let host: String
    package let port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    package static func < (lhs: MemberAddress, rhs: MemberAddress) -> Bool {
        lhs.host == rhs.host ? lhs.port < rhs.port : lhs.host.utf8.lexicographicallyPrecedes(rhs.host.utf8)
    }

    package var description: String { "\(host):\(port)" }
}

/// One life of one member. The name is the key of the table; of two lives of a name the later one counts.
package struct MemberID: Hashable, Sendable, CustomStringConvertible {
    package let name: String
    package let address: MemberAddress
    /// Larger at every start of the process, so that a restart is a new member of the same name.
    package let incarnation: UInt64

    package init(name: String, address: MemberAddress, incarnation: UInt64) {
        self.name = name
        self.address = address
        self.incarnation = incarnation
    }

    /// Two processes that took the same incarnation are told apart by their address, on every node in the same way.
    package func isLaterLife(than other: MemberID) -> Bool {
        incarnation == other.incarnation ? address > other.address : incarnation > other.incarnation
    }

    package var description: String { "\(name)#\(incarnation)@\(address)" }
}

/// What is believed of a member. The raw value is the order in which beliefs of one revision replace each other.
package enum MemberStatus: UInt8, Hashable, Sendable, CaseIterable {
    /// → suspect, left; dead, when others waited already
    case alive = 0
    /// Did not answer; has time to refute. → alive of a later revision, dead, left
    case suspect = 1
    /// Did not refute in time. → alive of a later revision, left; forgotten after a day
    case dead = 2
    /// Said that it goes. Final for this incarnation.
    case left = 3

    /// Whether the member counts: the ring holds those that are alive or only suspected.
    package var isPresent: Bool { self == .alive || self == .suspect }
}

/// What members tell of themselves.
package struct MemberMetadata: Hashable, Sendable {
    package var httpAddress: String
    package var version: String
    /// In thousandths of what the node can do.
    package var load: UInt16

    package init(httpAddress: String = "", version: String = "", load: UInt16 = 0) {
        self.httpAddress = httpAddress
        self.version = version
        self.load = load
    }
}

/// One row of the table.
package struct Member: Hashable, Sendable {
    package let id: MemberID
    /// The member's own counter within its incarnation: a larger one refutes what was said under a smaller one, or
    /// brings new metadata (the "incarnation" of Das, Gupta, Motivala 2002).
    package var revision: UInt64
    package var status: MemberStatus
    package var metadata: MemberMetadata

    package init(id: MemberID, revision: UInt64, status: MemberStatus, metadata: MemberMetadata = MemberMetadata()) {
        self.id = id
        self.revision = revision
        self.status = status
        self.metadata = metadata
    }

    package var name: String { id.name }

    /// Whether this row replaces `other`, a row of the same name. A total order over what is compared, so that rows
    /// may arrive in any order and any number of times and every table ends the same.
    package func supersedes(_ other: Member) -> Bool {
        if id != other.id { return id.isLaterLife(than: other.id) }
        if (status == .left) != (other.status == .left) { return status == .left }
        if revision != other.revision { return revision > other.revision }
        return status.rawValue > other.status.rawValue
    }

    /// This row's part of a digest. Members that are gone have none: each node forgets them at a time of its own.
    var digest: UInt64 {
        guard status.isPresent else { return 0 }
        var hash = Self.point(of: name)
        for word in [
            id.incarnation, Self.point(of: id.address.host), UInt64(id.address.port), revision, UInt64(status.rawValue),
        ] {
            hash = SeededGenerator.mixed(hash &+ 0x9E37_79B9_7F4A_7C15 ^ word)
        }
        return hash
    }

    /// Where a name stands on the ring of observers: a fixed hash, the same on every node.
    static func point(of name: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return SeededGenerator.mixed(hash)
    }
}
