import RealModule
package import Telemetry

/// What is unusual in one series over more than one reading, found in the stream, O(1) a reading.
///
/// Five statistics are kept of the errors that the best forecast makes (`SeasonForecast`): their running mean, their
/// running size, the running distance from a slow level, values beyond all seen so far, and readings that do not change.
/// Each is turned into a surprise by the series' own past (`TailEstimate`), and the surprises are put together by a
/// 3-norm: one large one is enough, several middling ones as good. Divided by the surprise at the alarm line, that is
/// the raw score.
///
/// What was announced counts less for a while: an episode alarms where it begins and where it grows, not at every reading,
/// and a level shift is learned after its alarm.
package struct SeriesWatch: Hashable, Sendable {
    /// Gains of the running mean and size of errors: about 24 and 19 readings.
    static let runGain = 0.08
    static let restlessGain = 0.1
    /// Gain of the slow level and of its deviation: about 1300 readings; of the running distance from it.
    static let slowGain = 0.0015
    static let distanceGain = 0.08
    static let slowClip = 4.0
    static let distanceClip = 6.0
    static let startCount = 20.0
    static let countMax = 10_000.0
    /// A value beyond the range by this part of it is twice as surprising, in the unit of the tail's mean excess.
    static let rangePart = 0.02
    /// The same of the usual error, in which a drifting series passes its edge at every turn.
    static let rangeErrorPart = 0.3
    /// A young series has not shown its range: after so many readings the part is twice that.
    static let rangeCount = 600.0
    static let rangeCountMin = 100.0
    /// A value must stand still for so many times its longest standstill, of so many readings at least, to be stuck, and
    /// that must be as unlikely as the line says.
    static let stuckTimes = 4.0
    /// The same where most readings change nothing: a slow curve in coarse steps stands still wherever it turns.
    static let stuckTimesOfSteps = 12.0
    static let standstillMin = 3.0
    /// Running means say less than their tails claim, as errors of neighbours are alike.
    static let runWeight = 0.77
    static let levelWeight = 0.97
    /// The default: one in 10,000 clean readings.
    package static let falseAlarmBudget = 1e-4
    /// −ln of the default budget over this is the surprise at the line. Set by clean series: see the tests.
    static let surpriseScale = 1.2
    /// What was announced counts less by this part of it, up to this score, and is forgotten by this a reading.
    static let announcedPart = 0.5
    static let announcedMax = 1.2
    static let announcedDecay = 0.9965
    /// Fewer usual intervals than this between two readings are jitter; a forecast is as old as it gets after more than
    /// the other.
    static let gapFrom = 3.0
    static let gapMax = 64.0
    static let intervalGain = 0.1
    static let intervalMax = 1e15
    /// Deviations from which one reading is reason enough.
    static let spikeFrom = 3.0
    static let deviationMin = 1e-9
    /// Mean absolute errors in a deviation, of Gaussian errors.
    static let deviationPerError = 1.2533

    var forecast = SeasonForecast()
    var firstTime = Instant.epoch
    var lastTime = Instant.epoch
    var interval = 0.0
    var count = 0.0
    var lowest = 0.0
    var highest = 0.0
    var resolution = Resolution.coarsest
    var run = 0.0
    var restless = 0.0
    var slowLevel = 0.0
    var slowDeviation = 0.0
    var distance = 0.0
    var runTail = TailEstimate()
    var restlessTail = TailEstimate()
    var distanceTail = TailEstimate()
    var standstill = Standstill()
    var announced = 0.0

    package init() {}

    /// The season that forecasts best so far.
    package enum Season: Hashable, Sendable { case none, day, week }

    /// What was found in one reading.
    package struct Finding: Hashable, Sendable {
        /// 1 at the alarm line, 0 for most readings; finite, not negative.
        package let raw: Double
        /// The main reason; nil at a raw score of 0.
        package let reason: AnomalyReason?
        package let season: Season
        /// It is stuck, and that was announced: the reason, for as long as it lasts.
        package let lasting: AnomalyReason?
        /// How far off the hour's usual value it is, in deviations, with its sign; nil unless that is far.
        package let fromHour: Double?

        static let none = Finding(raw: 0, reason: nil, season: .none, lasting: nil, fromHour: nil)
    }

    /// What one reading is like by the state as it stands: of a late reading, say.
    package func finding(of value: Double, at time: Instant, budget: Double = falseAlarmBudget) -> Finding {
        var copy = self
        return copy.take(value, at: time, budget: budget)
    }

    /// Scores a reading and learns it. A value that is not finite is left out.
    ///
    /// - Parameter budget: the share of clean readings that may alarm, above 0 and below 1.
    package mutating func take(_ value: Double, at time: Instant, budget: Double = falseAlarmBudget) -> Finding {
        guard value.isFinite else { return .none }
        let value = EWMAResidual.bounded(value)
        let missed = advance(to: time)
        let widening = missed > 0 ? (1 + missed).squareRoot() : 1
        let found = forecast.errors(of: value, at: time, widening: widening)
        let gain = SeasonProfile.gain(interval: interval)
        guard count > 0 else {
            start(at: value, time, found)
            return .none
        }
        let surprises = surprises(at: value, found, missed: missed, time: time)
        let norm = surprises.norm
        // A logarithm only where there is something to compare.
        let raw = norm > 0 ? norm / (-Double.log(budget) / Self.surpriseScale) : 0
        let left = max(0, raw - Self.announcedPart * announced)
        announced *= Self.announcedDecay
        if left > 1 { announced = max(announced, min(raw, Self.announcedMax)) }
        let fromHour = fromHour(found)
        let reason = left > 0 ? reason(surprises, value, found, at: time) : nil
        forecast.learn(value, found, gain: gain)
        resolution.refine(with: value)
        lowest = min(lowest, value)
        highest = max(highest, value)
        count = min(count + 1, Self.countMax)
        return Finding(
            raw: left, reason: reason, season: Self.season(found.saying),
            lasting: standstill.isStuck ? stuck(value, at: time) : nil, fromHour: fromHour)
    }

    private static func season(_ saying: SeasonForecast.Saying) -> Season {
        switch saying {
        case .level, .last: .none
        case .day, .dayStep: .day
        case .week, .weekStep: .week
        }
    }

    private mutating func start(at value: Double, _ time: Instant, _ found: SeasonForecast.Errors) {
        (lowest, highest, slowLevel, count) = (value, value, value, 1)
        firstTime = time
        resolution.refine(with: value)
        standstill.start(at: time)
        forecast.start(at: value, found, gain: SeasonProfile.gainMax)
    }

    /// Moves the time on.
    /// - Returns: usual intervals without a reading; 0 if there was no gap.
    private mutating func advance(to time: Instant) -> Double {
        guard count > 0 else {
            lastTime = time
            return 0
        }
        guard time > lastTime else { return 0 }
        let gap = min(Double(time.microseconds(since: lastTime)), Self.intervalMax)
        let intervals = interval > 0 ? gap / interval : 0
        interval += interval == 0 ? gap : Self.intervalGain * (min(gap, 4 * interval) - interval)
        lastTime = time
        return intervals < Self.gapFrom ? 0 : min(intervals, Self.gapMax)
    }

    struct Surprises {
        var run = 0.0
        var restless = 0.0
        var level = 0.0
        var unseen = 0.0
        var stuck = 0.0

        /// Their 3-norm.
        var norm: Double {
            let sum = cube(run) + cube(restless) + cube(level) + cube(unseen) + cube(stuck)
            return sum > 0 ? .root(sum, 3) : 0
        }

        /// Within what its sum and root can hold.
        private func cube(_ surprise: Double) -> Double {
            let bounded = min(surprise, 1e6)
            return bounded * bounded * bounded
        }
    }

    private mutating func surprises(
        at value: Double, _ found: SeasonForecast.Errors, missed: Double, time: Instant
    ) -> Surprises {
        var surprises = Surprises()
        let fading = missed > 0 ? 1 / (1 + Self.runGain * missed) : 1
        let clip = SeasonForecast.clip
        let error = EWMAResidual.clipped(found.error / found.deviation, to: clip)
        run = run * fading + Self.runGain * (error - run * fading)
        surprises.run = Self.runWeight * runTail.surprise(at: abs(run))
        let fromSlow = value - slowLevel
        let deviation = max(slowDeviation, abs(value) * EWMAResidual.relativeMin, SeasonForecast.deviationMin)
        let away = EWMAResidual.clipped(fromSlow / deviation, to: Self.distanceClip)
        distance = distance * fading + Self.distanceGain * (away - distance * fading)
        surprises.level = Self.levelWeight * distanceTail.surprise(at: abs(distance))
        restless += Self.restlessGain * (abs(error) - restless)
        surprises.restless = restlessTail.surprise(at: restless)
        surprises.unseen = unseen(value, deviation: found.deviation)
        surprises.stuck = standstill.surprise(value == forecast.origin + forecast.last, at: time)
        learnSlow(fromSlow, deviation)
        return surprises
    }

    private mutating func learnSlow(_ error: Double, _ deviation: Double) {
        let bound = count < Self.startCount ? Double.infinity : Self.slowClip * deviation
        let clipped = EWMAResidual.clipped(error, to: bound)
        // No division once the series is old.
        let isYoung = count * Self.slowGain < 1
        slowLevel += (isYoung ? 1 / (count + 1) : Self.slowGain) * clipped
        slowDeviation += (isYoung ? 1 / count : Self.slowGain) * (abs(clipped) - slowDeviation)
    }

    private func unseen(_ value: Double, deviation: Double) -> Double {
        guard count > Self.rangeCountMin, highest > lowest else { return 0 }
        // The next step of a device that counts in steps is no news.
        let beyond = max(value - highest, lowest - value) - resolution.step
        guard beyond > 0 else { return 0 }
        let part = Self.rangePart * (1 + Self.rangeCount / count)
        return TailEstimate.tailSurprise + beyond / (part * (highest - lowest) + Self.rangeErrorPart * deviation)
    }

    private func reason(
        _ surprises: Surprises, _ value: Double, _ found: SeasonForecast.Errors, at time: Instant
    ) -> AnomalyReason {
        let largest = max(
            surprises.run, surprises.restless, surprises.level, surprises.unseen, surprises.stuck)
        if largest == surprises.stuck {
            return stuck(value, at: time)
        }
        if largest == surprises.unseen {
            return .unseen(value: value, edge: value > highest ? highest : lowest)
        }
        let hour = found.saying.isOfSeason && hasSeenADay ? Self.hour(of: time) : nil
        let deviations = Self.deviations(found)
        if largest == surprises.run {
            if let fromHour = fromHour(found), fromHour * run > 0 {
                return .spike(deviations: fromHour, hour: Self.hour(of: time))
            }
            let isSpike = abs(deviations) >= Self.spikeFrom && deviations * run > 0
            return isSpike ? .spike(deviations: deviations, hour: hour) : .run(deviations: run, hour: hour)
        }
        if largest == surprises.level { return .level(deviations: distance / Self.deviationPerError) }
        return .restless(times: restless / max(restlessTail.usual, Self.deviationMin))
    }

    private var hasSeenADay: Bool { lastTime.microseconds(since: firstTime) >= Self.dayMicroseconds }
    private static let dayMicroseconds: Int64 = 86_400_000_000

    private func stuck(_ value: Double, at time: Instant) -> AnomalyReason {
        .stuck(value: value, microseconds: time.microseconds(since: standstill.since))
    }

    /// The day need not forecast best to be a good reason.
    private func fromHour(_ found: SeasonForecast.Errors) -> Double? {
        // What an hour usually is, a series of some minutes has not shown.
        guard found.hasDay, hasSeenADay, forecast.daysCount >= SeasonForecast.dayCount else { return nil }
        let error = max(forecast.deviations[SeasonForecast.Saying.day.rawValue], found.deviation)
        let deviations = EWMAResidual.clipped(
            found.errors[SeasonForecast.Saying.day.rawValue] / error / Self.deviationPerError,
            to: EWMAResidual.deviationsMax)
        return abs(deviations) >= Self.spikeFrom ? deviations : nil
    }

    private static func deviations(_ found: SeasonForecast.Errors) -> Double {
        EWMAResidual.clipped(
            found.error / found.deviation / Self.deviationPerError, to: EWMAResidual.deviationsMax)
    }

    static func hour(of time: Instant) -> Int {
        let day: Int64 = 86_400_000_000
        let remainder = time.microseconds % day
        return Int((remainder < 0 ? remainder + day : remainder) / 3_600_000_000)
    }
}
