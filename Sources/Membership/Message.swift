/// What members send each other, as a plain value.
package struct Message: Hashable, Sendable {
    /// Nodes of other flocks are not heard.
    package let flock: UInt64
    package let sender: MemberID
    /// Of the sender's table: one that differs from the receiver's starts a pull.
    package let digest: UInt64
    package let body: Body
    package internal(set) var rumors: [Rumor]

    package init(flock: UInt64, sender: MemberID, digest: UInt64, body: Body, rumors: [Rumor]) {
        self.flock = flock
        self.sender = sender
        self.digest = digest
        self.body = body
        self.rumors = rumors
    }

    package enum Body: Hashable, Sendable {
        /// Answered by an `ack` of the same number. No target: whoever is there, as at a seed's address.
        case ping(UInt64, target: MemberID?)
        case ack(UInt64)
        /// Ping the target for me: answered by its `ack`, or by a `nack` when it is silent to the helper too.
        case pingRequest(UInt64, target: MemberID)
        case nack(UInt64)
        /// News only.
        case gossip
        /// Digests of the parts of the sender's table: answered by `table`s of the parts that differ, and by a pull
        /// the other way unless this is one.
        case pull([UInt64], isAnswer: Bool)
        /// A bounded piece of a table, in `rumors`.
        case table
    }

    /// No encoding is larger: texts, lengths and numbers at their longest.
    package var bytesMax: Int {
        var bytes = Self.headBytesMax + sender.bytesMax
        switch body {
        case .ping(_, let target): bytes += target?.bytesMax ?? 0
        case .pingRequest(_, let target): bytes += target.bytesMax
        case .pull(let digests, _): bytes += 8 * digests.count
        case .ack, .nack, .gossip, .table: break
        }
        return rumors.reduce(bytes) { $0 + $1.bytesMax }
    }

    /// Flock and digest, 8 each; the number, 10; version, kind and counts.
    static let headBytesMax = 34

    /// Whether every size is within bounds. What is not is dropped whole.
    func isWithin(_ limits: MembershipLimits) -> Bool {
        guard rumors.count <= limits.messageRumorsMax, sender.isWithinBounds else { return false }
        switch body {
        case .ping(_, let target): guard target?.isWithinBounds ?? true else { return false }
        case .pingRequest(_, let target): guard target.isWithinBounds else { return false }
        case .pull(let digests, _): guard digests.count == MembershipLimits.partsCount else { return false }
        case .ack, .nack, .gossip, .table: break
        }
        return rumors.allSatisfy { $0.isWithin(limits) }
    }
}

/// A row of a table on its way.
package struct Rumor: Hashable, Sendable {
    package let member: Member
    /// Who could not reach it, when it is suspected: suspicions of different members confirm each other.
    package let accuser: String?

    package init(_ member: Member, accuser: String? = nil) {
        self.member = member
        self.accuser = accuser
    }

    /// Revision, load, status, four lengths; what accuses at most.
    var bytesMax: Int {
        member.id.bytesMax + member.metadata.httpAddress.utf8.count + member.metadata.version.utf8.count
            + (accuser?.utf8.count ?? 0) + 20
    }

    func isWithin(_ limits: MembershipLimits) -> Bool {
        member.id.isWithinBounds && member.revision < limits.revisionsMax
            && member.metadata.httpAddress.utf8.count <= MembershipLimits.httpAddressBytesMax
            && member.metadata.version.utf8.count <= MembershipLimits.versionBytesMax
            && (accuser?.utf8.count ?? 0) <= MembershipLimits.nameBytesMax
    }
}

extension MemberID {
    /// Two lengths, the port, the incarnation.
    var bytesMax: Int { name.utf8.count + address.host.utf8.count + 16 }

    var isWithinBounds: Bool {
        !name.isEmpty && name.utf8.count <= MembershipLimits.nameBytesMax
            && address.host.utf8.count <= MembershipLimits.hostBytesMax
    }
}
