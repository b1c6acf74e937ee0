/// Walks over bytes that nobody vouches for; the counterpart of `ByteWriter`.
///
/// Every step checks what is left and throws, none traps, and a count is compared with its limit before anything is
/// reserved for it. A reader is valid only inside the closure that lent it the bytes.
package struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    package private(set) var offset = 0

    package init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    package var remaining: Int { bytes.count - offset }
    package var isAtEnd: Bool { offset == bytes.count }

    /// Reads one value that must fill `bytes` exactly.
    package static func read<Value>(
        all bytes: UnsafeRawBufferPointer, _ body: (inout ByteReader) throws(FormatError) -> Value
    ) throws(FormatError) -> Value {
        var reader = ByteReader(bytes)
        let value = try body(&reader)
        try reader.expectEnd()
        return value
    }

    package static func read<Value>(
        all bytes: [UInt8], _ body: (inout ByteReader) throws(FormatError) -> Value
    ) throws(FormatError) -> Value {
        let result = bytes.withUnsafeBytes { raw in
            Result { () throws(FormatError) in try read(all: raw, body) }
        }
        return try result.get()
    }

    package func expectEnd() throws(FormatError) {
        guard isAtEnd else { throw .trailing(count: remaining) }
    }

    // MARK: Fields

    @inline(__always)
    package mutating func readUInt8() throws(FormatError) -> UInt8 {
        guard offset < bytes.count else { throw .truncated(needed: 1, left: 0) }
        defer { offset += 1 }
        return bytes[offset]
    }

    package mutating func readUInt16() throws(FormatError) -> UInt16 { UInt16(littleEndian: try readFixed()) }
    package mutating func readUInt32() throws(FormatError) -> UInt32 { UInt32(littleEndian: try readFixed()) }
    package mutating func readUInt64() throws(FormatError) -> UInt64 { UInt64(littleEndian: try readFixed()) }
    package mutating func readInt64() throws(FormatError) -> Int64 { Int64(bitPattern: try readUInt64()) }
    package mutating func readDouble() throws(FormatError) -> Double { Double(bitPattern: try readUInt64()) }

    /// Takes only the shortest form, so that equal values have equal bytes.
    @inline(__always)
    package mutating func readVarint() throws(FormatError) -> UInt64 {
        if offset < bytes.count, bytes[offset] < 0x80 {
            defer { offset += 1 }
            return UInt64(bytes[offset])
        }
        return try readLongVarint()
    }

    package mutating func readSignedVarint() throws(FormatError) -> Int64 {
        let zigzag = try readVarint()
        return Int64(bitPattern: (zigzag >> 1) ^ (0 &- (zigzag & 1)))
    }

    /// A varint that says how many of something follow.
    package mutating func readCount(of what: String, max: Int) throws(FormatError) -> Int {
        let count = try readVarint()
        guard count <= UInt64(Swift.max(0, max)) else { throw .tooMany(what: what, count: count, max: max) }
        return Int(count)
    }

    /// The next `count` bytes, in place.
    package mutating func readBytes(count: Int) throws(FormatError) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= remaining else { throw .truncated(needed: count, left: remaining) }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)])
    }

    /// A string as `ByteWriter.write(string:)` writes it.
    package mutating func readString(_ what: String, utf8CountMax: Int) throws(FormatError) -> String {
        let count = try readCount(of: "bytes of \(what)", max: utf8CountMax)
        let utf8 = try readBytes(count: count)
        if NameBytes.arePrintableASCII(utf8) { return String(decoding: utf8, as: UTF8.self) }
        guard let text = String(validating: utf8, as: UTF8.self) else { throw .invalid(what: "UTF-8 in \(what)") }
        return text
    }

    // MARK: Parts

    @inline(__always)
    private mutating func readFixed<Value: FixedWidthInteger & BitwiseCopyable>() throws(FormatError) -> Value {
        let size = MemoryLayout<Value>.size
        guard remaining >= size else { throw .truncated(needed: size, left: remaining) }
        defer { offset += size }
        return bytes.loadUnaligned(fromByteOffset: offset, as: Value.self)
    }

    private mutating func readLongVarint() throws(FormatError) -> UInt64 {
        var value: UInt64 = 0
        var index = offset
        var shift: UInt64 = 0
        while shift < 64 {
            guard index < bytes.count else { throw .truncated(needed: 1, left: 0) }
            let byte = bytes[index]
            index += 1
            if shift == 63, byte > 1 { throw .badInteger }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 {
                if byte == 0, shift > 0 { throw .badInteger }
                offset = index
                return value
            }
            shift += 7
        }
        throw .badInteger
    }
}
