/// A length of time as a person says it, in its two largest units: `3 min 20 s`.
package struct SpanText: CustomStringConvertible {
    let microseconds: Int64

    private static let units: [(name: String, seconds: Int64)] = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)]

    package init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    package var description: String {
        if microseconds < 1_000_000 { return "\(max(0, microseconds) / 1_000) ms" }
        let seconds = microseconds / 1_000_000
        let tenths = microseconds / 100_000 % 10
        if seconds < 10, tenths > 0 { return "\(seconds).\(tenths) s" }
        let first = Self.units.firstIndex { $0.seconds <= seconds } ?? Self.units.count - 1
        var rest = seconds
        return Self.units[first...].prefix(2).compactMap { unit in
            defer { rest %= unit.seconds }
            return rest < unit.seconds ? nil : "\(rest / unit.seconds) \(unit.name)"
        }.joined(separator: " ")
    }
}
