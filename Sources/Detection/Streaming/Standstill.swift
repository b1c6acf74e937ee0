import RealModule
import Telemetry

/// Values that do not change, and how unusual that is: a stuck sensor sends the same value for longer than it ever did.
///
/// Two things must come together. The readings in a row that changed nothing must be as unlikely as an alarm if each
/// did so by the series' own rate; and there must be several times as many of them as ever before, as values that stay the
/// same at night do so every night. After its alarm a standstill is the longest one so far: it alarms again only when it
/// has grown by as much again.
struct Standstill: Hashable, Sendable {
    /// Surprise of a value that is found stuck.
    static let surprise = 14.0
    static let chanceMax = 9.21

    /// Readings behind it, outside of the standstill that lasts, before it says anything; and that it remembers.
    static let readingsMin = 200.0
    static let readingsMax = 1000.0

    /// A number of readings that no series reaches.
    static let countMax = 1e12

    /// When the value came that has not changed since.
    var since = Instant.epoch
    /// Readings in a row that changed nothing, and the most so far.
    var count = 0.0
    var longest = SeriesWatch.standstillMin
    /// Readings outside of the standstill that lasts, by whether they changed anything.
    var repeats = 0.0
    var changes = 0.0

    mutating func start(at time: Instant) {
        since = time
    }

    mutating func surprise(_ isSame: Bool, at time: Instant) -> Double {
        guard isSame else {
            changed(at: time)
            return 0
        }
        count = min(count + 1, Self.countMax)
        let readings = repeats + changes
        guard readings >= Self.readingsMin, count >= SeriesWatch.stuckTimes * longest else { return 0 }
        let rate = (repeats + 2) / (readings + 2)
        guard rate < 1, -count * .log(rate) > Self.chanceMax else { return 0 }
        longest = count
        return Self.surprise
    }

    private mutating func changed(at time: Instant) {
        longest = max(longest, count)
        repeats += count
        changes += 1
        let readings = repeats + changes
        if readings > Self.readingsMax {
            repeats *= Self.readingsMax / readings
            changes *= Self.readingsMax / readings
        }
        count = 0
        since = time
    }
}
