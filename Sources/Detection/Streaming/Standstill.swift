import RealModule
import Telemetry

/// Values that do not change, and how unusual that is: a stuck sensor sends the same value for longer than it ever did.
///
/// Two things must come together. The readings in a row that changed nothing must be unlikely by the
/// series' own rate of such; and there must be several times as many of them as in any standstill before, as values
/// that stay the same at night do so every night. One that was unlikely at most doubles what is held to be the longest: the
/// next fault of that kind is told too, and what comes every night is known after some nights.
struct Standstill: Hashable, Sendable {
    /// Surprise of a value that is found stuck.
    static let surprise = 14.0
    /// A standstill is unlikely if −ln of its chance is above this, were each reading as likely as any other to change
    /// nothing. Far above the budget's: they are not, where a slow curve turns.
    static let chanceMax = 25.0

    /// Readings behind it, outside of the standstill that lasts, before it says anything; and that it remembers.
    static let readingsMin = 200.0
    static let readingsMax = 1000.0

    /// How many times as long the longest is held to be after one that was unlikely.
    static let growth = 2.0
    /// How much of the longest is forgotten with each standstill.
    static let forgetting = 0.01

    /// A number of readings that no series reaches.
    static let countMax = 1e12

    /// When the value came that has not changed since.
    var since = Instant.epoch
    /// Readings in a row that changed nothing, and the most so far, less what was forgotten.
    var count = 0.0
    var longest = SeriesWatch.standstillMin
    /// The standstill that lasts was an alarm.
    var isStuck = false
    /// Readings outside of the standstill that lasts, by whether they changed anything.
    var repeats = 0.0
    var changes = 0.0

    mutating func start(at time: Instant) {
        since = time
    }

    /// - Returns: `surprise` at the reading that makes a standstill an alarm, otherwise 0.
    mutating func surprise(_ isSame: Bool, at time: Instant) -> Double {
        guard isSame else {
            changed(at: time)
            return 0
        }
        count = min(count + 1, Self.countMax)
        let times = repeats > changes ? SeriesWatch.stuckTimesOfSteps : SeriesWatch.stuckTimes
        guard !isStuck, repeats + changes >= Self.readingsMin, count >= times * longest, isUnlikely else { return 0 }
        isStuck = true
        return Self.surprise
    }

    /// So many readings without a change are unlikely, by the series' own rate.
    private var isUnlikely: Bool {
        let rate = (repeats + 2) / (repeats + changes + 2)
        return rate < 1 && -count * .log(rate) > Self.chanceMax
    }

    private mutating func changed(at time: Instant) {
        defer { since = time }
        changes += 1
        guard count > 0 else { return }
        let learned = isUnlikely ? min(count, Self.growth * longest) : count
        longest += (SeriesWatch.standstillMin - longest) * Self.forgetting
        longest = max(longest, learned)
        repeats += learned
        (count, isStuck) = (0, false)
        let readings = repeats + changes
        guard readings > Self.readingsMax else { return }
        repeats *= Self.readingsMax / readings
        changes *= Self.readingsMax / readings
    }
}
