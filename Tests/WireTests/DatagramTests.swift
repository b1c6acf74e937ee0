import LogFormat
import Testing
import Wire

@testable import Membership

struct DatagramTests {
    static func member(_ name: String, _ host: String = "10.1.2.3", port: UInt16 = 7946) -> MemberID {
        MemberID(name: name, address: MemberAddress(host: host, port: port), incarnation: 1_795_000_000_000_000)
    }

    static func message(_ body: Message.Body, _ rumors: [Rumor] = [], from sender: MemberID? = nil) -> Message {
        Message(
            flock: 0x1122_3344_5566_7788, sender: sender ?? member("starling-0"), digest: .max, body: body,
            rumors: rumors)
    }

    static let longest = MemberID(
        name: String(repeating: "n", count: MembershipLimits.nameBytesMax),
        address: MemberAddress(host: String(repeating: "h", count: MembershipLimits.hostBytesMax), port: .max),
        incarnation: .max)

    static func longestRow(_ id: MemberID) -> Member {
        Member(
            id: id, revision: .max, status: .suspect,
            metadata: MemberMetadata(
                httpAddress: String(repeating: "a", count: MembershipLimits.httpAddressBytesMax),
                version: String(repeating: "v", count: MembershipLimits.versionBytesMax), load: .max))
    }

    @Test func aDatagramFitsAPacketWithItsSeal() {
        #expect(DatagramLimits.bytesMax <= 1_232)
        #expect(DatagramLimits.plainBytesMax + DatagramLimits.sealBytesMax == DatagramLimits.bytesMax)
        #expect(DatagramLimits.rumorsMax == MembershipLimits().messageRumorsMax)
        #expect(DatagramLimits.mustFitBytesMax <= DatagramLimits.plainBytesMax)
    }

    /// The traffic at rest is pings and acks.
    @Test func aPingAndAnAckAreSmall() {
        let target = Self.member("starling-1", "10.1.2.4")
        let ping = Datagrams.encode([Self.message(.ping(100_000, target: target))])
        let ack = Datagrams.encode([Self.message(.ack(100_000))])
        #expect(ping.map(\.count) == [74])
        #expect(ack.map(\.count) == [48])
        let near = Self.message(.ping(100_000, target: Self.member("n1")), from: Self.member("n0"))
        #expect(Datagrams.encode([near]).map(\.count) == [54])
    }

    @Test(arguments: 0..<400)
    func messagesComeBackAsTheyWere(seed: UInt64) throws {
        var samples = Samples(seed: seed)
        let messages = samples.messages()
        // With room for all of it nothing is left out; the header is shared where there are several.
        let whole = Datagrams.encode(messages, bytesMax: 64_000)
        #expect(whole.count == (messages.count + DatagramLimits.messagesMax - 1) / DatagramLimits.messagesMax)
        #expect(try whole.flatMap { try Datagrams.decode($0) } == messages)
        for datagram in Datagrams.encode(messages) {
            #expect(datagram.count <= DatagramLimits.plainBytesMax)
            #expect(try !Datagrams.decode(datagram).isEmpty)
        }
    }

    /// A core counts what fits before anything is written.
    @Test(arguments: 400..<800)
    func noMessageIsLongerThanACoreTakesItFor(seed: UInt64) throws {
        var samples = Samples(seed: seed)
        for _ in 0..<8 {
            let message = samples.message(from: samples.id())
            let datagrams = Datagrams.encode([message], bytesMax: 64_000)
            #expect(datagrams.map(\.count).reduce(0, +) <= message.bytesMax)
        }
        #expect(MembershipLimits().datagramMax <= DatagramLimits.plainBytesMax)
    }

    @Test func whatStandsInFrontAlwaysFits() throws {
        let accusation = Rumor(
            Self.longestRow(
                MemberID(
                    name: String(repeating: "o", count: MembershipLimits.nameBytesMax),
                    address: MemberAddress(host: String(repeating: "i", count: MembershipLimits.hostBytesMax), port: 1),
                    incarnation: .max)), accuser: String(repeating: "q", count: MembershipLimits.nameBytesMax))
        let introduction = Rumor(Self.longestRow(Self.longest))
        let extra = Rumor(Self.longestRow(accusation.member.id))
        let bodies: [Message.Body] = [
            .ack(.max), .nack(.max), .ping(.max, target: nil), .ping(.max, target: accusation.member.id),
        ]
        for body in bodies {
            var front = [accusation, introduction]
            // A core introduces itself to those it asks for no name, and accuses only whom it knows.
            if case .ping(_, let target) = body { front = target == nil ? [introduction] : [accusation] }
            let sent = Self.message(body, front + [extra, extra], from: Self.longest)
            let datagrams = Datagrams.encode([sent])
            #expect(datagrams.count == 1)
            #expect(datagrams.allSatisfy { $0.count <= DatagramLimits.plainBytesMax })
            let back = try Datagrams.decode(try #require(datagrams.first))
            #expect(back.map(\.body) == [body])
            #expect(back.first?.rumors.starts(with: front) == true)
            #expect((back.first?.rumors.count ?? .max) < 4)
        }
        #expect(
            Datagrams.encode([Self.message(.ack(.max), [accusation, introduction], from: Self.longest)]).map(\.count)
                == [DatagramLimits.mustFitBytesMax])
    }

    @Test(arguments: [Message.Body.table, .gossip])
    func aTableGoesOnInAnotherDatagram(body: Message.Body) throws {
        let rumors = (0..<8).map { Rumor(Self.longestRow(Self.member("n\($0)")), accuser: "n9") }
        let datagrams = Datagrams.encode([Self.message(body, rumors)])
        #expect(datagrams.count > 1)
        let back = try datagrams.flatMap { try Datagrams.decode($0) }
        #expect(back.flatMap(\.rumors) == rumors)
        #expect(back.allSatisfy { $0.body == body && !$0.rumors.isEmpty })
    }

    @Test func moreRumorsThanAMessageHoldsGoOnToo() throws {
        let rumors = (0..<40).map { Rumor(Member(id: Self.member("n\($0)"), revision: 0, status: .alive)) }
        let table = try Datagrams.encode([Self.message(.table, rumors)]).flatMap { try Datagrams.decode($0) }
        #expect(table.flatMap(\.rumors) == rumors)
        #expect(table.allSatisfy { $0.rumors.count <= DatagramLimits.rumorsMax })
        let ack = try Datagrams.encode([Self.message(.ack(1), rumors)]).flatMap { try Datagrams.decode($0) }
        #expect(ack.map(\.rumors) == [Array(rumors.prefix(DatagramLimits.rumorsMax))])
    }

    @Test func anotherTableOrSenderIsAnotherDatagram() throws {
        let first = Self.message(.ack(1))
        let ofOther = Self.message(.ack(2), from: Self.member("n9"))
        let ofOtherTable = Message(flock: first.flock, sender: first.sender, digest: 5, body: .ack(3), rumors: [])
        let messages = [first, first, ofOther, ofOtherTable]
        let datagrams = Datagrams.encode(messages)
        #expect(datagrams.count == 3)
        #expect(try datagrams.flatMap { try Datagrams.decode($0) } == messages)
    }

    @Test func whatNoDatagramHoldsIsLeftOut() throws {
        let name = String(repeating: "n", count: MembershipLimits.nameBytesMax + 1)
        #expect(Datagrams.encode([Self.message(.ack(1), from: Self.member(name))]).isEmpty)
        #expect(Datagrams.encode([Self.message(.ping(1, target: Self.member(name)))]).isEmpty)
        #expect(Datagrams.encode([Self.message(.pull([], isAnswer: false))]).isEmpty)
        #expect(Datagrams.encode([Self.message(.ack(1))], bytesMax: 20).isEmpty)
        let rumors = [Self.member("n1"), Self.member(name), Self.member("n2")].map {
            Rumor(Member(id: $0, revision: 0, status: .alive))
        }
        let back = try Datagrams.encode([Self.message(.gossip, rumors)]).flatMap { try Datagrams.decode($0) }
        #expect(back.map(\.rumors) == [[rumors[0], rumors[2]]])
    }
}
