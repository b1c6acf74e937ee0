import Glibc
import Telemetry

/// The `Date` header, written anew once a second.
struct HTTPDate {
    private var second = Int.min
    private var written = ""

    mutating func text() -> String {
        let now = time(nil)
        if now != second {
            second = now
            written = Self.text(second: now)
        }
        return written
    }

    /// RFC 9110's IMF-fixdate: `Sun, 22 Nov 2026 15:04:05 GMT`.
    static func text(second: Int) -> String {
        let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let (instant, isOver) = Int64(second).multipliedReportingOverflow(by: 1_000_000)
        // 2026-11-22T15:04:05.000Z
        let text = Instant(microseconds: isOver ? 0 : instant).description
        let parts = text.split { "-T.Z".contains($0) }
        guard parts.count >= 4, let month = Int(parts[1]), months.indices.contains(month - 1) else { return text }
        let day = ((second / 86_400) % 7 + 7) % 7
        return "\(days[day]), \(parts[2]) \(months[month - 1]) \(parts[0]) \(parts[3]) GMT"
    }
}
