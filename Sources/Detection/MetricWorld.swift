/// What is known of a metric over all its devices: where its values lie and how much one series moves.
package struct MetricWorld: Hashable, Sendable {
    /// Median of the values.
    package let center: Double
    /// From the median to the farther of the 5 % and 95 % quantiles, but at least a tenth of the median; above 0, or 0
    /// if nothing is known.
    package let halfSpan: Double
    /// The deviation of a series about its own last value that is usual; 0 if nothing moved.
    package let typicalDeviation: Double

    /// Half spans around the centre in which a new device may live without an alarm.
    ///
    /// Wide on purpose. Devices of one metric stand in freezers and on roofs while the metric was learned in an office:
    /// their level is no reason for an alarm. A thermometer of offices (21 ± 2 °C) starts to alarm beyond 60 °C.
    package static let foreignFrom = 20.0

    /// - Returns: nil unless all three are finite and the last two not negative.
    package init?(center: Double, halfSpan: Double, typicalDeviation: Double) {
        guard
            center.isFinite, halfSpan.isFinite, typicalDeviation.isFinite, halfSpan >= 0, typicalDeviation >= 0
        else { return nil }
        self.init(unchecked: center, halfSpan: halfSpan, typicalDeviation: typicalDeviation)
    }

    private init(unchecked center: Double, halfSpan: Double, typicalDeviation: Double) {
        self.center = center
        self.halfSpan = halfSpan
        self.typicalDeviation = typicalDeviation
    }

    /// From the first readings of a metric. Medians and quantiles only: up to a twentieth of them may be anomalies.
    ///
    /// - Parameters:
    ///   - values: finite, of all series mixed.
    ///   - steps: differences of neighbouring values within one series.
    init(values: [Double], steps: [Double]) {
        let sorted = values.map { min(max($0, -Self.magnitudeMax), Self.magnitudeMax) }.sorted()
        let center = Self.quantile(0.5, of: sorted)
        let span = max(Self.quantile(0.95, of: sorted) - center, center - Self.quantile(0.05, of: sorted))
        let sortedSteps = steps.map { min(abs($0), Self.magnitudeMax) }.sorted()
        self.init(
            unchecked: center, halfSpan: max(span, abs(center) / 10),
            typicalDeviation: Self.quantile(0.5, of: sortedSteps) * Self.deviationPerMedianStep)
    }

    /// 1.4826 turns the median of absolute Gaussian values into their deviation; a step is the difference of two.
    private static let deviationPerMedianStep = 1.4826 / 2.0.squareRoot()
    private static let magnitudeMax = 1e300

    /// Linear between neighbours; 0 of nothing.
    static func quantile(_ part: Double, of sorted: [Double]) -> Double {
        guard let last = sorted.last else { return 0 }
        let place = part * Double(sorted.count - 1)
        let index = Int(place)
        guard index + 1 < sorted.count else { return last }
        return sorted[index] + (place - Double(index)) * (sorted[index + 1] - sorted[index])
    }

    /// Half spans from the centre; 0 if nothing is known.
    func position(of value: Double) -> Double {
        halfSpan > 0 ? (value - center) / halfSpan : 0
    }

    /// Whether a value is out of this world, and not merely where its series has settled.
    func isForeign(_ value: Double, to residual: EWMAResidual) -> Bool {
        abs(position(of: value)) > Self.foreignFrom
            && (residual.readings == 0 || abs(position(of: residual.level)) <= Self.foreignFrom)
    }
}
