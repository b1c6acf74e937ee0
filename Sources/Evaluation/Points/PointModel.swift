import Detection

/// A model that judges rows by themselves, as it is shipped: without a setting that labels could have tuned.
package enum PointModel: String, CaseIterable, Sendable {
    case isolationForest = "isolation_forest"
    case extendedIsolationForest = "extended_isolation_forest"

    /// Fits all rows without their labels, and scores the same rows.
    ///
    /// - Returns: n scores, higher = more anomalous.
    package func scores(of points: LabelledPoints, seed: UInt64) -> [Double] {
        switch self {
        case .isolationForest:
            IsolationForest(fit: points.rows, features: points.features, seed: seed).scores(rows: points.rows).map(-)
        case .extendedIsolationForest:
            ExtendedIsolationForest(fit: points.rows, features: points.features, seed: seed).scores(rows: points.rows)
        }
    }
}
