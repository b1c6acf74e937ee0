import ClusterActors
import ClusterKeys
import LogFormat
import NIOCore
import Telemetry
import Testing

/// Two ends of a connection as values, and somebody between them.
struct SessionTests {
    private static let flock = FlockID(high: 1, low: 2)

    private func hello(_ node: String, random: UInt64 = 5) -> Hello {
        Hello(
            flock: Self.flock, node: node, incarnation: 1, version: "1", random: FlockID(high: random, low: random))
    }

    private func caller(_ keys: KeyRing? = nil, of name: String = "b", incarnation: UInt64 = 1) throws -> Session {
        try Session(.caller(of: name, incarnation: incarnation), own: hello("a"), keys: keys)
    }

    private func callee(_ keys: KeyRing? = nil, random: UInt64 = 6) throws -> Session {
        try Session(.callee, own: hello("b", random: random), keys: keys)
    }

    private func output(_ session: inout Session) throws -> ByteBuffer {
        var buffer = ByteBuffer()
        try session.fill(&buffer, atMost: 1 << 30)
        return buffer
    }

    private func feed(_ session: inout Session, _ bytes: ByteBuffer) throws -> [Session.Event] {
        session.append(bytes)
        var events: [Session.Event] = []
        while let event = try session.next() { events.append(event) }
        return events
    }

    @Test(arguments: [false, true]) func callerAndCalleeMeet(sealed: Bool) throws {
        let keys = sealed ? KeyRing.of(1) : nil
        var (a, b) = (try caller(keys), try callee(keys))
        a.send(PeerMessage(.request, id: 1, ByteBuffer(string: "what?")))
        let first = try feed(&b, output(&a))
        #expect(first == [])
        let met = try feed(&a, output(&b))
        guard case .established(let seen) = met.first else {
            Issue.record("\(met)")
            return
        }
        #expect(seen.node == "b" && seen.flock == Self.flock)
        let bytes = try output(&a)
        #expect((Array(bytes.readableBytesView).firstRange(of: Array("what?".utf8)) == nil) == sealed)
        let events = try feed(&b, bytes)
        #expect(events.count == 2)
        #expect(events.last == .message(PeerMessage(.request, id: 1, ByteBuffer(string: "what?"))))
        b.send(PeerMessage(.reply, id: 1, ByteBuffer(string: "that")))
        let replies = try feed(&a, output(&b))
        #expect(replies == [.message(PeerMessage(.reply, id: 1, ByteBuffer(string: "that")))])
    }

    @Test func anotherNodeOrAnotherLifeOfItIsNotCalled() throws {
        for (name, incarnation) in [("c", 1), ("b", 2)] as [(String, UInt64)] {
            var (a, b) = (try caller(of: name, incarnation: incarnation), try callee())
            _ = try feed(&b, output(&a))
            #expect(throws: SessionError.otherNode("b#1")) { try feed(&a, output(&b)) }
        }
    }

    /// Whatever of the hellos somebody between them changes: they do not come to talk.
    @Test func aHelloChangedOnItsWayIsNoticed() throws {
        let hello = try {
            var a = try caller(.of(1)); return try output(&a)
        }()
        for index in FrameHeader.bytes..<hello.readableBytes {
            var (a, b) = (try caller(.of(1)), try callee(.of(1)))
            _ = try output(&a)
            var changed = hello
            changed.setInteger((changed.getInteger(at: index) ?? 0 as UInt8) ^ 1, at: index)
            var served: [Session.Event] = []
            do {
                served += try feed(&b, changed)
                _ = try feed(&a, output(&b))
                served += try feed(&b, output(&a))
            } catch {}
            #expect(served == [], "byte \(index)")
        }
    }

    @Test func anOldConnectionsBytesAreWorthNothing() throws {
        var (a, b) = (try caller(.of(1)), try callee(.of(1)))
        let first = try output(&a)
        _ = try feed(&b, first)
        _ = try feed(&a, output(&b))
        a.send(PeerMessage(.request, id: 1, ByteBuffer(string: "pay")))
        let second = try output(&a)
        let served = try feed(&b, second)
        #expect(served.count == 2)
        var later = try callee(.of(1), random: 7)
        _ = try feed(&later, first)
        #expect(throws: SessionError.frame(.badSeal)) { try feed(&later, second) }
    }

    @Test func aPeerOfAnotherProtocolIsToldSo() throws {
        for framesToo in [false, true] {
            var b = try callee()
            var mine = hello("a")
            mine.protocolVersion = 2
            var bytes = ByteBuffer()
            var writer = FrameWriter()
            try writer.write(FrameHeader(kind: .hello), mine.encoded(), into: &bytes)
            if framesToo { bytes.setInteger(9 as UInt8, at: 4) }
            #expect(throws: SessionError.refusing(.otherProtocol)) { try feed(&b, bytes) }
            b.refuse(.otherProtocol)
            var a = try caller()
            let refusal = try output(&b)
            #expect(throws: SessionError.refusedByPeer(.otherProtocol)) { try feed(&a, refusal) }
        }
    }

    @Test func fieldsThatALaterVersionAddsAreSkipped() throws {
        var payload = hello("a").encoded()
        payload.writeString("more")
        #expect(try Hello(decoding: payload) == hello("a"))
        #expect(throws: Refusal.malformedHello) { try Hello(decoding: ByteBuffer(string: "GET / HTTP/1.1")) }
    }

    @Test func nobodySpeaksOutOfTurn() throws {
        func frame(_ kind: FrameKind, _ payload: ByteBuffer = ByteBuffer()) throws -> ByteBuffer {
            var buffer = ByteBuffer()
            var writer = FrameWriter()
            try writer.write(FrameHeader(kind: kind, id: 1), payload, into: &buffer)
            return buffer
        }
        // Before the hello, instead of ready, and on the wrong side.
        for kind in FrameKind.allCases where kind != .hello {
            var b = try callee()
            #expect(throws: SessionError.unexpected(kind)) { try feed(&b, frame(kind)) }
        }
        for kind in FrameKind.allCases where kind != .ready {
            var (a, b) = (try caller(), try callee())
            _ = try feed(&b, output(&a))
            #expect(throws: SessionError.unexpected(kind)) { try feed(&b, frame(kind)) }
        }
        for kind in FrameKind.allCases where kind != .reply && kind != .failure {
            var (a, b) = (try caller(), try callee())
            _ = try feed(&b, output(&a))
            _ = try feed(&a, output(&b))
            #expect(throws: SessionError.unexpected(kind)) { try feed(&a, frame(kind)) }
        }
    }

    /// The caller of a long request waits no longer while half of it is on its way: the next call is served.
    @Test func aRequestTakenBackHalfwayLeavesTheConnectionAsItWas() throws {
        var (a, b) = (try caller(), try callee())
        _ = try feed(&b, output(&a))
        _ = try feed(&a, output(&b))
        a.send(PeerMessage(.request, id: 1, ByteBuffer(repeating: 0, count: 1 << 20)))
        var some = ByteBuffer()
        try a.fill(&some, atMost: 100_000)
        _ = try feed(&b, some)
        #expect(b.heldBytes > 60_000)
        let isBegun = a.drop(1)
        #expect(isBegun)
        a.send(PeerMessage(.cancel, id: 1))
        a.send(PeerMessage(.request, id: 2, ByteBuffer(string: "next")))
        let events = try feed(&b, output(&a))
        #expect(
            events == [
                .message(PeerMessage(.cancel, id: 1)),
                .message(PeerMessage(.request, id: 2, ByteBuffer(string: "next"))),
            ])
        #expect(b.heldBytes == 0)
    }

    /// A stranger makes a node hold no more than a hello.
    @Test func beforeTheHelloOnlyALittleIsRead() throws {
        var b = try callee()
        var long = ByteBuffer()
        long.writeInteger(UInt32(PeerLimits.helloBytesMax + FrameHeader.bytes + 1), endianness: .little)
        #expect(throws: SessionError.self) { try feed(&b, long) }
    }

    @Test func refusalsAreFrozen() {
        #expect(Refusal.allCases.map(\.rawValue) == [1, 2, 3, 4, 5, 6, 7, 255])
    }
}
