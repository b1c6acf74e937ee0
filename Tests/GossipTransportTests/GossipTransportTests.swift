import ClusterKeys
import Logging
import Membership
import Synchronization
import Testing
import Wire

@testable import GossipTransport

/// Over real sockets on loopback.
@Suite(.timeLimit(.minutes(3)))
struct GossipTransportTests {
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Each at a loopback address of its own: at a shared one, a port that one test gave back may be the next one's,
    /// and what was on its way to the first is heard by the second.
    static func transport(_ keys: KeyRing? = nil, host: String? = nil) -> GossipTransport {
        GossipTransport(.init(host: host ?? ownAddress(), port: 0), keys: keys, logger: logger)
    }

    private static let addressesGiven = Atomic<Int>(0)

    private static func ownAddress() -> String {
        let number = addressesGiven.add(1, ordering: .relaxed).oldValue
        return "127.1.\(number / 250).\(number % 250 + 1)"
    }

    static func message(_ number: UInt64, rumors: [Rumor] = []) -> Message {
        Message(
            flock: 1,
            sender: MemberID(name: "n", address: MemberAddress(host: "127.0.0.1", port: 1), incarnation: 1), digest: 2,
            body: .ack(number), rumors: rumors)
    }

    /// What comes next, whoever sent it.
    static func next(_ transport: GossipTransport) async -> (Message, MemberAddress)? {
        var iterator = transport.messages.makeAsyncIterator()
        return await iterator.next()
    }

    /// Waits for a count: sent again and again, since a datagram may be lost.
    static func wait(_ isDone: () -> Bool, sending: () throws -> Void) async rethrows {
        while !isDone() {
            try sending()
            await Task.yield()
        }
    }

    @Test(arguments: ["127.0.0.1", "::1", "localhost"], [false, true])
    func twoExchangeMessages(host: String, isSealed: Bool) async throws {
        let ring = try isSealed ? Keys.ring(1) : nil
        let one = Self.transport(ring, host: host)
        let other = Self.transport(ring, host: host)
        let oneAddress = try await one.start()
        let otherAddress = try await other.start()
        #expect(oneAddress.port != 0)
        one.send([(Self.message(1), otherAddress), (Self.message(2), otherAddress)])
        for number in [1, 2] as [UInt64] {
            let (message, from) = try #require(await Self.next(other))
            #expect(message == Self.message(number))
            #expect(from == oneAddress)
        }
        other.send([(Self.message(3), oneAddress)])
        #expect(try #require(await Self.next(one)).0 == Self.message(3))
        // Both in one datagram.
        #expect(one.counts.datagramsSent == 1)
        #expect(other.counts.bytesReceived == one.counts.bytesSent)
        await one.close()
        await other.close()
        #expect(await Self.next(one) == nil)
    }

    @Test func aWildcardOfIPv6HearsIPv4UnderItsOwnAddress() async throws {
        let wide = Self.transport(host: "::")
        let narrow = Self.transport()
        let port = try await wide.start().port
        let narrowAddress = try await narrow.start()
        narrow.send([(Self.message(1), MemberAddress(host: "127.0.0.1", port: port))])
        #expect(try #require(await Self.next(wide)).1 == narrowAddress)
        wide.send([(Self.message(2), narrowAddress)])
        #expect(try #require(await Self.next(narrow)).1 == MemberAddress(host: "127.0.0.1", port: port))
        await wide.close()
        await narrow.close()
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        let refusal: DatagramRefusal
        let receiverHasKey: Bool
        /// Makes a source of such datagrams. What is sealed must be sealed anew each time, or it is a replay.
        let datagrams: @Sendable () throws -> () throws -> [UInt8]
        var testDescription: String { refusal.rawValue }

        static func always(_ refusal: DatagramRefusal, receiverHasKey: Bool, _ bytes: [UInt8]) -> Bad {
            Bad(refusal: refusal, receiverHasKey: receiverHasKey) { { bytes } }
        }

        static func sealed(
            _ refusal: DatagramRefusal, key: UInt8, receiverHasKey: Bool, _ bytes: [UInt8]
        ) -> Bad {
            Bad(refusal: refusal, receiverHasKey: receiverHasKey) {
                var sender = Sender(try Keys.ring(key))
                return { try sender.seal(bytes) }
            }
        }
    }

    static let bad: [Bad] = [
        .always(.oversized, receiverHasKey: true, [UInt8](repeating: 1, count: DatagramLimits.bytesMax + 1)),
        .always(.oversized, receiverHasKey: false, [UInt8](repeating: 1, count: 60_000)),
        Bad(refusal: .clear, receiverHasKey: true) {
            let bytes = try #require(Datagrams.encode([message(1)]).first)
            return { bytes }
        },
        .sealed(.sealed, key: 1, receiverHasKey: false, [1]),
        .sealed(.wrongKey, key: 2, receiverHasKey: true, [1]),
        Bad(refusal: .replay, receiverHasKey: true) {
            var sender = Sender(try Keys.ring(1))
            let bytes = try sender.seal(try #require(Datagrams.encode([message(1)]).first))
            return { bytes }
        },
        .sealed(.malformed, key: 1, receiverHasKey: true, [Datagrams.version, 1, 2, 3]),
        .always(.malformed, receiverHasKey: false, []),
        .always(.malformed, receiverHasKey: false, [Datagrams.version, 0]),
        .always(.otherVersion, receiverHasKey: false, [Datagrams.version + 1, 0]),
        .always(.otherVersion, receiverHasKey: true, [SealedForm.kind + 1, 0]),
    ]

    @Test(arguments: bad)
    func whatIsBadIsCountedAndTheReadingGoesOn(bad: Bad) async throws {
        let ring = try bad.receiverHasKey ? Keys.ring(1) : nil
        let receiver = Self.transport(ring)
        let address = try await receiver.start()
        let target = try #require(SocketName(address))
        let stranger = try UDPSocket(host: "127.0.0.1", port: 0)
        let next = try bad.datagrams()
        try await Self.wait(
            { receiver.counts.refused[bad.refusal, default: 0] > 0 },
            sending: { _ = stranger.send(try next(), to: target) })
        stranger.close()
        let friend = Self.transport(ring)
        _ = try await friend.start()
        friend.send([(Self.message(9), address)])
        var received: Message?
        while received != Self.message(9) { received = try #require(await Self.next(receiver)).0 }
        #expect(receiver.counts.reopened == 0)
        #expect(Set(receiver.counts.refused.keys) == [bad.refusal])
        await friend.close()
        await receiver.close()
    }

    /// The kernel answers with an ICMP error; who has no route or no right to send gets one at once.
    @Test func thoseWhoCannotBeReachedEndNothing() async throws {
        let one = Self.transport()
        let other = Self.transport()
        let gone = Self.transport()
        let oneAddress = try await one.start()
        let otherAddress = try await other.start()
        let goneAddress = try await gone.start()
        await gone.close()
        let broadcast = MemberAddress(host: "255.255.255.255", port: 9)
        let ofOtherFamily = MemberAddress(host: "2001:db8::1", port: 9)
        let unnumbered = MemberAddress(host: "n0.example", port: 9)
        for number in 0..<100 as Range<UInt64> {
            one.send([goneAddress, broadcast, ofOtherFamily, unnumbered].map { (Self.message(number), $0) })
        }
        #expect(one.counts.sendsFailed >= 200)
        #expect(one.counts.messagesUnsendable == 100)
        other.send([(Self.message(1), oneAddress)])
        #expect(try #require(await Self.next(one)).1 == otherAddress)
        one.send([(Self.message(2), otherAddress)])
        #expect(try #require(await Self.next(other)).1 == oneAddress)
        #expect(one.counts.reopened == 0)
        await one.close()
        await other.close()
    }

    @Test func whoIsSlowLosesTheOldest() async throws {
        let slow = Self.transport()
        let fast = Self.transport()
        let address = try await slow.start()
        _ = try await fast.start()
        var number: UInt64 = 0
        await Self.wait(
            { slow.counts.messagesDropped > 0 },
            sending: {
                number += 1
                fast.send([(Self.message(number), address)])
            })
        #expect(slow.counts.messagesReceived > GossipLimits.inboundMax)
        #expect(try #require(await Self.next(slow)).0 != Self.message(1))
        await slow.close()
        await fast.close()
    }

    @Test func theReadingIsOpenedAgainAtTheSamePort() async throws {
        let one = Self.transport()
        let other = Self.transport()
        let address = try await one.start()
        _ = try await other.start()
        await one.endReading()
        other.send([(Self.message(1), address)])
        #expect(try #require(await Self.next(one)).0 == Self.message(1))
        #expect(one.counts.reopened == 1)
        await one.close()
        await other.close()
    }

    @Test func aPortInUseIsAnErrorThatSaysWhatToDo() async throws {
        let one = Self.transport()
        let address = try await one.start()
        let second = GossipTransport(.init(host: address.host, port: address.port), keys: nil, logger: Self.logger)
        let error = await #expect(throws: GossipTransportError.self) { _ = try await second.start() }
        #expect(error?.description.contains("--gossip") == true)
        let nowhere = Self.transport(host: "no.such.name.invalid")
        await #expect(throws: GossipTransportError.self) { _ = try await nowhere.start() }
        await one.close()
    }

    @Test func aFullTableFitsTheStream() async throws {
        let one = Self.transport(try Keys.ring(1))
        let other = Self.transport(try Keys.ring(1))
        let address = try await other.start()
        _ = try await one.start()
        let rumors = (0..<256).map { index in
            Rumor(
                Member(
                    id: MemberID(
                        name: "node-\(index)", address: MemberAddress(host: "10.0.0.1", port: 1), incarnation: 1),
                    revision: 0, status: .alive))
        }
        let pieces = stride(from: 0, to: rumors.count, by: 8).map {
            Message(
                flock: 1, sender: Self.message(1).sender, digest: 2, body: .table,
                rumors: Array(rumors[$0..<($0 + 8)]))
        }
        one.send(pieces.map { ($0, address) })
        var received: [Rumor] = []
        while received.count < rumors.count {
            let (message, _) = try #require(await Self.next(other))
            received += message.rumors
        }
        #expect(received == rumors)
        await one.close()
        await other.close()
    }
}
