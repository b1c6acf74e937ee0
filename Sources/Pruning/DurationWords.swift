/// A length of time for people: its two largest units.
package enum DurationWords {
    private static let units: [(name: String, microseconds: Int64)] = [
        ("d", 86_400_000_000), ("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000), ("ms", 1_000),
    ]

    /// - Parameter microseconds: what is negative counts as nothing.
    package static func of(_ microseconds: Int64) -> String {
        var rest = max(0, microseconds)
        var words: [String] = []
        for (index, unit) in units.enumerated() where words.count < 2 {
            let (count, left) = rest.quotientAndRemainder(dividingBy: unit.microseconds)
            rest = left
            if count > 0 {
                words.append("\(count) \(unit.name)")
            } else if !words.isEmpty {
                break
            }
            if index == units.count - 1, words.isEmpty { words.append("0 s") }
        }
        return words.joined(separator: " ")
    }
}
