import LogFormat
import Membership

/// one byte of kind · what the kind has.
extension Message.Body {
    /// Numbers are never used again: an older program must not take one for another.
    private enum Kind: UInt8 {
        case ping = 0
        /// A ping of whoever is there.
        case seedPing = 1
        case ack = 2
        case pingRequest = 3
        case nack = 4
        case gossip = 5
        case pull = 6
        case pullAnswer = 7
        case table = 8
    }

    /// Whether a datagram can hold it.
    var fits: Bool {
        switch self {
        case .ping(_, let target): target?.fits ?? true
        case .pingRequest(_, let target): target.fits
        case .pull(let digests, _): digests.count == MembershipLimits.partsCount
        case .ack, .nack, .gossip, .table: true
        }
    }

    /// Whether its rumors may go on in another message of the same body: nothing hangs on where one ends.
    var mayBeSplit: Bool {
        switch self {
        case .gossip, .table: true
        case .ping, .ack, .pingRequest, .nack, .pull: false
        }
    }

    func encode(into writer: inout ByteWriter, sender: MemberID) {
        switch self {
        case .ping(let number, let target?):
            writer.write(Kind.ping.rawValue)
            writer.writeVarint(number)
            target.encode(into: &writer, sender: sender)
        case .ping(let number, nil):
            writer.write(Kind.seedPing.rawValue)
            writer.writeVarint(number)
        case .ack(let number):
            writer.write(Kind.ack.rawValue)
            writer.writeVarint(number)
        case .pingRequest(let number, let target):
            writer.write(Kind.pingRequest.rawValue)
            writer.writeVarint(number)
            target.encode(into: &writer, sender: sender)
        case .nack(let number):
            writer.write(Kind.nack.rawValue)
            writer.writeVarint(number)
        case .gossip: writer.write(Kind.gossip.rawValue)
        case .pull(let digests, let isAnswer):
            writer.write((isAnswer ? Kind.pullAnswer : .pull).rawValue)
            for digest in digests { writer.write(digest) }
        case .table: writer.write(Kind.table.rawValue)
        }
    }

    init(decoding reader: inout ByteReader, sender: MemberID) throws(FormatError) {
        let kind = try reader.readUInt8()
        switch Kind(rawValue: kind) {
        case .ping:
            let number = try reader.readVarint()
            self = .ping(number, target: try MemberID(decoding: &reader, sender: sender))
        case .seedPing: self = .ping(try reader.readVarint(), target: nil)
        case .ack: self = .ack(try reader.readVarint())
        case .pingRequest:
            let number = try reader.readVarint()
            self = .pingRequest(number, target: try MemberID(decoding: &reader, sender: sender))
        case .nack: self = .nack(try reader.readVarint())
        case .gossip: self = .gossip
        case .pull: self = .pull(try Self.digests(from: &reader), isAnswer: false)
        case .pullAnswer: self = .pull(try Self.digests(from: &reader), isAnswer: true)
        case .table: self = .table
        case nil: throw .invalid(what: "kind \(kind) of a message")
        }
    }

    private static func digests(from reader: inout ByteReader) throws(FormatError) -> [UInt64] {
        var digests: [UInt64] = []
        digests.reserveCapacity(MembershipLimits.partsCount)
        for _ in 0..<MembershipLimits.partsCount { digests.append(try reader.readUInt64()) }
        return digests
    }
}
