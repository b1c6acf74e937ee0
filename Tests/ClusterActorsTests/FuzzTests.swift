import ClusterActors
import Distributed
import LogFormat
import NIOCore
import Telemetry
import Testing

/// A million inputs that no honest peer sends: each is an error or nothing, none ends the process, and what is held in
/// memory stays within its limits. Seeded, so that what fails fails again.
struct FuzzTests {
    /// Inputs in all; they are cheap ones, because nothing here is optimized in a test build.
    private static let inputsCount = 1_000_000

    /// Up to four bytes changed, and now and then the end cut off, by the bits of one drawn number.
    private static func mutate(_ good: ByteBuffer, _ bits: UInt64) -> ByteBuffer {
        var bytes = good
        let count = UInt64(good.readableBytes)
        for change in 0...(bits & 3) {
            let part = bits >> (8 + change * 14)
            let index = good.readerIndex + Int((part & 0x7F) % count)
            bytes.setInteger(UInt8(truncatingIfNeeded: bits & 4 == 0 ? part >> 6 : 1 << (part >> 7 & 7)), at: index)
        }
        if bits & 0x18 == 0 { bytes.moveWriterIndex(to: good.readerIndex + Int((bits >> 40) % count)) }
        return bytes
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

    private func bytes(_ frames: [(FrameHeader, ByteBuffer)]) throws -> ByteBuffer {
        var buffer = ByteBuffer()
        var writer = FrameWriter()
        for (header, payload) in frames { try writer.write(header, payload, into: &buffer) }
        return buffer
    }

    /// To a session that has met its peer: what an honest one could send, changed.
    @Test(arguments: 0..<4) func framesOfStrangers(part: Int) throws {
        let side = Self.sides[part % 2]
        var generator = SeededGenerator(seed: UInt64(part))
        let established = try open(side)
        let kind: FrameKind = side == .callee ? .request : .reply
        let good = try bytes([
            (FrameHeader(kind: kind, isFirst: true, isLast: false, id: 1), ByteBuffer(repeating: 7, count: 9)),
            (FrameHeader(kind: kind, isFirst: false, isLast: true, id: 1), ByteBuffer(repeating: 7, count: 9)),
        ])
        var session = established
        var (errors, most) = (0, 0)
        for _ in 0..<(Self.inputsCount / 8) {
            session.append(Self.mutate(good, generator.next()))
            do {
                while try session.next() != nil {}
            } catch {
                session = established
                errors += 1
            }
            most = max(most, session.heldBytes)
        }
        #expect(errors > 1_000 && most < PeerLimits.partsBytesMax)
    }

    /// To a session that has met nobody.
    @Test(arguments: 0..<2) func hellosOfStrangers(part: Int) throws {
        let side = Self.sides[part]
        var generator = SeededGenerator(seed: UInt64(part))
        let fresh = try Session(side, own: hello(side == .callee ? "b" : "a"), keys: nil)
        let good = try bytes([(FrameHeader(kind: .hello), hello(side == .callee ? "a" : "b").encoded())])
        var errors = 0
        for _ in 0..<(Self.inputsCount / 8) {
            var session = fresh
            session.append(Self.mutate(good, generator.next()))
            do { while try session.next() != nil {} } catch { errors += 1 }
        }
        #expect(errors > 1_000)
    }

    @Test(arguments: 0..<2) func payloadsOfStrangers(part: Int) throws {
        var generator = SeededGenerator(seed: UInt64(part))
        var writer = ByteWriter()
        try Number(300).encode(into: &writer)
        try Blob([1, 2, 3]).encode(into: &writer)
        let good = writer.withUnsafeBytes { ByteBuffer(bytes: $0) }
        var errors = 0
        for _ in 0..<(Self.inputsCount / 8) {
            var decoder = ClusterCallDecoder(Self.mutate(good, generator.next()), argumentsCount: 2)
            do {
                _ = try decoder.decodeNextArgument() as Number
                _ = try decoder.decodeNextArgument() as Blob
            } catch { errors += 1 }
        }
        #expect(errors > 1_000)
    }
}
