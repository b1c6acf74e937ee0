import Telemetry

extension EWMAResidual {
    /// What the state says of the next value, and how wide each saying is.
    struct Forecast {
        var level: Double
        var levelDeviation: Double
        var stepDeviation: Double
        var slowDeviation: Double
    }

    /// In a gap forecasts age: a random walk's uncertainty grows with the square root of the readings that are
    /// missing, a level's like that of the walk which its gain would be right for.
    func forecast(at time: Instant, typical: Double) -> Forecast {
        var missed = 0.0
        if interval > 0, time > lastTime {
            let intervals = Double(time.microseconds(since: lastTime)) / Double(interval)
            missed = intervals < Self.gapFrom ? 0 : min(intervals, Self.gapMax)
        }
        let aged = Self.levelGain * Self.levelGain * missed
        return Forecast(
            level: level + Double(trend),
            levelDeviation: widened(Double(levelDeviation) * (1 + aged).squareRoot(), typical: typical),
            stepDeviation: widened(Double(stepDeviation) * (1 + missed).squareRoot(), typical: typical),
            slowDeviation: widened(Double(slowDeviation), typical: typical))
    }

    func residual(of value: Double, from forecast: Forecast) -> Residual {
        guard readings > 0 else { return .none }
        let (center, deviation) = quick(forecast)
        let slowDeviation = forecast.slowDeviation * (1 + Self.smallSample / Double(readings))
        return Residual(
            deviations: Self.ratio(value - center, deviation), steps: Self.ratio(value - last, deviation),
            before: Double(before),
            slow: readings < Self.slowWarmUpCount ? 0 : Self.ratio(value - slowLevel, slowDeviation))
    }

    /// The values whose quick residual is at most `line` if they come next, at the usual interval.
    ///
    /// - Parameters:
    ///   - line: in deviations, not below `outlyingFrom`.
    ///   - typical: as in `residual`.
    /// - Returns: nil while the series is not warm, and if no value is beyond the line.
    func expected(within line: Double, typical: Double) -> ClosedRange<Double>? {
        guard isWarm, line < Self.deviationsMax else { return nil }
        let (center, deviation) = quick(forecast(at: lastTime, typical: typical))
        let before = Double(before)
        let lower = center - Residual.largest(within: line, before: -before) * deviation * Self.edge
        let upper = center + Residual.largest(within: line, before: before) * deviation * Self.edge
        guard lower.isFinite, upper.isFinite, lower <= upper else { return nil }
        return lower...upper
    }

    /// A hair less than 1: rounding must not put the edge beyond the line, though values be a billion deviations
    /// (`relativeMin`).
    private static let edge = 1 - 1e-6

    /// The quick forecast, which is the one with the smaller error so far, and the deviation to measure it in.
    private func quick(_ forecast: Forecast) -> (center: Double, deviation: Double) {
        let usesLevel = levelDeviation <= stepDeviation
        let deviation = usesLevel ? forecast.levelDeviation : forecast.stepDeviation
        return (
            usesLevel ? forecast.level : last, deviation * (1 + Self.smallSample / min(Double(readings), Self.memory))
        )
    }

    /// The deviation to measure in: never below the device's resolution and what is plausibly quiet. After a single
    /// reading nothing is known but what is usual in the metric.
    private func widened(_ deviation: Double, typical: Double) -> Double {
        guard readings >= 2 else { return typical > 0 ? 2 * typical : .infinity }
        return max(
            deviation, resolution.step / 2, typical * Self.quietMinOfTypical,
            Double(slowDeviation) * Self.quietMinOfSlow, abs(last) * Self.relativeMin)
    }

    /// `error / deviation` within ±`deviationsMax`; 0/0 is 0: nothing moved, and nothing was expected to.
    private static func ratio(_ error: Double, _ deviation: Double) -> Double {
        error == 0 ? 0 : min(max(error / deviation, -deviationsMax), deviationsMax)
    }
}
