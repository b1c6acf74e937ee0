import Telemetry

/// Six sayings of the next value, each with the size of its errors; the one with the smallest speaks.
///
/// The level, exponentially weighted; the last value; the time of day's usual value, and the last value moved as that
/// time of day usually moves; the same two for the week (Holt–Winters with additive season, the season and the level
/// apart: Winters, "Forecasting sales by exponentially weighted moving averages", 1960; errors clipped: Gelper, Fried,
/// Croux 2010). So the season is learned without asking: day, week or none is whichever forecasts best.
struct SeasonForecast: Hashable, Sendable {
    static let levelGain = 0.15
    static let seasonLevelGain = 0.02
    static let deviationGain = 0.01
    /// Errors move things by at most so many deviations.
    static let clip = 4.0
    /// Errors that a saying must have made before it may speak: of the day, of the week.
    static let dayCount = 50.0
    static let weekCount = 100.0
    /// A week holds seven days: it must forecast better than the day by this to speak.
    static let weekHandicap = 1.02
    static let countMax = 200.0
    /// In the first readings errors are not clipped: nothing is known of their size.
    static let startCount = 10.0
    static let deviationMin = 1e-12

    enum Saying: Int {
        case level, last, day, dayStep, week, weekStep

        var isOfSeason: Bool { rawValue >= Saying.day.rawValue }
        /// It does not age in a gap.
        var standsStill: Bool { self == .day || self == .week }
    }

    var origin = 0.0
    var level = 0.0
    var last = 0.0
    /// Of the values less their usual ones.
    var dayLevel = 0.0
    var weekLevel = 0.0
    /// The profiles at the last reading's time.
    var dayLast = 0.0
    var weekLast = 0.0
    /// Mean absolute errors, by saying.
    var deviations = SIMD8<Double>(repeating: 0)
    var count = 0.0
    var daysCount = 0.0
    var weeksCount = 0.0
    var day = SeasonProfile()
    var week = SeasonProfile()

    /// What was said of one reading.
    struct Errors {
        var errors = SIMD8<Double>(repeating: 0)
        var hasDay = false
        var hasWeek = false
        /// The one that spoke, how far off it was, and how far it usually is; 0 before the second reading.
        var saying = Saying.last
        var error = 0.0
        var deviation = 0.0
        let dayPlace: SeasonProfile.Place
        let weekPlace: SeasonProfile.Place
    }

    /// - Parameter widening: by how much sayings that age in a gap have aged, 1 without a gap.
    func errors(of value: Double, at time: Instant, widening: Double) -> Errors {
        let places = SeasonProfile.places(of: time)
        var found = Errors(dayPlace: places.day, weekPlace: places.week)
        let offset = value - origin
        found.errors[0] = offset - level
        found.errors[1] = offset - last
        if let usual = day.value(at: found.dayPlace) {
            found.hasDay = true
            found.errors[2] = offset - usual - dayLevel
            found.errors[3] = offset - last - (usual - dayLast)
        }
        if let usual = week.value(at: found.weekPlace) {
            found.hasWeek = true
            found.errors[4] = offset - usual - weekLevel
            found.errors[5] = offset - last - (usual - weekLast)
        }
        var best = Double.infinity
        func ask(_ saying: Saying, handicap: Double = 1) {
            let deviation = deviations[saying.rawValue] * (saying.standsStill ? 1 : widening)
            guard deviation * handicap < best else { return }
            (best, found.saying) = (deviation, saying)
        }
        ask(.level)
        ask(.last)
        if found.hasDay, daysCount >= Self.dayCount {
            ask(.day)
            ask(.dayStep)
        }
        if found.hasWeek, weeksCount >= Self.weekCount {
            ask(.week, handicap: Self.weekHandicap)
            ask(.weekStep, handicap: Self.weekHandicap)
        }
        found.error = found.errors[found.saying.rawValue]
        found.deviation = max(best, abs(value) * EWMAResidual.relativeMin, Self.deviationMin)
        return found
    }

    mutating func start(at value: Double, _ found: Errors, gain: Double) {
        origin = value
        count = 1
        learnSeason(0, found, gain: gain)
    }

    /// - Parameter gain: what the reading counts in a profile.
    mutating func learn(_ value: Double, _ found: Errors, gain: Double) {
        let offset = value - origin
        let bound = Self.clip * found.deviation
        let isYoung = count < Self.startCount
        let levelBound = isYoung ? .infinity : Self.clip * max(deviations[0], Self.deviationMin)
        let levelGain = isYoung ? max(Self.levelGain, 1 / (count + 1)) : Self.levelGain
        level += levelGain * EWMAResidual.clipped(found.errors[0], to: levelBound)
        count = min(count + 1, Self.countMax)
        if found.hasDay {
            daysCount = min(daysCount + 1, Self.countMax)
            dayLevel += Self.seasonLevelGain * EWMAResidual.clipped(found.errors[2], to: bound)
        }
        if found.hasWeek {
            weeksCount = min(weeksCount + 1, Self.countMax)
            weekLevel += Self.seasonLevelGain * EWMAResidual.clipped(found.errors[4], to: bound)
        }
        learnDeviations(found)
        learnSeason(offset, found, gain: gain)
        last = offset
    }

    /// All six at once.
    private mutating func learnDeviations(_ found: Errors) {
        let (one, day, week) = (
            Self.deviationGain(after: count - 1), found.hasDay ? Self.deviationGain(after: daysCount) : 0,
            found.hasWeek ? Self.deviationGain(after: weeksCount) : 0
        )
        let gains = SIMD8(one, one, day, day, week, week, 0, 0)
        let sizes = found.errors.replacing(with: -found.errors, where: found.errors .< 0)
        // In the first readings errors are not clipped: a gain that large says which ones.
        let clip = SIMD8(repeating: Self.clip).replacing(with: .infinity, where: gains .> 1 / Self.startCount)
        let bounds = pointwiseMax(clip * pointwiseMax(deviations, .init(repeating: Self.deviationMin)), .zero)
        deviations += gains * (pointwiseMin(sizes, bounds) - deviations)
    }

    private static func deviationGain(after count: Double) -> Double {
        // Never more than all of it: a count that was read somewhere may be anything.
        count * deviationGain < 1 ? 1 / max(count, 1) : deviationGain
    }

    private mutating func learnSeason(_ offset: Double, _ found: Errors, gain: Double) {
        day.learn(offset - dayLevel, at: found.dayPlace, gain: gain, binsCount: SeasonProfile.binsOfDay)
        week.learn(offset - weekLevel, at: found.weekPlace, gain: gain, binsCount: SeasonProfile.binsOfWeek)
        dayLast = day.value(at: found.dayPlace) ?? 0
        weekLast = week.value(at: found.weekPlace) ?? 0
    }
}
