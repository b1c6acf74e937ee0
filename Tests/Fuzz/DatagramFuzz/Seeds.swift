import FuzzKit
import Membership
import Wire

enum Seeds {
    private static func id(_ name: String, _ host: String) -> MemberID {
        MemberID(name: name, address: MemberAddress(host: host, port: 7946), incarnation: 1_700_000_000)
    }

    private static let sender = id("n0", "127.0.0.1")

    private static func rumor(_ id: MemberID, _ status: MemberStatus, accuser: String? = nil) -> Rumor {
        let metadata = MemberMetadata(httpAddress: "127.0.0.1:8080", version: "0.1.0", load: 12)
        return Rumor(Member(id: id, revision: 3, status: status, metadata: metadata), accuser: accuser)
    }

    static func all() -> [Seed] {
        let bodies: [(String, Message.Body)] = [
            ("ping", .ping(7, target: id("n1", "10.0.0.7"))), ("seed-ping", .ping(1, target: nil)), ("ack", .ack(7)),
            ("ping-request", .pingRequest(300, target: id("n2", "2001:db8::1"))), ("nack", .nack(8)),
            ("gossip", .gossip), ("table", .table),
            ("pull", .pull([UInt64](repeating: 0xF00D, count: MembershipLimits.partsCount), isAnswer: false)),
        ]
        let rumors = [
            rumor(sender, .alive), rumor(id("n1", "node-1.example.org"), .suspect, accuser: "n0"),
            rumor(id("n2", "2001:db8::1"), .dead, accuser: "n1"), rumor(id("né", "127.0.0.1"), .left),
        ]
        let messages = bodies.map { name, body in
            (name, Message(flock: 42, sender: sender, digest: 99, body: body, rumors: rumors))
        }
        var seeds = messages.flatMap { name, message in
            Datagrams.encode([message]).prefix(1).map { Seed(name, $0) }
        }
        let few = messages.prefix(4).map { _, message in
            Message(flock: 42, sender: sender, digest: 99, body: message.body, rumors: [rumors[0]])
        }
        seeds += Datagrams.encode(few).prefix(1).map { Seed("several", $0) }
        return seeds
    }
}
