import RealModule

/// How surprising the size of one statistic is, measured by the series' own past.
///
/// The statistic is brought nearer to an exponential tail by a power, its upper 0.6 % are told apart by a quantile that
/// follows the readings (Robbins, Monro, "A stochastic approximation method", 1951), and what is beyond is taken to be
/// exponential with the mean excess seen so far (peaks over threshold: Siffer et al., "Anomaly detection in streams with
/// extreme value theory", KDD 2017). A series that always had spikes has a long tail, and needs a longer one to alarm.
struct TailEstimate: Hashable, Sendable {
    /// Share of readings beyond the threshold, and its −ln.
    static let tailPart = 0.006
    static let tailSurprise = 5.115995809754082
    /// Readings before it says anything.
    static let warmUpCount = 200.0
    /// Readings and exceedances remembered.
    static let memory = 500.0
    static let exceedancesMemory = 100.0
    /// The excess of so many exceedances, half a usual size each, is assumed before any were seen.
    static let priorCount = 4.0
    static let priorExcess = 0.5
    /// The mean excess is never held to be below this part of the usual size.
    static let excessMin = 0.12
    /// Excesses count up to so many mean ones: one gross anomaly must not hide the next.
    static let clip = 4.0
    /// How far the threshold goes for one reading, in usual sizes.
    static let step = 0.02
    static let stepOfYoung = 3.0
    /// Readings in which the start is rough.
    static let startCount = 10.0

    var threshold = 0.0
    var excess = 0.0
    /// The usual size.
    var scale = 0.0
    /// Readings, up to `memory`, and exceedances, up to `exceedancesMemory`.
    var count = 0.0
    var exceedances = 0.0

    /// Surprise at a size, 0 for all but the largest, and learns it.
    ///
    /// - Parameter size: not negative, finite.
    /// - Returns: −ln of the share of readings expected to be at least so large.
    mutating func surprise(at size: Double) -> Double {
        let size = (size * size.squareRoot()).squareRoot()
        let surprise = count >= Self.warmUpCount && size > threshold ? surprise(beyond: size - threshold) : 0
        learn(size)
        return surprise
    }

    /// What a size usually is.
    var usual: Double { scale * .root(scale, 3) }

    private func surprise(beyond distance: Double) -> Double {
        let prior = Self.priorCount * Self.priorExcess * scale
        let mean = (excess * exceedances + prior) / (exceedances + Self.priorCount)
        let divisor = max(mean, Self.excessMin * scale)
        return divisor > 0 ? Self.tailSurprise + distance / divisor : 0
    }

    private mutating func learn(_ size: Double) {
        let isYoung = count < Self.memory
        if isYoung { count = min(count + 1, Self.memory) }
        let bounded = count > Self.startCount ? min(size, threshold + Self.clip * max(excess, scale)) : size
        scale += (bounded - scale) * (isYoung ? 1 / count : 1 / Self.memory)
        if count <= 2 {
            threshold = max(threshold, size)
        } else {
            let step = scale * (isYoung ? max(Self.stepOfYoung / count, Self.step) : Self.step)
            threshold = max(0, threshold + step * (size > threshold ? 1 - Self.tailPart : -Self.tailPart))
        }
        guard size > threshold, count > Self.startCount else { return }
        exceedances = min(exceedances + 1, Self.exceedancesMemory)
        let distance = min(size - threshold, Self.clip * max(excess, scale / 2))
        excess += (distance - excess) / exceedances
    }
}
