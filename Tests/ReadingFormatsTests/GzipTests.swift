import ReadingFormats
import Telemetry
import Testing

struct GzipTests {
    static let limit = 1 << 20

    @Test(arguments: [0, 1, 2, 17, 1000, 16 * 1024, 65_535, 65_536, 65_537, 300_000])
    func whatIsPackedComesBack(count: Int) throws {
        for bytes in Self.materials(count: count) {
            for level in [1, 6, 9] {
                let packed = GzipEncoder.encode(bytes, level: level)
                #expect(try GzipDecoder.decode(packed, limitBytes: count) == bytes)
            }
        }
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func chunksOfAnySizeGiveTheSame(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for bytes in Self.materials(count: 100_000) {
            let encoder = GzipEncoder()
            var packed: [UInt8] = []
            Self.inChunks(of: bytes, using: &generator) { chunk, generator in
                encoder.encode(chunk, into: &packed, flush: generator.draw(below: 3) == 0)
            }
            encoder.finish(into: &packed)
            let decoder = GzipDecoder(limitBytes: bytes.count)
            var output: [UInt8] = []
            try Self.inChunks(of: packed, using: &generator) { chunk, _ in try decoder.decode(chunk, into: &output) }
            try decoder.finish()
            #expect(output == bytes)
        }
    }

    @Test func aFlushMakesAllOfTheInputReadable() throws {
        let encoder = GzipEncoder()
        let decoder = GzipDecoder(limitBytes: Self.limit)
        var output: [UInt8] = []
        for part in ["first", "second", ""] {
            var packed: [UInt8] = []
            encoder.encode(Array(part.utf8), into: &packed, flush: true)
            try decoder.decode(packed, into: &output)
            #expect(String(decoding: output, as: UTF8.self).hasSuffix(part))
        }
        #expect(throws: GzipError.truncated) { try decoder.finish() }
    }

    @Test func membersFollowOneAnother() throws {
        let packed = [[1, 2, 3], [], [4]].flatMap { GzipEncoder.encode($0) }
        #expect(try GzipDecoder.decode(packed, limitBytes: Self.limit) == [1, 2, 3, 4])
        #expect(throws: GzipError.tooLarge(limit: 3)) { try GzipDecoder.decode(packed, limitBytes: 3) }
    }

    @Test func theLimitIsExact() throws {
        let bytes = [UInt8](repeating: 7, count: 200_000)
        let packed = GzipEncoder.encode(bytes)
        #expect(try GzipDecoder.decode(packed, limitBytes: 200_000) == bytes)
        #expect(throws: GzipError.tooLarge(limit: 199_999)) { try GzipDecoder.decode(packed, limitBytes: 199_999) }
        #expect(throws: GzipError.tooLarge(limit: 0)) { try GzipDecoder.decode(packed, limitBytes: 0) }
        #expect(try GzipDecoder.decode(GzipEncoder.encode([]), limitBytes: 0) == [])
    }

    /// 64 MiB of zeros in 64 KiB: given up at the limit, not unpacked to the end.
    @Test func aBombIsGivenUpAtTheLimit() throws {
        let encoder = GzipEncoder(level: 9)
        var packed: [UInt8] = []
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        for _ in 0..<64 { encoder.encode(zeros, into: &packed) }
        encoder.finish(into: &packed)
        let decoder = GzipDecoder(limitBytes: Self.limit)
        var output: [UInt8] = []
        #expect(throws: GzipError.tooLarge(limit: Self.limit)) { try decoder.decode(packed, into: &output) }
        #expect(output.count == Self.limit)
        // It stays given up.
        #expect(throws: GzipError.tooLarge(limit: Self.limit)) { try decoder.decode([0], into: &output) }
        #expect(throws: GzipError.tooLarge(limit: Self.limit)) { try decoder.finish() }
        #expect(output.count == Self.limit)
    }

    @Test func aStreamCutOffAnywhereIsTruncated() throws {
        let packed = GzipEncoder.encode(Self.materials(count: 500)[1])
        for count in 0..<packed.count {
            #expect(throws: GzipError.truncated) {
                try GzipDecoder.decode(Array(packed[..<count]), limitBytes: Self.limit)
            }
        }
        // The second member is missing its end.
        #expect(throws: GzipError.truncated) {
            try GzipDecoder.decode(packed + packed.dropLast(), limitBytes: Self.limit)
        }
    }

    struct Corruption: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let reason: String
        let bytes: [UInt8]
    }

    private static let good = GzipEncoder.encode(Array("a body of some bytes, a body of some bytes".utf8))

    private static func changed(_ place: Int, by difference: UInt8) -> [UInt8] {
        var bytes = good
        bytes[place < 0 ? bytes.count + place : place] ^= difference
        return bytes
    }

    static let corruptions = [
        Corruption(
            testDescription: "text", reason: "incorrect header check", bytes: Array("{\"device_id\":\"d\"}".utf8)),
        Corruption(
            testDescription: "zlib's own header", reason: "incorrect header check", bytes: [0x78, 0x9C, 0x03, 0x00]),
        Corruption(testDescription: "magic", reason: "incorrect header check", bytes: changed(0, by: 1)),
        Corruption(testDescription: "method", reason: "unknown compression method", bytes: changed(2, by: 1)),
        Corruption(testDescription: "reserved flag", reason: "unknown header flags", bytes: changed(3, by: 0x80)),
        Corruption(testDescription: "block type", reason: "invalid block type", bytes: changed(10, by: 0x04)),
        Corruption(testDescription: "checksum", reason: "incorrect data check", bytes: changed(-8, by: 1)),
        Corruption(testDescription: "length", reason: "incorrect length check", bytes: changed(-1, by: 1)),
        Corruption(testDescription: "text behind it", reason: "other bytes follow", bytes: good + Array("more".utf8)),
        Corruption(testDescription: "zeros behind it", reason: "other bytes follow", bytes: good + [0, 0, 0, 0]),
    ]

    @Test(arguments: corruptions)
    func corruptionIsToldApart(case: Corruption) {
        let error = #expect(throws: GzipError.self) {
            try GzipDecoder.decode(`case`.bytes, limitBytes: Self.limit)
        }
        guard case .corrupt(let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains(`case`.reason), "\(reason)")
        #expect(error?.description.contains("Content-Encoding") == true)
    }

    /// Each bit of a member turned over: an error, or the very same bytes (where the header says something of no
    /// account, such as the time).
    @Test func noTurnedBitGivesOtherBytes() {
        let expected = try? GzipDecoder.decode(Self.good, limitBytes: Self.limit)
        #expect(expected != nil)
        for bit in 0..<(Self.good.count * 8) {
            let bytes = Self.changed(bit / 8, by: 1 << UInt8(bit % 8))
            let output = try? GzipDecoder.decode(bytes, limitBytes: Self.limit)
            #expect(output == nil || output == expected)
        }
    }

    @Test func anyBytesGiveAResult() {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<3000 {
            // Behind a good header, so that the walk gets into the blocks.
            let bytes =
                Self.good[..<10]
                + (0..<generator.draw(below: 60)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            let output = try? GzipDecoder.decode(Array(bytes), limitBytes: 1000)
            #expect((output ?? []).count <= 1000)
        }
    }

    /// Bytes that pack well, not at all, and a little.
    private static func materials(count: Int) -> [[UInt8]] {
        var generator = SeededGenerator(seed: 1)
        let noise = (0..<4096).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        let steps = (0..<4096).map { UInt8(truncatingIfNeeded: $0 / 7 % 50) }
        return [[UInt8](repeating: 0, count: 4096), noise, steps].map { piece in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(count + piece.count)
            while bytes.count < count {
                bytes += piece[..<(1 + generator.draw(below: piece.count))]
            }
            return Array(bytes.prefix(count))
        }
    }

    private static func inChunks(
        of bytes: [UInt8], using generator: inout SeededGenerator,
        do body: ([UInt8], inout SeededGenerator) throws -> Void
    ) rethrows {
        var rest = bytes[...]
        while !rest.isEmpty {
            let chunk = rest.prefix(generator.draw(below: Drawn.pick([2, 100, 70_000], using: &generator)))
            rest = rest.dropFirst(chunk.count)
            try body(Array(chunk), &generator)
        }
    }
}
