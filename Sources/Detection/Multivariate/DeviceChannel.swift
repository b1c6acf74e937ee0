import RealModule

/// What one metric of a device is like, and how one value of it is told in its own deviations.
struct DeviceChannel: Hashable, Sendable {
    /// How it lives.
    enum Kind: UInt8, Hashable, Sendable {
        /// Around a level: what counts is the distance from it.
        case settled
        /// From wherever it was, without a level to leave: what counts is the step.
        case wandering
        /// The same value nearly always, or absent: nothing to measure by. Its own series watches it.
        case still
    }

    /// Standardised values are within ±this: one gross value must not stand for many.
    static let clip = 15.0
    /// Values count up to so many deviations for the deviation itself, found in so many rounds.
    static let winsor = 5.0
    static let winsorRounds = 3
    /// Correlation of a value with the one before from which a channel wanders.
    static let wanderingFrom = 0.65
    static let persistenceMin = -0.5
    static let persistenceMax = 0.95
    /// Values that must be there.
    static let presentMin = 50
    /// A channel is still if this part of its values at least is the same.
    static let stillPart = 0.9

    var kind: Kind
    /// The level of a settled channel; 0 of others.
    var center: Double
    /// Of values of a settled channel, of steps of a wandering one; above 0.
    let deviation: Double
    /// Correlation of standardised values with the ones before.
    let persistence: Double

    static let absent = DeviceChannel(kind: .still, center: 0, deviation: 1, persistence: 0)

    /// A value in deviations, clipped.
    ///
    /// - Parameters:
    ///   - last: the channel's last value.
    ///   - widening: what a step may be more after a gap, at least 1.
    func standardised(_ value: Double, last: Double, widening: Double) -> Double {
        switch kind {
        case .settled: EWMAResidual.clipped((value - center) / deviation, to: Self.clip)
        case .wandering: EWMAResidual.clipped((value - last) / (deviation * widening), to: Self.clip)
        case .still: 0
        }
    }

    /// Learns a channel.
    ///
    /// - Parameter values: in order of time, bounded; NaN is absent.
    init(fit values: [Double]) {
        let present = values.filter { !$0.isNaN }
        let sorted = present.sorted()
        let edge = (1 - Self.stillPart) / 2
        guard present.count >= Self.presentMin,
            MetricWorld.quantile(edge, of: sorted) < MetricWorld.quantile(1 - edge, of: sorted)
        else {
            self = .absent
            return
        }
        let (center, deviation) = Self.winsorised(present)
        let bounded = values.map { EWMAResidual.clipped(($0 - center) / deviation, to: Self.winsor) }
        let ofValues = Self.persistence(bounded)
        guard ofValues > Self.wanderingFrom else {
            self.init(
                kind: .settled, center: center, deviation: deviation,
                persistence: min(max(ofValues, Self.persistenceMin), Self.persistenceMax))
            return
        }
        let steps = zip(present.dropFirst(), present).map { $0 - $1 }
        self.init(kind: .wandering, center: 0, deviation: Self.winsorised(steps).deviation, persistence: 0)
    }

    init(kind: Kind, center: Double, deviation: Double, persistence: Double) {
        (self.kind, self.center, self.deviation, self.persistence) = (kind, center, deviation, persistence)
    }

    /// Mean and standard deviation with outliers drawn in (Tukey, "The future of data analysis", 1962).
    private static func winsorised(_ values: [Double]) -> (center: Double, deviation: Double) {
        var (center, deviation) = moments(values)
        for _ in 0..<winsorRounds {
            let bound = winsor * deviation
            let middle = center
            (center, deviation) = moments(values.map { middle + EWMAResidual.clipped($0 - middle, to: bound) })
        }
        return (center, max(deviation, abs(center) * EWMAResidual.relativeMin, SeasonForecast.deviationMin))
    }

    private static func moments(_ values: [Double]) -> (center: Double, deviation: Double) {
        let count = Double(values.count)
        let center = values.reduce(0) { $0 + $1 / count }
        let variance = values.reduce(0) { $0 + ($1 - center) * (($1 - center) / count) }
        return (center, variance.squareRoot())
    }

    /// Correlation of neighbours around 0; 0 of too few.
    private static func persistence(_ values: [Double]) -> Double {
        let present = values.filter { !$0.isNaN }
        let mean = present.reduce(0, +) / Double(max(1, present.count))
        let variance = present.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        var sum = 0.0
        for (value, before) in zip(values.dropFirst(), values) where !value.isNaN && !before.isNaN {
            sum += (value - mean) * (before - mean)
        }
        return variance > 0 ? sum / variance : 0
    }
}
