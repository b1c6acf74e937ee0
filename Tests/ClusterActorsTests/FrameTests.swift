import ClusterActors
import Crypto
import NIOCore
import Testing

/// Frames as values: what is written is read back, and nothing else is.
struct FrameTests {
    private func sealing(framesPerKey: UInt64 = 1 << 20) -> FrameSealing {
        FrameSealing(key: SymmetricKey(data: [UInt8](repeating: 9, count: 32)), framesPerKey: framesPerKey)
    }

    private let frames = [
        Frame(FrameHeader(kind: .hello), ByteBuffer(string: "hello")),
        Frame(FrameHeader(kind: .request, isFirst: true, isLast: false, id: 7), ByteBuffer(repeating: 1, count: 3_000)),
        Frame(FrameHeader(kind: .reply, isFirst: false, isLast: true, id: .max), ByteBuffer()),
        Frame(
            FrameHeader(kind: .failure, id: 1), ByteBuffer(repeating: 2, count: FrameHeader.payloadBytesMax)),
    ]

    private func bytes(_ sealing: FrameSealing?) throws -> ByteBuffer {
        var writer = FrameWriter(sealing: sealing)
        var buffer = ByteBuffer()
        for frame in frames { try writer.write(frame.header, frame.payload, into: &buffer) }
        return buffer
    }

    @Test(arguments: [false, true], [1, 7, 1_000, 1 << 20])
    func whatIsWrittenIsReadBackHoweverItIsCut(sealed: Bool, pieceBytes: Int) throws {
        var bytes = try bytes(sealed ? sealing() : nil)
        var reader = FrameReader(sealing: sealed ? sealing() : nil)
        var read: [Frame] = []
        while let piece = bytes.readSlice(length: min(pieceBytes, bytes.readableBytes)), piece.readableBytes > 0 {
            reader.append(piece)
            while let frame = try reader.next() { read.append(frame) }
            #expect(reader.bytesCount < PeerLimits.frameBytesMax)
        }
        #expect(read == frames)
        #expect(reader.bytesCount == 0)
    }

    /// The layout is frozen: other versions of the program read it.
    @Test func theBytesOfAFrame() throws {
        var buffer = ByteBuffer()
        var writer = FrameWriter()
        try writer.write(
            FrameHeader(kind: .request, isFirst: true, isLast: false, id: 0x0102), ByteBuffer(bytes: [0xAA]),
            into: &buffer)
        #expect(Array(buffer.readableBytesView) == [17, 0, 0, 0, 1, 4, 1, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0xAA])
        #expect(FrameKind.allCases.map(\.rawValue) == [1, 2, 3, 4, 5, 6, 7])
    }

    @Test(
        arguments: [
            ([15, 0, 0, 0], FrameError.badLength(15)), ([0, 0, 0, 0], .badLength(0)),
            ([1, 0, 1, 0], .badLength(65_537)), ([255, 255, 255, 255], .badLength(Int(UInt32.max))),
            ([16, 0, 0, 0, 2, 3, 3, 0], .otherVersion(2)), ([16, 0, 0, 0, 1, 0, 3, 0], .unknownKind(0)),
            ([16, 0, 0, 0, 1, 8, 3, 0], .unknownKind(8)), ([16, 0, 0, 0, 1, 4, 7, 0], .badFlags(7)),
            ([16, 0, 0, 0, 1, 4, 3, 1], .badFlags(3)),
            // A hello in parts.
            ([16, 0, 0, 0, 1, 1, 1, 0], .badFlags(1)),
        ] as [([UInt8], FrameError)])
    func headersThatAreNone(start: [UInt8], error: FrameError) {
        var reader = FrameReader()
        reader.append(ByteBuffer(bytes: start + [UInt8](repeating: 0, count: start.count < 8 ? 0 : 8)))
        #expect(throws: error) { try reader.next() }
    }

    @Test func aBitChangedAnywhereDoesNotOpen() throws {
        let header = FrameHeader(kind: .request, id: 1)
        var buffer = ByteBuffer()
        var writer = FrameWriter(sealing: sealing())
        try writer.write(header, ByteBuffer(string: "secret"), into: &buffer)
        let whole = Array(buffer.readableBytesView)
        #expect(whole.firstRange(of: Array("secret".utf8)) == nil)
        for bit in 0..<(whole.count * 8) {
            var changed = whole
            changed[bit / 8] ^= 1 << (bit % 8)
            var reader = FrameReader(sealing: sealing())
            reader.append(ByteBuffer(bytes: changed))
            // A longer length waits for more; everything else fails.
            let frame = try? reader.next()
            #expect(frame == nil, "bit \(bit)")
        }
    }

    @Test func aFrameRepeatedLeftOutOrMovedDoesNotOpen() throws {
        var writer = FrameWriter(sealing: sealing())
        let three = try (0..<3).map { index in
            var buffer = ByteBuffer()
            try writer.write(FrameHeader(kind: .reply, id: 5), ByteBuffer(integer: index), into: &buffer)
            return buffer
        }
        for order in [[0, 0], [1], [0, 2], [1, 0], [0, 1, 1]] {
            var reader = FrameReader(sealing: sealing())
            for index in order { reader.append(three[index]) }
            #expect(throws: FrameError.badSeal) { while try reader.next() != nil {} }
        }
    }

    @Test func bothSidesChangeTheKeyAtTheSameFrame() throws {
        var writer = FrameWriter(sealing: sealing(framesPerKey: 3))
        var reader = FrameReader(sealing: sealing(framesPerKey: 3))
        var late = FrameReader(sealing: sealing())
        for index in 0..<20 {
            var buffer = ByteBuffer()
            try writer.write(FrameHeader(kind: .reply, id: 5), ByteBuffer(integer: index), into: &buffer)
            reader.append(buffer)
            let read = try reader.next()?.payload
            #expect(read == ByteBuffer(integer: index))
            late.append(buffer)
            if index < 3 {
                _ = try late.next()
            } else if index == 3 {
                #expect(throws: FrameError.badSeal) { try late.next() }
            }
        }
    }
}
