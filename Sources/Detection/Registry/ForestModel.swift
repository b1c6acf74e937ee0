package import Telemetry

/// An isolation forest over a metric's values alone, as scikit-learn trains it: an anomaly is what its `predict` calls −1.
///
/// It knows neither the device nor the hour: right for metrics whose values mean the same everywhere.
package struct ForestModel: Hashable, Sendable {
    package let id: ModelID
    package let forest: IsolationForest
    /// Readings it was trained on; its trees' samples where nothing else is known.
    package let readingsCount: Int

    /// - Returns: nil unless the forest is over one feature, its line is within −1 to 0 (both excluded), and the count not
    ///   negative.
    package init?(id: ModelID, forest: IsolationForest, readingsCount: Int) {
        guard forest.features == 1, -1 < forest.offset, forest.offset < 0, readingsCount >= 0 else { return nil }
        self.id = id
        self.forest = forest
        self.readingsCount = readingsCount
    }

    /// The forest's own score, 0 to 1, bent so that its line is at 0.5 and both ends stay where they are.
    package func assess(_ value: Double) -> Detector.Assessment {
        guard value.isFinite else { return Detector.Assessment(score: 1, reason: .notFinite) }
        let own = min(max(-forest.score([value]), 0), 1)
        let line = -forest.offset
        guard own > line else { return Detector.Assessment(score: 0.5 * own / line, reason: nil) }
        // Just beyond the line the quotient may round to the line itself.
        let score = max(0.5 + 0.5 * (own - line) / (1 - line), 0.5.nextUp)
        return Detector.Assessment(score: score, reason: .isolated(score: own, line: line))
    }
}
