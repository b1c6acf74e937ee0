import LogFormat
import Membership

/// one byte of flags · identity, unless it is the sender's · revision · http address · version · load · accuser,
/// unless there is none or it is the sender.
extension Rumor {
    private enum Flag {
        /// Bits 0 and 1.
        static let status: UInt8 = 0b11
        static let isOfSender: UInt8 = 1 << 2
        static let hasAccuser: UInt8 = 1 << 3
        static let accuserIsSender: UInt8 = 1 << 4
        static let all: UInt8 = 0b1_1111
    }

    /// Whether a datagram can hold it.
    var fits: Bool {
        member.id.fits && member.metadata.httpAddress.utf8.count <= MembershipLimits.httpAddressBytesMax
            && member.metadata.version.utf8.count <= MembershipLimits.versionBytesMax
            && (accuser?.utf8.count ?? 0) <= MembershipLimits.nameBytesMax
    }

    func encode(into writer: inout ByteWriter, sender: MemberID) {
        let isOfSender = member.id.isSame(as: sender)
        let accuserIsSender = accuser.map { $0.utf8.elementsEqual(sender.name.utf8) } ?? false
        var flags = member.status.rawValue
        if isOfSender { flags |= Flag.isOfSender }
        if accuser != nil { flags |= Flag.hasAccuser }
        if accuserIsSender { flags |= Flag.accuserIsSender }
        writer.write(flags)
        if !isOfSender { member.id.encode(into: &writer, sender: sender) }
        writer.writeVarint(member.revision)
        writer.write(string: member.metadata.httpAddress)
        writer.write(string: member.metadata.version)
        writer.writeVarint(UInt64(member.metadata.load))
        if let accuser, !accuserIsSender { writer.write(string: accuser) }
    }

    init(decoding reader: inout ByteReader, sender: MemberID) throws(FormatError) {
        let flags = try reader.readUInt8()
        guard flags & ~Flag.all == 0, let status = MemberStatus(rawValue: flags & Flag.status) else {
            throw .invalid(what: "flags \(flags) of a rumor")
        }
        let id = flags & Flag.isOfSender != 0 ? sender : try MemberID(decoding: &reader, sender: sender)
        let revision = try reader.readVarint()
        let http = try reader.readString("http address", utf8CountMax: MembershipLimits.httpAddressBytesMax)
        let version = try reader.readString("version", utf8CountMax: MembershipLimits.versionBytesMax)
        let load = try reader.readVarint()
        guard let load = UInt16(exactly: load) else { throw .invalid(what: "load \(load)") }
        let metadata = MemberMetadata(httpAddress: http, version: version, load: load)
        let member = Member(id: id, revision: revision, status: status, metadata: metadata)
        self.init(member, accuser: try Self.accuser(flags, from: &reader, sender: sender))
    }

    private static func accuser(
        _ flags: UInt8, from reader: inout ByteReader, sender: MemberID
    ) throws(FormatError) -> String? {
        switch (flags & Flag.hasAccuser != 0, flags & Flag.accuserIsSender != 0) {
        case (false, false): nil
        case (true, true): sender.name
        case (true, false): try reader.readString("name of an accuser", utf8CountMax: MembershipLimits.nameBytesMax)
        case (false, true): throw .invalid(what: "flags \(flags) of a rumor")
        }
    }
}

extension MemberID {
    /// Byte for byte: to `String`, texts of different bytes may be equal.
    func isSame(as other: MemberID) -> Bool {
        incarnation == other.incarnation && address.port == other.address.port
            && name.utf8.elementsEqual(other.name.utf8) && address.host.utf8.elementsEqual(other.address.host.utf8)
    }
}
