/// How much of a residual counts, by what the metric's training readings were like.
///
/// A forest over (residual, step, position), grown from the training readings. What it isolates as fast as the most
/// unusual twentieth of them counts in full; what is as ordinary as half of them counts a tenth. A forest knows nothing
/// of what lies beyond its rows (it cannot split where they had nothing), so larger residuals than any of them count in
/// full whatever it says.
package struct ResidualFamiliarity: Hashable, Sendable {
    package let forest: IsolationForest
    /// The forest's score that half of the training rows are below: −1 to 0, so a number nearer to 0 is more ordinary.
    package let ordinary: Double
    /// The score that a twentieth of the training rows are below.
    package let unusual: Double
    /// The largest residual among the training rows, in deviations; clipped as they are.
    package let reach: Double

    package static let features = 3
    /// Fewer rows say nothing of tails.
    package static let rowsCountMin = 64
    static let trees = 64
    static let sampleCount = 128
    /// What a residual counts at least: the gross is never talked away.
    static let weightMin = 0.1
    /// Features are clipped to ±this, or one gross anomaly in training would take all splits for itself.
    static let deviationsMax = 16.0
    static let positionMax = 4.0

    /// - Returns: nil unless the forest is over 3 features, both scores are within −1 to 0, `unusual` the lower, and the
    ///   reach is not negative.
    package init?(forest: IsolationForest, ordinary: Double, unusual: Double, reach: Double) {
        guard
            forest.features == Self.features, -1 <= unusual, unusual <= ordinary, ordinary <= 0, reach >= 0,
            reach.isFinite
        else { return nil }
        self.forest = forest
        self.ordinary = ordinary
        self.unusual = unusual
        self.reach = reach
    }

    /// - Parameter rows: row-major, n × 3, made by `row`.
    /// - Returns: nil for fewer than `rowsCountMin` rows.
    init?(rows: [Double], seed: UInt64) {
        guard rows.count >= Self.rowsCountMin * Self.features else { return nil }
        let forest = IsolationForest(
            fit: rows, features: Self.features, trees: Self.trees, sampleCount: Self.sampleCount, seed: seed)
        let scores = forest.scores(rows: rows).sorted()
        self.init(
            forest: forest, ordinary: MetricWorld.quantile(0.5, of: scores),
            unusual: MetricWorld.quantile(0.05, of: scores),
            reach: stride(from: 0, to: rows.count, by: Self.features).reduce(0) { max($0, abs(rows[$1])) })
    }

    static func row(_ residual: EWMAResidual.Residual, position: Double) -> [Double] {
        [clipped(residual.deviations), clipped(residual.steps), min(max(position, -positionMax), positionMax)]
    }

    private static func clipped(_ deviations: Double) -> Double {
        min(max(deviations, -deviationsMax), deviationsMax)
    }

    /// `weightMin` to 1.
    func weight(of residual: EWMAResidual.Residual, position: Double) -> Double {
        guard unusual < ordinary, abs(Self.clipped(residual.deviations)) <= reach else { return 1 }
        let score = forest.score(Self.row(residual, position: position))
        return min(1, max(Self.weightMin, (ordinary - score) / (ordinary - unusual)))
    }
}
