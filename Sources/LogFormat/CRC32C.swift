/// CRC-32C (Castagnoli 1993; reflected polynomial 0x82F63B78), the checksum of iSCSI and of ext4's metadata.
///
/// Sixteen bytes a step by table look-up ("slicing", Kounavis and Berry 2005): the standard library offers no way to
/// the processor's own instruction, and opening a log checks every byte of it.
package enum CRC32C {
    private static let polynomial: UInt32 = 0x82F6_3B78
    private static let slices = 16

    /// `tables[256 * k + b]` is the checksum register after byte b and k zero bytes.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 256 * slices)
        for byte in 0..<256 {
            var register = UInt32(byte)
            for _ in 0..<8 { register = (register >> 1) ^ (register & 1 == 0 ? 0 : polynomial) }
            tables[byte] = register
        }
        for index in 256..<(256 * slices) {
            let before = tables[index - 256]
            tables[index] = (before >> 8) ^ tables[Int(before & 0xFF)]
        }
        return tables
    }()

    /// The checksum of what `seed` is the checksum of, followed by `bytes`.
    package static func checksum(of bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
        guard let start = bytes.baseAddress else { return seed }
        return tables.withUnsafeBufferPointer { buffer -> UInt32 in
            guard let table = buffer.baseAddress else { return seed }
            var register = ~seed
            var offset = 0
            let wholeSteps = bytes.count & ~15
            while offset < wholeSteps {
                let low = word(start, offset) ^ UInt64(register)
                let high = word(start, offset + 8)
                register = slice(low, table + 2048) ^ slice(high, table)
                offset += 16
            }
            while offset < bytes.count {
                let byte = start.load(fromByteOffset: offset, as: UInt8.self)
                register = (register >> 8) ^ table[Int((register ^ UInt32(byte)) & 0xFF)]
                offset += 1
            }
            return ~register
        }
    }

    package static func checksum(of bytes: [UInt8], seed: UInt32 = 0) -> UInt32 {
        bytes.withUnsafeBytes { checksum(of: $0, seed: seed) }
    }

    @inline(__always)
    private static func word(_ start: UnsafeRawPointer, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: start.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// Eight bytes through the eight tables that start at `table`; the first byte has the longest way to go.
    @inline(__always)
    private static func slice(_ word: UInt64, _ table: UnsafePointer<UInt32>) -> UInt32 {
        let first = table[1792 + Int(word & 0xFF)] ^ table[1536 + Int((word >> 8) & 0xFF)]
        let second = table[1280 + Int((word >> 16) & 0xFF)] ^ table[1024 + Int((word >> 24) & 0xFF)]
        let third = table[768 + Int((word >> 32) & 0xFF)] ^ table[512 + Int((word >> 40) & 0xFF)]
        let fourth = table[256 + Int((word >> 48) & 0xFF)] ^ table[Int(word >> 56)]
        return (first ^ second) ^ (third ^ fourth)
    }
}
