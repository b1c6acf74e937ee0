/// The `Retry-After` field of RFC 9110, section 10.2.3: seconds, or a date in the preferred form.
package enum RetryAfter {
    /// A server may ask for this much and no more: a wrong header must not park anybody for ever.
    package static let longestSeconds: Int64 = 3600

    /// - Returns: microseconds to wait, 0 to an hour; nil if the text is neither form.
    package static func microseconds(_ text: String, now: Instant) -> Int64? {
        let text = String(text.trimmed)
        if !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) {
            let seconds = Int64(text) ?? longestSeconds
            return min(seconds, longestSeconds) * 1_000_000
        }
        guard let date = date(text) else { return nil }
        return min(max(0, date.microseconds(since: now)), longestSeconds * 1_000_000)
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`; the two obsolete forms are not read.
    private static func date(_ text: String) -> Instant? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[0].utf8.count == 4, parts[5] == "GMT", parts[1].utf8.count == 2 else {
            return nil
        }
        guard let month = months.firstIndex(of: String(parts[2])) else { return nil }
        let digits = month < 9 ? "0\(month + 1)" : "\(month + 1)"
        return Instant(rfc3339: "\(parts[3])-\(digits)-\(parts[1])T\(parts[4])Z")
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}

extension String {
    /// Without spaces and tabs at both ends.
    fileprivate var trimmed: Substring {
        let isSpace = { (character: Character) in character == " " || character == "\t" }
        var rest = drop(while: isSpace)
        while let last = rest.last, isSpace(last) { rest.removeLast() }
        return rest
    }
}
