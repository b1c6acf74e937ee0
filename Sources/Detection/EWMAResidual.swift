package import Telemetry

/// The running expectation of one series, and how far its next value is from it.
///
/// Two forecasts run side by side: an exponentially weighted level with a damped trend (Holt 1957; Roberts 1959 for
/// the control chart on it), right for values that scatter around something, and the last value, right for values that
/// wander. The one with the smaller error so far speaks. Errors are clipped before they move anything (Gelper, Fried,
/// Croux, "Robust forecasting with exponential and Holt–Winters smoothing", 2010), so a burst of anomalies
/// neither drags the level along nor makes the variance so wide that the next one passes. What stays outlying for
/// `relevelCount` readings in a row is the new normal: the level is set there.
///
/// A value of 60 bytes, O(1) a reading, no clock and no history.
package struct EWMAResidual: Hashable, Sendable {
    /// Gain of the level: it averages about 2/gain − 1 = 12 readings.
    static let levelGain = 0.15
    /// Gain of the trend, and how much of it is believed one reading on.
    static let trendGain = 0.015
    static let trendDamping = 0.98
    /// Gain of both error variances: about 100 readings, long beside the level so that the line holds still.
    static let varianceGain = 0.02
    /// Gain of the variances on an outlying error: an alarm should teach little, a lasting change something.
    static let varianceGainOutlying = 0.005
    /// Errors move level, trend and variance by at most so many deviations.
    static let clip = 3.0
    /// From here on (in deviations, after `smallSample`) a value is outlying. At a Gaussian's 4.5 deviations, seven in a
    /// million are.
    static let outlyingFrom = 4.5
    /// Outlying readings in a row after which the series is taken at its word.
    package static let relevelCount: UInt8 = 10
    /// Readings before the residual says anything.
    package static let warmUpCount: UInt16 = 8
    /// Deviations are divided by 1 + this/readings: with few readings the deviation itself is a guess, and the tails are
    /// Student's. It keeps the rate of false alarms about the same from the 8th reading to the 1000th.
    static let smallSample = 8.0
    /// Where counting the readings ends: the memory of the variance.
    static let readingsCountMax: UInt16 = 100
    /// What a residual can be at most, in deviations.
    package static let deviationsMax = 1000.0
    /// After a gap of so many usual intervals the forecast is as old as it gets.
    static let missedMax = 64.0
    /// Fewer usual intervals than this between two readings are no gap but jitter.
    static let gapFrom = 3.0
    /// Gain of the usual interval.
    static let intervalGain = 0.1
    /// Below this part of a value, differences are the rounding of whoever computed it.
    static let relativeMin = 1e-9
    /// Values are kept within ±this, so that no square of an error overflows.
    static let magnitudeMax = 1e150

    private(set) var level = 0.0
    /// Change of the level from one reading to the next.
    private(set) var trend = 0.0
    /// Variance of the error of the level's forecast.
    private(set) var levelVariance = 0.0
    /// The last value, outliers clipped.
    private(set) var last = 0.0
    /// Variance of the step from the last value.
    private(set) var stepVariance = 0.0
    private(set) var lastTime = Instant.epoch
    /// The usual time between two readings in microseconds; 0 while unknown.
    private(set) var interval: Float = 0
    /// `deviations` of the last reading, within ±`outlyingFrom`.
    private(set) var before: Float = 0
    /// Readings taken in, up to `readingsCountMax`.
    private(set) var readings: UInt16 = 0
    /// Outlying readings in a row, the newest included.
    private(set) var outlyingRun: UInt8 = 0
    private(set) var resolution = Resolution.coarsest

    package init() {}

    /// From fields that were read somewhere.
    /// - Returns: nil if they could not have come from here: not finite, beyond a limit, a negative variance.
    init?(
        level: Double, trend: Double, levelVariance: Double, last: Double, stepVariance: Double, lastTime: Instant,
        interval: Float, before: Float, readings: UInt16, outlyingRun: UInt8, resolutionIndex: UInt8
    ) {
        let values = [level, trend, last]
        let variances = [levelVariance, stepVariance]
        guard
            values.allSatisfy({ abs($0) <= Self.magnitudeMax }),
            variances.allSatisfy({ $0 >= 0 && $0.isFinite }),
            interval >= 0, interval.isFinite, abs(before) <= Float(Self.outlyingFrom),
            readings <= Self.readingsCountMax, outlyingRun < Self.relevelCount,
            let resolution = Resolution(decoding: resolutionIndex)
        else { return nil }
        (self.level, self.trend, self.last) = (level, trend, last)
        (self.levelVariance, self.stepVariance) = (levelVariance, stepVariance)
        (self.lastTime, self.interval, self.before) = (lastTime, interval, before)
        (self.readings, self.outlyingRun, self.resolution) = (readings, outlyingRun, resolution)
    }

    /// Whether enough readings were taken in for a residual.
    package var isWarm: Bool { readings >= Self.warmUpCount }

    /// How far a value is from what was expected. Beyond ±`outlyingFrom` deviations it is outlying. Never NaN.
    package struct Residual: Hashable, Sendable {
        /// Signed error of the forecast, in deviations.
        package let deviations: Double
        /// Signed step from the last value, in the same deviations.
        package let steps: Double
        /// `deviations` of the reading before, 0 without one, within ±`outlyingFrom`.
        package let before: Double

        /// Size of the error, in deviations of its own spread: of this reading alone, or of it and the one before
        /// together where both are large and to one side. A shift of the level shows in two readings what noise hides
        /// in one, and two errors spread like the square root of two.
        package var size: Double {
            let alone = abs(deviations)
            guard alone >= Self.pairFrom, deviations * before > 0 else { return alone }
            return max(alone, (alone + abs(before)) / 2.0.squareRoot())
        }

        private static let pairFrom = 3.0
    }

    /// - Parameters:
    ///   - time: when the value was measured; a forecast ages in a gap. Earlier than the last reading is no gap.
    ///   - typical: the deviation that is usual in series of this kind, in the unit of the value; 0 if unknown.
    /// - Returns: zeros while the series is not warm.
    package func residual(of value: Double, at time: Instant, typical: Double) -> Residual {
        guard isWarm else { return Residual(deviations: 0, steps: 0, before: 0) }
        return residual(of: Self.bounded(value), from: forecast(at: time, typical: typical))
    }

    /// Takes a reading in. A value that is not finite is left out.
    ///
    /// - Parameters:
    ///   - typical: as in `residual`.
    ///   - isForeign: the value is far outside of everything known: while the series is not warm, it counts as outlying.
    package mutating func update(with value: Double, at time: Instant, typical: Double, isForeign: Bool = false) {
        guard value.isFinite else { return }
        let value = Self.bounded(value)
        let forecast = forecast(at: time, typical: typical)
        advance(to: time)
        let residual = residual(of: value, from: forecast)
        let isRefused = isForeign && !isWarm
        if isRefused || abs(residual.deviations) > Self.outlyingFrom {
            outlyingRun += 1
            if outlyingRun >= Self.relevelCount { return restart(at: value) }
        } else {
            outlyingRun = 0
        }
        guard !isRefused else { return }
        guard readings > 0 else { return restart(at: value) }
        before = isWarm ? Float(Self.clipped(residual.deviations, to: Self.outlyingFrom)) : 0
        learn(value, from: forecast)
    }

    private mutating func restart(at value: Double) {
        (level, last) = (value, value)
        (trend, levelVariance, stepVariance) = (0, 0, 0)
        (readings, outlyingRun, before) = (1, 0, 0)
        resolution.refine(with: value)
    }

    private mutating func learn(_ value: Double, from forecast: Forecast) {
        let levelError = Self.clipped(value - forecast.level, to: Self.clip * forecast.levelDeviation)
        let stepError = Self.clipped(value - last, to: Self.clip * forecast.stepDeviation)
        let fewest = 1 / Double(readings)
        let gain = outlyingRun == 0 ? max(Self.varianceGain, fewest) : max(Self.varianceGainOutlying, fewest)
        trend = isWarm ? Self.trendDamping * trend + Self.trendGain * levelError : 0
        level = Self.bounded(forecast.level + max(Self.levelGain, 1 / Double(readings + 1)) * levelError)
        last = Self.bounded(last + stepError)
        levelVariance += gain * (levelError * levelError - levelVariance)
        stepVariance += gain * (stepError * stepError - stepVariance)
        readings = min(readings + 1, Self.readingsCountMax)
        resolution.refine(with: value)
    }

    /// Moves the time on and with it what a usual interval is.
    private mutating func advance(to time: Instant) {
        if readings > 0, time > lastTime {
            let gap = Float(time.microseconds(since: lastTime))
            interval += interval == 0 ? gap : Float(Self.intervalGain) * (min(gap, 4 * interval) - interval)
        }
        lastTime = readings > 0 ? max(lastTime, time) : time
    }

    /// What both forecasts say of the next value.
    private struct Forecast {
        var level: Double
        var levelDeviation: Double
        var last: Double
        var stepDeviation: Double
        /// Which of the two speaks.
        var usesLevel: Bool
    }

    private func residual(of value: Double, from forecast: Forecast) -> Residual {
        let fewReadings = 1 + Self.smallSample / Double(max(1, readings))
        let deviation = (forecast.usesLevel ? forecast.levelDeviation : forecast.stepDeviation) * fewReadings
        return Residual(
            deviations: Self.ratio(value - (forecast.usesLevel ? forecast.level : forecast.last), deviation),
            steps: Self.ratio(value - forecast.last, deviation), before: Double(before))
    }

    /// A random walk's uncertainty grows with the square root of the readings that are missing; a level's like that of
    /// the walk which its gain is right for.
    private func forecast(at time: Instant, typical: Double) -> Forecast {
        var missed = 0.0
        if interval > 0, time > lastTime {
            let intervals = Double(time.microseconds(since: lastTime)) / Double(interval)
            missed = intervals < Self.gapFrom ? 0 : min(intervals, Self.missedMax)
        }
        return Forecast(
            level: level + trend,
            levelDeviation: deviation(levelVariance * (1 + Self.levelGain * Self.levelGain * missed), typical: typical),
            last: last,
            stepDeviation: deviation(stepVariance * (1 + missed), typical: typical),
            usesLevel: levelVariance <= stepVariance)
    }

    /// The deviation to measure in. A series is never held to be quieter than its resolution and a tenth of what is
    /// usual; from a single reading nothing is known but what is usual.
    private func deviation(_ variance: Double, typical: Double) -> Double {
        guard readings >= 2 else { return typical > 0 ? 2 * typical : .infinity }
        return max(variance.squareRoot(), resolution.step / 2, typical / 10, abs(last) * Self.relativeMin)
    }

    private static func clipped(_ error: Double, to bound: Double) -> Double {
        min(max(error, -bound), bound)
    }

    private static func bounded(_ value: Double) -> Double {
        min(max(value, -magnitudeMax), magnitudeMax)
    }

    /// `error / deviation` within ±`deviationsMax`; 0/0 is 0: nothing moves, nothing is expected to.
    private static func ratio(_ error: Double, _ deviation: Double) -> Double {
        error == 0 ? 0 : min(max(error / deviation, -deviationsMax), deviationsMax)
    }
}
