/// 128 random bits with a printed form; made once, never derived from a name.
package protocol RandomIdentity: Hashable, Comparable, Sendable, CustomStringConvertible {
    var high: UInt64 { get }
    var low: UInt64 { get }
    init(high: UInt64, low: UInt64)
}

extension RandomIdentity {
    package init(using generator: inout some RandomNumberGenerator) {
        self.init(high: generator.next(), low: generator.next())
    }

    /// 32 hexadecimal digits.
    package var description: String {
        [high, low].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.utf8.count) + digits
        }.joined()
    }

    /// - Returns: nil unless exactly 32 hexadecimal digits.
    package init?(_ text: String) {
        guard text.utf8.count == 32, text.utf8.allSatisfy({ Self.isHexDigit($0) }) else { return nil }
        guard let high = UInt64(text.prefix(16), radix: 16), let low = UInt64(text.suffix(16), radix: 16) else {
            return nil
        }
        self.init(high: high, low: low)
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...70).contains(byte) || (97...102).contains(byte)
    }

    package static func < (lhs: Self, rhs: Self) -> Bool {
        (lhs.high, lhs.low) < (rhs.high, rhs.low)
    }
}

/// Names one ingest log for ever: checkpoints are keyed by it, never by a node's name, so an empty disk under an old
/// name starts a log of its own.
package struct LogID: RandomIdentity {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// Names one flock: the uuid of the store it writes to.
package struct FlockID: RandomIdentity {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// A place in a log, counted in *readings* accepted since the log's birth.
///
/// Not bytes and not records: with readings as the unit, the ledger is subtraction (accepted = end, pending = end −
/// checkpoint) and a hole left by damage says by itself how many readings it swallowed.
package struct LogPosition: Hashable, Comparable, Sendable, CustomStringConvertible {
    package var readings: UInt64

    package init(_ readings: UInt64) {
        self.readings = readings
    }

    package static let start = LogPosition(0)

    package static func < (lhs: LogPosition, rhs: LogPosition) -> Bool {
        lhs.readings < rhs.readings
    }

    package static func + (lhs: LogPosition, rhs: Int) -> LogPosition {
        LogPosition(lhs.readings &+ UInt64(rhs))
    }

    /// Readings from `lhs` back to `rhs`; 0 if `rhs` is later.
    package static func - (lhs: LogPosition, rhs: LogPosition) -> UInt64 {
        lhs.readings > rhs.readings ? lhs.readings - rhs.readings : 0
    }

    package var description: String { String(readings) }
}
