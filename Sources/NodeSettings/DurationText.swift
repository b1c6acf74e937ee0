/// Durations as people write them: `500ms`, `3s`, `15m`, `2h`, `7d`.
package enum DurationText {
    package static let longest = Duration.seconds(3650 * 86_400)

    private static let units: [(suffix: String, milliseconds: Int64)] = [
        ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]

    package static func parse(_ text: String) throws(ValueError) -> Duration {
        let digits = text.prefix { ("0"..."9").contains($0) }
        let suffix = text.dropFirst(digits.count)
        guard
            let count = Int64(digits), let unit = units.first(where: { $0.suffix == suffix }), count > 0,
            case (let milliseconds, false) = count.multipliedReportingOverflow(by: unit.milliseconds),
            .milliseconds(milliseconds) <= longest
        else { throw ValueError(expected: "a duration such as 500ms, 3s, 15m, 2h or 7d (at most 3650d)") }
        return .milliseconds(milliseconds)
    }

    /// - Returns: nil for `never`.
    package static func parseOrNever(_ text: String) throws(ValueError) -> Duration? {
        if text == "never" { return nil }
        do { return try parse(text) } catch {
            throw ValueError(expected: error.expected + ", or never")
        }
    }

    /// In the largest unit that leaves a whole number.
    package static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
        let unit = units.last { milliseconds % $0.milliseconds == 0 } ?? units[0]
        return "\(milliseconds / unit.milliseconds)\(unit.suffix)"
    }
}
