import Telemetry

/// Names ⇄ bytes. Nearly every name is plain ASCII, and a record may hold thousands: eight bytes are looked at a time.
enum NameBytes {
    /// True if every byte is in 0x20...0x7E: then it is UTF-8 without control characters, and nothing more is to check.
    static func arePrintableASCII(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let start = bytes.baseAddress else { return true }
        var offset = 0
        while offset + 8 <= bytes.count {
            if !isPrintableASCII(start.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) { return false }
            offset += 8
        }
        while offset < bytes.count {
            let byte = start.load(fromByteOffset: offset, as: UInt8.self)
            if byte < 0x20 || byte > 0x7E { return false }
            offset += 1
        }
        return true
    }

    /// Eight bytes at once: a byte's high bit is set by itself, by a borrow below 0x20, or by a carry above 0x7E.
    private static func isPrintableASCII(_ word: UInt64) -> Bool {
        let highBits: UInt64 = 0x8080_8080_8080_8080
        guard word & highBits == 0 else { return false }
        let below = (word | highBits) &- 0x2020_2020_2020_2020
        let above = word &+ 0x0101_0101_0101_0101
        return below & highBits == highBits && above & highBits == 0
    }

    static func read<Name: ByteName>(
        _ what: String, from reader: inout ByteReader
    ) throws(FormatError) -> Name {
        let count = try reader.readCount(of: "bytes of a name", max: Name.utf8CountMax)
        let utf8 = try reader.readBytes(count: count)
        if count > 0, arePrintableASCII(utf8) { return Name(unchecked: String(decoding: utf8, as: UTF8.self)) }
        guard let text = String(validating: utf8, as: UTF8.self), let name = Name(text) else {
            throw .invalid(what: what)
        }
        return name
    }

    /// - Returns: where it stands, for comparing the next names with it; nil if it is no good name.
    @inline(__always)
    static func write<Name: ByteName>(
        _ utf8: UnsafeRawBufferPointer, as type: Name.Type, into writer: inout ByteWriter
    ) -> WrittenName? {
        guard utf8.count >= 1, utf8.count <= Name.utf8CountMax else { return nil }
        if !arePrintableASCII(utf8), Name(String(decoding: utf8, as: UTF8.self)) == nil { return nil }
        writer.writeVarint(utf8.count)
        writer.write(bytes: utf8)
        return WrittenName(offset: writer.count - utf8.count, bytesCount: utf8.count)
    }
}

/// Where in a writer the bytes of a name stand.
struct WrittenName {
    let offset: Int
    let bytesCount: Int
}

extension ByteWriter {
    /// True if the name there is `utf8`, byte for byte: `String` would find different names equal, and is slower.
    @inline(__always)
    func holds(_ utf8: UnsafeRawBufferPointer, at name: WrittenName) -> Bool {
        guard utf8.count == name.bytesCount else { return false }
        return withUnsafeBytes { all in
            var index = 0
            while index + 8 <= utf8.count {
                let mine = all.loadUnaligned(fromByteOffset: name.offset + index, as: UInt64.self)
                if mine != utf8.loadUnaligned(fromByteOffset: index, as: UInt64.self) { return false }
                index += 8
            }
            while index < utf8.count {
                if all[name.offset + index] != utf8[index] { return false }
                index += 1
            }
            return true
        }
    }
}
