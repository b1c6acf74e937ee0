/// A moment of wall-clock time: microseconds since 1970-01-01T00:00:00Z, no leap seconds.
///
/// Microseconds are the resolution of the store, of the log and of a reading's identity, so no part converts.
package struct Instant: Hashable, Comparable, Sendable {
    package var microseconds: Int64

    package init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    package static let epoch = Instant(microseconds: 0)
    package static let distantPast = Instant(microseconds: .min)
    package static let distantFuture = Instant(microseconds: .max)

    package static func < (lhs: Instant, rhs: Instant) -> Bool {
        lhs.microseconds < rhs.microseconds
    }

    /// Saturates instead of trapping: times come from devices.
    package func advanced(byMicroseconds delta: Int64) -> Instant {
        let (sum, overflow) = microseconds.addingReportingOverflow(delta)
        return overflow ? (delta < 0 ? .distantPast : .distantFuture) : Instant(microseconds: sum)
    }

    /// Microseconds from `other` to this moment, saturating.
    package func microseconds(since other: Instant) -> Int64 {
        let (difference, overflow) = microseconds.subtractingReportingOverflow(other.microseconds)
        return overflow ? (other.microseconds < 0 ? .max : .min) : difference
    }
}

/// A reading of a clock that never steps back: microseconds since some fixed start of this process's machine.
///
/// The cores count their deadlines in it; a wall clock set back must not stall a retry.
package struct Moment: Hashable, Comparable, Sendable {
    package var microseconds: Int64

    package init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    package static func < (lhs: Moment, rhs: Moment) -> Bool {
        lhs.microseconds < rhs.microseconds
    }

    package func advanced(byMicroseconds delta: Int64) -> Moment {
        Moment(microseconds: microseconds &+ delta)
    }
}
