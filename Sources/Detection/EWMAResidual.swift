package import Telemetry

/// The running expectation of one series, and how far its next value is from it.
///
/// Three forecasts run side by side, each with the variance of its own errors. For the next reading, an exponentially
/// weighted level with a damped trend (Roberts 1959; Holt 1957), right for values that scatter around something, and the
/// last value, right for values that wander; the one with the smaller error so far speaks. For drifts that no single
/// reading shows, a slow level, with a memory of hundreds of readings.
///
/// Errors are clipped before they move anything (Gelper, Fried, Croux, "Robust forecasting with exponential and
/// Holt–Winters smoothing", 2010), so a burst of anomalies neither drags a level along nor makes a variance so wide
/// that the next one passes. What stays outlying for `relevelCount` readings in a row, or keeps being so, is the
/// new normal: everything starts again there.
///
/// A value of 60 bytes, O(1) a reading, no clock and no history.
package struct EWMAResidual: Hashable, Sendable {
    /// Gain of the level: it averages about 2/gain − 1 = 12 readings.
    static let levelGain = 0.15
    /// Gain of the trend, and how much of it is believed one reading on.
    static let trendGain = 0.015
    static let trendDamping = 0.98
    /// Gain of the variances of both quick forecasts: about 200 readings, long beside the level so that the line holds
    /// still.
    static let varianceGain = 0.01
    /// The same on an outlying error: an alarm should teach little, a lasting change something.
    static let varianceGainOutlying = 0.005
    /// Gains of the slow level and its variance: about 200 and 1000 readings.
    static let slowGain = 0.01
    static let slowVarianceGain = 0.002
    /// Errors move levels and variances by at most so many deviations.
    static let clip = 3.0
    /// From here on (in deviations, after `smallSample`) a value is outlying. Of Gaussian values, 27 in a
    /// million are.
    static let outlyingFrom = 4.2
    /// Outlying readings in a row after which the series is taken at its word.
    package static let relevelCount: UInt8 = 10
    /// Readings as expected that make up for an outlying one. Not all of them at once: after a shift just across the
    /// line, half of the readings are outlying, and the series must be believed all the same.
    static let outlyingWeight: UInt8 = 3
    static let burdenMax = relevelCount * outlyingWeight
    /// Readings before the quick residual says anything, and before the slow one does.
    package static let warmUpCount: UInt16 = 8
    static let slowWarmUpCount: UInt16 = 200
    /// Deviations are multiplied by 1 + this/readings: after few readings the deviation itself is a guess, and the tails
    /// are Student's. It keeps the rate of false alarms about the same from the 8th reading to the 1000th.
    static let smallSample = 8.0
    /// Readings that a variance remembers, which is where counting them ends: of the quick ones, of the slow one.
    static let memory = 200.0
    static let readingsCountMax: UInt16 = 1000
    /// What a residual can be at most, in deviations.
    package static let deviationsMax = 1000.0
    /// Fewer usual intervals than this between two readings are no gap but jitter; after more than the other, a
    /// forecast is as old as it gets.
    static let gapFrom = 3.0
    static let gapMax = 64.0
    /// Gain of the usual interval.
    static let intervalGain: Float = 0.1
    /// A series is never held to be quieter than this part of what is usual in its metric, and of its own slow deviation.
    static let quietMinOfTypical = 0.1
    static let quietMinOfSlow = 0.03
    /// Below this part of a value, differences are the rounding of whoever computed it.
    static let relativeMin = 1e-9
    /// Values are kept within ±this: nothing physical is beyond, and deviations fit in a float32.
    static let magnitudeMax = 1e36

    private(set) var level = 0.0
    /// The last value, outliers clipped.
    private(set) var last = 0.0
    private(set) var slowLevel = 0.0
    private(set) var lastTime = Instant.epoch
    /// Change of the level from one reading to the next.
    private(set) var trend: Float = 0
    /// Root of the weighted mean square of each forecast's errors.
    private(set) var levelDeviation: Float = 0
    private(set) var stepDeviation: Float = 0
    private(set) var slowDeviation: Float = 0
    /// The usual time between two readings in microseconds; 0 while unknown.
    private(set) var interval: Float = 0
    /// The quick residual of the last reading, within ±`outlyingFrom`.
    private(set) var before: Float = 0
    /// Readings taken in since the last start, up to `readingsCountMax`.
    private(set) var readings: UInt16 = 0
    /// `outlyingWeight` for each outlying reading, less one for each other, since the last start.
    private(set) var burden: UInt8 = 0
    private(set) var resolution = Resolution.coarsest

    package init() {}

    /// Whether enough readings were taken in for a residual.
    package var isWarm: Bool { readings >= Self.warmUpCount }

    /// How far a value is from what was expected. Never NaN; all zero while the series is not warm.
    package struct Residual: Hashable, Sendable {
        /// Signed error of the quick forecast, in its deviations.
        package let deviations: Double
        /// Signed step from the last value, in the same deviations.
        package let steps: Double
        /// The quick residual of the reading before, within ±`outlyingFrom`.
        package let before: Double
        /// Signed distance from the slow level, in its deviations; 0 while that is not warm.
        package let slow: Double

        static let none = Residual(deviations: 0, steps: 0, before: 0, slow: 0)

        /// How large the quick error is, in deviations of its own spread: of this reading alone, or of it together with
        /// the one before where both are large and to one side.
        ///
        /// A shift of the level shows in two readings what noise hides in one; two errors together spread like the
        /// square root of two.
        package var quick: Double {
            let alone = abs(deviations)
            guard alone >= Self.pairFrom, deviations * before > 0 else { return alone }
            return max(alone, (alone + abs(before)) / 2.0.squareRoot())
        }

        /// The other way round: how large an error may be for `quick` to be at most `line`.
        ///
        /// - Parameters:
        ///   - line: not below `pairFrom`.
        ///   - before: how large the residual of the reading before was, to the same side; 0 if it was to the other.
        static func largest(within line: Double, before: Double) -> Double {
            before > 0 ? min(line, max(pairFrom, line * 2.0.squareRoot() - before)) : line
        }

        private static let pairFrom = 3.0
    }

    /// - Parameters:
    ///   - time: when the value was measured; a forecast ages in a gap. Earlier than the last reading is no gap.
    ///   - typical: the deviation that is usual in series of this kind, in the unit of the value; 0 if unknown.
    package func residual(of value: Double, at time: Instant, typical: Double) -> Residual {
        isWarm ? residual(of: Self.bounded(value), from: forecast(at: time, typical: typical)) : .none
    }

    /// Takes a reading in. A value that is not finite is left out.
    ///
    /// - Parameters:
    ///   - typical: as in `residual`.
    ///   - isForeign: the value is far outside of everything known: while the series is not warm, it counts as outlying.
    package mutating func update(with value: Double, at time: Instant, typical: Double, isForeign: Bool = false) {
        _ = take(value, at: time, typical: typical, isForeign: isForeign)
    }

    /// The residual of a reading, and takes it in: `residual` and `update` in one.
    package mutating func take(_ value: Double, at time: Instant, typical: Double, isForeign: Bool = false) -> Residual
    {
        guard value.isFinite else { return .none }
        let value = Self.bounded(value)
        let forecast = forecast(at: time, typical: typical)
        let residual = residual(of: value, from: forecast)
        let found = isWarm ? residual : .none
        update(with: value, at: time, residual, from: forecast, isForeign: isForeign)
        return found
    }

    private mutating func update(
        with value: Double, at time: Instant, _ residual: Residual, from forecast: Forecast, isForeign: Bool
    ) {
        advance(to: time)
        let isRefused = isForeign && !isWarm
        let isOutlying = isRefused || max(abs(residual.deviations), abs(residual.slow)) > Self.outlyingFrom
        burden = isOutlying ? burden + Self.outlyingWeight : burden - min(1, burden)
        guard burden < Self.burdenMax else { return start(at: value) }
        guard !isRefused else { return }
        guard readings > 0 else { return start(at: value) }
        before = isWarm ? Float(Self.clipped(residual.deviations, to: Self.outlyingFrom)) : 0
        learn(value, from: forecast, isOutlying: isOutlying)
    }

    private mutating func start(at value: Double) {
        (level, last, slowLevel) = (value, value, value)
        (trend, levelDeviation, stepDeviation, slowDeviation, before) = (0, 0, 0, 0, 0)
        (readings, burden) = (1, 0)
        resolution.refine(with: value)
    }

    private mutating func learn(_ value: Double, from forecast: Forecast, isOutlying: Bool) {
        let count = Double(readings)
        let levelError = Self.clipped(value - forecast.level, to: Self.clip * forecast.levelDeviation)
        let stepError = Self.clipped(value - last, to: Self.clip * forecast.stepDeviation)
        let slowError = Self.clipped(value - slowLevel, to: Self.clip * forecast.slowDeviation)
        trend = isWarm ? Float(Self.trendDamping * Double(trend) + Self.trendGain * levelError) : 0
        level = Self.bounded(forecast.level + max(Self.levelGain, 1 / (count + 1)) * levelError)
        last = Self.bounded(last + stepError)
        slowLevel = Self.bounded(slowLevel + max(Self.slowGain, 1 / (count + 1)) * slowError)
        let gain = max(isOutlying ? Self.varianceGainOutlying : Self.varianceGain, 1 / count)
        levelDeviation = Self.moved(levelDeviation, by: gain, of: levelError)
        stepDeviation = Self.moved(stepDeviation, by: gain, of: stepError)
        slowDeviation = Self.moved(slowDeviation, by: max(Self.slowVarianceGain, 1 / count), of: slowError)
        readings = min(readings + 1, Self.readingsCountMax)
        resolution.refine(with: value)
    }

    /// Moves the time on, and with it what a usual interval is.
    private mutating func advance(to time: Instant) {
        if readings > 0, time > lastTime {
            let gap = Float(time.microseconds(since: lastTime))
            interval += interval == 0 ? gap : Self.intervalGain * (min(gap, 4 * interval) - interval)
        }
        lastTime = readings > 0 ? max(lastTime, time) : time
    }

    /// A deviation after one more error.
    private static func moved(_ deviation: Float, by gain: Double, of error: Double) -> Float {
        let variance = Double(deviation) * Double(deviation)
        return Float((variance + gain * (error * error - variance)).squareRoot())
    }

    static func clipped(_ error: Double, to bound: Double) -> Double {
        min(max(error, -bound), bound)
    }

    static func bounded(_ value: Double) -> Double {
        min(max(value, -magnitudeMax), magnitudeMax)
    }
}

extension EWMAResidual {
    /// From fields that were read somewhere.
    /// - Returns: nil if they could not have come from here: not finite, beyond a limit, a negative deviation.
    init?(
        levels: (level: Double, last: Double, slow: Double), lastTime: Instant, trend: Float,
        deviations: (level: Float, step: Float, slow: Float), interval: Float, before: Float, readings: UInt16,
        burden: UInt8, resolution: UInt8
    ) {
        let values = [levels.level, levels.last, levels.slow, Double(trend)]
        let sizes = [deviations.level, deviations.step, deviations.slow, interval]
        guard
            values.allSatisfy({ abs($0) <= Self.magnitudeMax }), sizes.allSatisfy({ $0 >= 0 && $0.isFinite }),
            abs(before) <= Float(Self.outlyingFrom), readings <= Self.readingsCountMax,
            burden < Self.burdenMax, let resolution = Resolution(decoding: resolution)
        else { return nil }
        (level, last, slowLevel) = levels
        (levelDeviation, stepDeviation, slowDeviation) = deviations
        (self.lastTime, self.trend, self.interval, self.before) = (lastTime, trend, interval, before)
        (self.readings, self.burden, self.resolution) = (readings, burden, resolution)
    }
}
