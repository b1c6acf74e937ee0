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
        let count = Double(readings)
        let usesLevel = levelDeviation <= stepDeviation
        let deviation =
            (usesLevel ? forecast.levelDeviation : forecast.stepDeviation)
            * (1 + Self.smallSample / min(count, Self.memory))
        let error = value - (usesLevel ? forecast.level : last)
        let slowDeviation = forecast.slowDeviation * (1 + Self.smallSample / count)
        return Residual(
            deviations: Self.ratio(error, deviation), steps: Self.ratio(value - last, deviation),
            before: Double(before),
            slow: readings < Self.slowWarmUpCount ? 0 : Self.ratio(value - slowLevel, slowDeviation))
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
