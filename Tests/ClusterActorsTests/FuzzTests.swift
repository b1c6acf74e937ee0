import ClusterActors
import Distributed
import LogFormat
import NIOCore
import Telemetry
import Testing

/// A million inputs that no honest peer sends: each is an error or nothing, none ends the process, and what is held in
/// memory stays within its limits. Seeded, so that what fails fails again.
struct FuzzTests {
    private struct Source {
        var generator: SeededGenerator

        mutating func below(_ bound: Int) -> Int { Int(generator.next() % UInt64(max(bound, 1))) }

        mutating func bytes(_ count: Int) -> [UInt8] {
            (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next() >> 32) }
        }

        /// A few bytes changed, left out, doubled or cut off.
        mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
            var bytes = bytes
            for _ in 0...below(3) {
                guard !bytes.isEmpty else { return bytes }
                let index = below(bytes.count)
                switch below(5) {
                case 0: bytes[index] = UInt8(truncatingIfNeeded: generator.next() >> 32)
                case 1: bytes[index] ^= 1 << UInt8(below(8))
                case 2: bytes.removeLast(below(bytes.count))
                case 3: bytes.insert(bytes[index], at: index)
                default: bytes[index] = [0, 1, 0x7F, 0x80, 0xFF][below(5)]
                }
            }
            return bytes
        }
    }

    private static let sides: [Session.Side] = [.callee, .caller(of: "b", incarnation: 1)]

    private func hello(_ node: String) -> Hello {
        Hello(flock: FlockID(high: 1, low: 2), node: node, incarnation: 1, version: "1")
    }

    /// An established session, to be copied for each input.
    private func open(_ side: Session.Side) throws -> Session {
        var caller = try Session(.caller(of: "b", incarnation: 1), own: hello("a"), keys: nil)
        var callee = try Session(.callee, own: hello("b"), keys: nil)
        for _ in 0..<2 {
            var bytes = ByteBuffer()
            try caller.fill(&bytes, atMost: 1 << 20)
            callee.append(bytes)
            while try callee.next() != nil {}
            bytes.clear()
            try callee.fill(&bytes, atMost: 1 << 20)
            caller.append(bytes)
            while try caller.next() != nil {}
        }
        return side == .callee ? callee : caller
    }

    /// What an honest peer could send to that side.
    private func honest(_ side: Session.Side) throws -> [UInt8] {
        var buffer = ByteBuffer()
        var writer = FrameWriter()
        let kind: FrameKind = side == .callee ? .request : .reply
        for (first, last, id) in [(true, true, 1), (true, false, 2), (true, false, 3), (false, true, 2)] {
            try writer.write(
                FrameHeader(kind: kind, isFirst: first, isLast: last, id: UInt64(id)),
                ByteBuffer(repeating: 7, count: 9),
                into: &buffer)
        }
        return Array(buffer.readableBytesView)
    }

    private func hold(_ session: inout Session, _ bytes: [UInt8]) -> Int {
        session.append(ByteBuffer(bytes: bytes))
        while let _ = try? session.next() {}
        return session.heldBytes
    }

    @Test(arguments: 0..<2) func framesOfStrangers(side: Int) throws {
        let side = Self.sides[side]
        var source = Source(generator: SeededGenerator(seed: 11))
        let fresh = try Session(side, own: hello(side == .callee ? "b" : "a"), keys: .of(1))
        let established = try open(side)
        let good = try honest(side)
        var helloBytes = ByteBuffer()
        var writer = FrameWriter()
        try writer.write(FrameHeader(kind: .hello), hello("a").encoded(), into: &helloBytes)
        let goodHello = Array(helloBytes.readableBytesView)
        var most = 0
        for round in 0..<5_000 {
            var session = round % 4 == 0 ? fresh : established
            let input = round % 8 == 0 ? source.mutate(goodHello) : source.mutate(good)
            most = max(most, hold(&session, input))
        }
        #expect(most < 1_000)
    }

    /// One session fed for long: whatever is tolerated must not pile up.
    @Test func nothingPilesUpInASessionThatGoesOn() throws {
        var source = Source(generator: SeededGenerator(seed: 12))
        var session = try open(.callee)
        var most = 0
        for _ in 0..<5_000 {
            var buffer = ByteBuffer()
            var writer = FrameWriter()
            let header = FrameHeader(
                kind: source.below(9) == 0 ? .cancel : .request, isFirst: source.below(2) == 0,
                isLast: source.below(3) == 0, id: UInt64(source.below(400)))
            let payload = ByteBuffer(repeating: 0, count: source.below(40))
            try writer.write(header, payload, into: &buffer)
            session.append(buffer)
            do {
                while try session.next() != nil {}
            } catch {
                session = try open(.callee)
            }
            most = max(most, session.heldBytes)
        }
        #expect(most < PeerLimits.partsBytesMax)
    }

    @Test(arguments: 0..<2) func payloadsOfStrangers(seed: UInt64) throws {
        var source = Source(generator: SeededGenerator(seed: seed))
        let good = Array(hello("a").encoded().readableBytesView)
        var errors = 0
        for round in 0..<5_000 {
            let input = round % 2 == 0 ? source.mutate(good) : source.bytes(source.below(60))
            let payload = ByteBuffer(bytes: input)
            do { _ = try Hello(decoding: payload) } catch { errors += 1 }
            var decoder = ClusterCallDecoder(payload, argumentsCount: 2)
            do {
                _ = try decoder.decodeNextArgument() as Number
                _ = try decoder.decodeNextArgument() as Blob
            } catch { errors += 1 }
        }
        #expect(errors > 5_000)
    }
}
