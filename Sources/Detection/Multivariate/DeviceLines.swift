import RealModule

/// The alarm lines of the three charts, as squares of distances.
///
/// Half theory, half the device's own past. In theory clean Gaussian rows are beyond the line one time in 1/budget; no
/// device is Gaussian, and in a few hundred rows none shows how far its levels go, so the line is at twice that
/// distance. What the device showed of itself in rows that were held back, carried on to the budget by its own tail (peaks
/// over threshold: Siffer et al., KDD 2017), is drawn on by a few large values. The geometric mean of the two is steadier
/// than either.
struct DeviceLines: Hashable, Sendable {
    /// Distances in theory, times this.
    static let margin = 2.0
    /// Share of the held-back rows that is tail.
    static let tailPart = 0.1
    /// Stretches that are held back, one after another.
    static let foldsCount = 5
    static let lineMin = 1e-6
    static let lineMax = 1e12

    var level: Double
    var tSquared: Double
    var q: Double

    /// - Parameters:
    ///   - theory: the square of the distance that Gaussian rows keep; infinite if there is nothing to measure.
    ///   - squares: of the distances of held-back rows.
    static func line(theory: Double, squares: [Double], budget: Double) -> Double {
        guard theory < lineMax else { return lineMax }
        let distance = theory.squareRoot()
        let line = margin * distance * max(distance, reach(squares.map { $0.squareRoot() }, budget: budget))
        return min(max(line, lineMin), lineMax)
    }

    /// The distance that is expected once in 1/budget rows.
    private static func reach(_ distances: [Double], budget: Double) -> Double {
        let sorted = distances.sorted()
        let threshold = MetricWorld.quantile(1 - tailPart, of: sorted)
        let beyond = sorted.filter { $0 > threshold }
        guard !beyond.isEmpty else { return threshold }
        let excess = beyond.reduce(0) { $0 + ($1 - threshold) } / Double(beyond.count)
        return threshold + excess * .log(max(1, tailPart / budget))
    }
}
