package import Telemetry

/// `timestamptz` on the wire: microseconds since 2000-01-01, with the two ends of Int64 as -infinity and infinity
/// (https://www.postgresql.org/docs/current/datatype-datetime.html).
package enum PostgresTime {
    /// 2000-01-01 in microseconds since 1970.
    private static let epoch: Int64 = 946_684_800_000_000
    /// The first microsecond of 4714-11-24 BC, where the type begins. It ends after the last `Instant`.
    private static let first: Int64 = -211_813_488_000_000_000

    /// True if the type can hold this moment as it is. The end of time is no moment.
    package static func isExact(_ instant: Instant) -> Bool {
        let (wire, overflow) = instant.microseconds.subtractingReportingOverflow(epoch)
        return !overflow && wire >= first && instant != .distantFuture
    }

    /// What lies before the type's range is -infinity, and the end of time is infinity.
    package static func wire(_ instant: Instant) -> Int64 {
        if instant == .distantFuture { return .max }
        return isExact(instant) ? instant.microseconds - epoch : .min
    }

    package static func instant(_ wire: Int64) -> Instant {
        switch wire {
        case .max: return .distantFuture
        case .min: return .distantPast
        default:
            let (sum, overflow) = wire.addingReportingOverflow(epoch)
            return overflow ? .distantFuture : Instant(microseconds: sum)
        }
    }
}
