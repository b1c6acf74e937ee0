package import Telemetry

/// How long an owner has been listening to a slot, so that it does not take for silence what it only could not hear.
///
/// A restarted node, a new owner, a process that stood still: each listens anew, and a series is silent once it was not
/// heard for its time since. By the owner's own clock alone, which nobody sets.
package struct SilenceWatch: Hashable, Sendable {
    /// Looks further apart, in microseconds, mean that this process stood still or had too much to do: what was sent
    /// meanwhile may lie unread before its door.
    package static let pauseMax: Int64 = 3_000_000

    private var since = Moment(microseconds: .min)
    private var lookedAt = Moment(microseconds: .min)
    /// No series can be silent before.
    private var dueAt = Moment(microseconds: .min)

    package init() {}

    /// Listening begins now: what was not heard before counts for nothing.
    package mutating func begin(_ now: Moment) {
        since = now
        lookedAt = now
        dueAt = now.advanced(byMicroseconds: SeriesState.silenceMin)
    }

    /// Several times a second, or listening begins anew.
    /// - Returns: true if a series may be silent; then each is asked for, and `wait` comes next.
    package mutating func look(_ now: Moment) -> Bool {
        if lookedAt.advanced(byMicroseconds: Self.pauseMax) < now { begin(now) }
        lookedAt = now
        return dueAt <= now
    }

    /// When a series is silent, if it is not heard again: not before it was listened to for `silentAfter`.
    package func silentAt(heardAt: Moment, silentAfter: Int64) -> Moment {
        max(since, heardAt).advanced(byMicroseconds: silentAfter)
    }

    /// - Parameter next: when the first of the series that are not silent will be. Others that are heard until then only
    ///   have more time, and new ones have `silenceMin`.
    package mutating func wait(until next: Moment?, _ now: Moment) {
        let newest = now.advanced(byMicroseconds: SeriesState.silenceMin)
        dueAt = min(next ?? newest, newest)
    }
}
