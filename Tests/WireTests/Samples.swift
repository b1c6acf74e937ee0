import Membership
import Telemetry
import Wire

/// Messages drawn from a seed: of all kinds, with texts of all lengths and alphabets.
struct Samples {
    var random: SeededGenerator

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
    }

    /// Small numbers as often as large ones.
    mutating func number() -> UInt64 { random.next() >> UInt64(random.draw(below: 64)) }

    mutating func text(_ lengths: ClosedRange<Int>) -> String {
        let alphabet = ["a", "b", "0", "-", ".", ":", "é", "e\u{301}", "👩‍🚀", "\u{0}"]
        let length = lengths.lowerBound + random.draw(below: lengths.count)
        var text = ""
        for _ in 0..<length {
            let next = alphabet[random.draw(below: alphabet.count)]
            guard text.utf8.count + next.utf8.count <= lengths.upperBound else { break }
            text += next
        }
        return text.isEmpty && lengths.lowerBound > 0 ? "x" : text
    }

    mutating func host() -> String {
        switch random.draw(below: 4) {
        case 0: "127.0.0.1"
        case 1: (0..<4).map { _ in "\(random.draw(below: 256))" }.joined(separator: ".")
        case 2:
            [
                "::1", "fe80::1%eth0", "2001:db8::8:800:200c:417a", "::", "1::", "2001:db8:0:0:1::1",
                "2001:DB8::1:2:3:4",
                "2001:db8:1:2:3:4:5:6", "2001:db8:0:1:0:0:0:1",
            ][random.draw(below: 9)]
        default: text(0...MembershipLimits.hostBytesMax)
        }
    }

    mutating func id() -> MemberID {
        MemberID(
            name: text(1...(random.draw(below: 4) == 0 ? MembershipLimits.nameBytesMax : 6)),
            address: MemberAddress(host: host(), port: UInt16(truncatingIfNeeded: random.next())), incarnation: number()
        )
    }

    mutating func rumor(sender: MemberID) -> Rumor {
        let statuses = MemberStatus.allCases
        let member = Member(
            id: random.draw(below: 3) == 0 ? sender : id(), revision: number(),
            status: statuses[random.draw(below: statuses.count)],
            metadata: MemberMetadata(
                httpAddress: text(0...(random.draw(below: 4) == 0 ? MembershipLimits.httpAddressBytesMax : 20)),
                version: text(0...MembershipLimits.versionBytesMax), load: UInt16(truncatingIfNeeded: number())))
        switch random.draw(below: 3) {
        case 0: return Rumor(member)
        case 1: return Rumor(member, accuser: sender.name)
        default: return Rumor(member, accuser: text(0...MembershipLimits.nameBytesMax))
        }
    }

    mutating func body() -> Message.Body {
        switch random.draw(below: 8) {
        case 0: .ping(number(), target: id())
        case 1: .ping(number(), target: nil)
        case 2: .ack(number())
        case 3: .pingRequest(number(), target: id())
        case 4: .nack(number())
        case 5: .gossip
        case 6: .pull((0..<MembershipLimits.partsCount).map { _ in number() }, isAnswer: random.draw(below: 2) == 0)
        default: .table
        }
    }

    mutating func message(from sender: MemberID, rumorsMax: Int = 3) -> Message {
        let rumors = (0..<random.draw(below: rumorsMax + 1)).map { _ in rumor(sender: sender) }
        return Message(flock: random.next(), sender: sender, digest: random.next(), body: body(), rumors: rumors)
    }

    /// Of one sender and table, as they share a datagram.
    mutating func messages() -> [Message] {
        let first = message(from: id(), rumorsMax: 2)
        var all = [first]
        while random.draw(below: 3) > 0 {
            let next = message(from: first.sender, rumorsMax: 2)
            all.append(
                Message(
                    flock: first.flock, sender: first.sender, digest: first.digest, body: next.body,
                    rumors: next.rumors))
        }
        return all
    }
}

extension Datagrams {
    static func decode(_ bytes: [UInt8]) throws -> [Message] {
        try bytes.withUnsafeBytes { try decode($0) }
    }
}
