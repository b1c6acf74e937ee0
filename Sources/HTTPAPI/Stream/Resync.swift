package import Telemetry

/// Where a client that comes back takes up the live feed again.
package struct Resync: Hashable, Sendable {
    /// What the client has seen, as the id of the events that tell it the rest: cut off again, it asks for the same.
    package let id: Instant
    /// Rows that changed from here on are told. Told twice they do no harm: a row is the whole state of its series.
    package let since: Instant

    /// The clocks of two nodes differ, and a row is heard a while before it is judged, gathered and told.
    package static let overlapMicroseconds: Int64 = 10_000_000

    /// - Parameter lastEventID: as the client sent it. One that is none of ours asks for everything; one from the
    ///   future, of a clock that was ahead, for the overlap.
    package init(lastEventID: String, now: Instant) {
        id = min(Instant(rfc3339: lastEventID) ?? .epoch, now)
        since = id.advanced(byMicroseconds: -Self.overlapMicroseconds)
    }
}
