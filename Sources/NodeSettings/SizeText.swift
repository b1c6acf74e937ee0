/// Sizes as people write them: `512MiB`, `1GiB`, `10MB`; without a unit they are bytes.
package enum SizeText {
    private static let units: [(suffix: String, bytes: Int64)] = [
        ("", 1), ("b", 1), ("kb", 1000), ("mb", 1_000_000), ("gb", 1_000_000_000), ("tb", 1_000_000_000_000),
        ("kib", 1 << 10), ("mib", 1 << 20), ("gib", 1 << 30), ("tib", 1 << 40),
    ]

    package static func parse(_ text: String) throws(ValueError) -> Int64 {
        let digits = text.prefix { ("0"..."9").contains($0) }
        let suffix = text.dropFirst(digits.count).lowercased()
        guard
            let count = Int64(digits), count > 0, let unit = units.first(where: { $0.suffix == suffix }),
            case (let bytes, false) = count.multipliedReportingOverflow(by: unit.bytes)
        else { throw ValueError(expected: "a size such as 512MiB, 1GiB or 10MB") }
        return bytes
    }

    package static func text(_ bytes: Int64) -> String {
        let binary: [(String, Int64)] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        for (suffix, unit) in binary where bytes >= unit && bytes % unit == 0 { return "\(bytes / unit)\(suffix)" }
        return "\(bytes)"
    }
}
