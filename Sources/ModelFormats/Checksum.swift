import Telemetry

/// 64 bits over a sequence of values: finds damage, not malice.
struct Checksum: CustomStringConvertible {
    private var state: UInt64 = 0

    mutating func combine(_ text: String) {
        combine([text.utf8.count])
        for byte in text.utf8 { combine(word: UInt64(byte)) }
    }

    mutating func combine(_ values: [Double]) {
        combine(word: UInt64(values.count))
        // 0 and −0 are the same number in JSON of some writers.
        for value in values { combine(word: (value == 0 ? 0 : value).bitPattern) }
    }

    mutating func combine(_ values: [Int]) {
        combine(word: UInt64(values.count))
        for value in values { combine(word: UInt64(bitPattern: Int64(value))) }
    }

    private mutating func combine(word: UInt64) {
        state = SeededGenerator.mixed((state &+ 0x9E37_79B9_7F4A_7C15) ^ word)
    }

    /// 16 hexadecimal digits.
    var description: String {
        let digits = String(state, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
