package import Telemetry

/// How long the oldest accepted reading has been waiting for the store, from looks at two positions now and then.
///
/// A look remembers where the log ended; once that much is stored, everything accepted until that look is. So the answer is
/// never too small, and too large by no more than the time between two looks.
package struct BacklogAge: Hashable, Sendable {
    private struct Mark: Hashable {
        let end: LogPosition
        let at: Moment
    }

    private var mark: Mark?
    /// Everything accepted until then is stored.
    private var storedThrough: Moment?

    package init() {}

    /// - Parameters:
    ///   - end: where the log ends.
    ///   - stored: how far it is stored; nil while that is not known.
    package mutating func look(end: LogPosition, stored: LogPosition?, now: Moment) {
        guard let stored else { return }
        if stored >= end {
            storedThrough = now
            mark = nil
        } else if let mark, stored < mark.end {
            return
        } else {
            storedThrough = mark?.at ?? storedThrough
            mark = Mark(end: end, at: now)
        }
    }

    /// Microseconds; `Int64.max` before everything was stored once.
    package func age(now: Moment) -> Int64 {
        storedThrough.map { max(0, now.microseconds - $0.microseconds) } ?? .max
    }
}
