import LogFormat
import Telemetry

/// One file of the log, as far as those who do not read it need to know.
struct Segment: Hashable, Sendable {
    let base: LogPosition
    /// The header and every record written.
    var writtenBytes: UInt64
    /// The file's length: with the space set aside.
    var allocatedBytes: UInt64
    var isDamaged = false

    var name: String { Self.name(of: base) }

    private static let nameDigits = 20
    private static let nameEnding = ".segment"

    static func name(of base: LogPosition) -> String {
        let digits = String(base.readings)
        return String(repeating: "0", count: max(0, nameDigits - digits.utf8.count)) + digits + nameEnding
    }

    /// - Returns: nil if a file of this name is no segment.
    static func base(ofName name: String) -> LogPosition? {
        guard name.hasSuffix(nameEnding), name.utf8.count == nameDigits + nameEnding.utf8.count else { return nil }
        let digits = name.prefix(nameDigits)
        guard digits.utf8.allSatisfy({ (48...57).contains($0) }), let base = UInt64(digits) else { return nil }
        return base <= LogLimits.positionMax.readings ? LogPosition(base) : nil
    }
}
