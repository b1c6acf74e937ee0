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

    static func write<Name: ByteName>(
        _ name: Name, _ what: String, into writer: inout ByteWriter
    ) throws(FormatError) {
        var text = name.text
        let isGood = text.withUTF8 { utf8 -> Bool in
            let raw = UnsafeRawBufferPointer(utf8)
            guard raw.count >= 1, raw.count <= Name.utf8CountMax, arePrintableASCII(raw) else { return false }
            writer.writeVarint(raw.count)
            writer.write(bytes: raw)
            return true
        }
        if isGood { return }
        guard Name(name.text) != nil else { throw .invalid(what: what) }
        writer.write(string: name.text)
    }
}
