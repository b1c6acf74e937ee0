package import Telemetry

/// A place to go on reading a log from. Opaque: made by the log, given back to it.
///
/// It names its log, since a retired log goes on under a new id with other positions, and a place in the old one would
/// silently skip records of the new.
package struct LogCursor: Hashable, Comparable, Sendable {
    package let log: LogID
    /// The base of the segment.
    package let segment: LogPosition
    /// Bytes from the start of that segment.
    package let offset: UInt64

    package init(log: LogID, segment: LogPosition, offset: UInt64) {
        self.log = log
        self.segment = segment
        self.offset = offset
    }

    package static func < (lhs: LogCursor, rhs: LogCursor) -> Bool {
        (lhs.log, lhs.segment, lhs.offset) < (rhs.log, rhs.segment, rhs.offset)
    }
}
