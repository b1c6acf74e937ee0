import LogFormat
import Testing

@Suite struct BytesTests {
    static let integers: [UInt64] = [0, 1, 127, 128, 16_383, 16_384, UInt64(UInt32.max), 1 << 62, 1 << 63, .max]

    @Test(arguments: integers) func varintComesBack(value: UInt64) throws {
        var writer = ByteWriter()
        writer.writeVarint(value)
        let bytes = writer.bytes
        let bits = max(1, 64 - value.leadingZeroBitCount)
        #expect(bytes.count == (bits + 6) / 7)
        let read = try ByteReader.read(all: bytes) { (reader) throws(FormatError) in try reader.readVarint() }
        #expect(read == value)
        for cut in 0..<bytes.count {
            #expect(throws: FormatError.truncated(needed: 1, left: 0)) {
                try ByteReader.read(all: Array(bytes[..<cut])) { (reader) throws(FormatError) in
                    try reader.readVarint()
                }
            }
        }
    }

    @Test(arguments: [0, -1, 1, 63, -64, 64, .max, .min] as [Int64]) func signedVarintComesBack(value: Int64) throws {
        var writer = ByteWriter()
        writer.writeSignedVarint(value)
        #expect(writer.count <= (abs(Double(value)) <= 63 ? 1 : 10))
        let read = try ByteReader.read(all: writer.bytes) { (reader) throws(FormatError) in
            try reader.readSignedVarint()
        }
        #expect(read == value)
    }

    /// Two forms of one number would give two byte strings to one record.
    @Test(
        arguments: [
            [0x80, 0x00], [0xFF, 0x80, 0x00],
            [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02],
            [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x81, 0x00],
        ] as [[UInt8]])
    func longerFormsAreRefused(bytes: [UInt8]) {
        #expect(throws: FormatError.badInteger) {
            try ByteReader.read(all: bytes) { (reader) throws(FormatError) in try reader.readVarint() }
        }
    }

    @Test func fieldsComeBackInOrder() throws {
        var writer = ByteWriter(reserving: 1)
        writer.write(7 as UInt8)
        writer.write(0xABCD as UInt16)
        writer.write(0xDEAD_BEEF as UInt32)
        writer.write(UInt64.max - 1)
        writer.write(Int64.min)
        writer.write(-1.5)
        writer.write(string: "grün")
        writer.write(bytes: [1, 2, 3])
        writer.pad(to: 8)
        #expect(writer.count % 8 == 0)
        #expect(Array(writer.bytes[1..<7]) == [0xCD, 0xAB, 0xEF, 0xBE, 0xAD, 0xDE], "little endian")
        func readAll(_ reader: inout ByteReader) throws(FormatError) -> [String] {
            [
                "\(try reader.readUInt8())", "\(try reader.readUInt16())", "\(try reader.readUInt32())",
                "\(try reader.readUInt64())", "\(try reader.readInt64())", "\(try reader.readDouble())",
                try reader.readString("word", utf8CountMax: 5), "\(Array(try reader.readBytes(count: 3)))",
                "\(Array(try reader.readBytes(count: reader.remaining)))",
            ]
        }
        let zeros = [UInt8](repeating: 0, count: (8 - (7 + 8 * 3 + 6 + 3) % 8) % 8)
        let expected = [
            "7", "\(0xABCD)", "\(0xDEAD_BEEF)", "\(UInt64.max - 1)", "\(Int64.min)", "-1.5", "grün", "[1, 2, 3]",
            "\(zeros)",
        ]
        #expect(try ByteReader.read(all: writer.bytes, readAll) == expected)
        #expect(throws: FormatError.trailing(count: writer.count - 1)) {
            try ByteReader.read(all: writer.bytes) { (reader) throws(FormatError) in try reader.readUInt8() }
        }
    }

    @Test func limitsComeBeforeReservations() {
        var writer = ByteWriter()
        writer.writeVarint(UInt64.max)
        #expect(throws: FormatError.tooMany(what: "things", count: .max, max: 9)) {
            try ByteReader.read(all: writer.bytes) { (reader) throws(FormatError) in
                try reader.readCount(of: "things", max: 9)
            }
        }
        #expect(throws: FormatError.truncated(needed: .max, left: 10)) {
            try ByteReader.read(all: writer.bytes) { (reader) throws(FormatError) in
                try reader.readBytes(count: .max).count
            }
        }
        #expect(throws: FormatError.truncated(needed: -1, left: 10)) {
            try ByteReader.read(all: writer.bytes) { (reader) throws(FormatError) in
                try reader.readBytes(count: -1).count
            }
        }
    }

    @Test func brokenUTF8IsRefused() {
        for bytes in [[2, 0xC3, 0x28], [1, 0xFF], [3, 0xED, 0xA0, 0x80]] as [[UInt8]] {
            #expect(throws: FormatError.invalid(what: "UTF-8 in word")) {
                try ByteReader.read(all: bytes) { (reader) throws(FormatError) in
                    try reader.readString("word", utf8CountMax: 10)
                }
            }
        }
    }

    @Test func aWriterIsUsedAgain() {
        var writer = ByteWriter(reserving: 16)
        for round in 0..<3 {
            writer.clear()
            for byte in 0..<100 { writer.write(UInt8(byte + round)) }
            #expect(writer.bytes == (0..<100).map { UInt8($0 + round) })
        }
        writer.truncate(to: 4)
        writer.overwrite(0x0403_0201, at: 0)
        #expect(writer.bytes == [1, 2, 3, 4])
    }
}
