/// Rows whose anomalies are known, each by itself: their order means nothing.
package struct LabelledPoints: Hashable, Sendable {
    /// Columns of a row.
    package let features: Int
    /// Row-major, n × `features`; NaN is a missing value.
    package let rows: [Double]
    /// n labels, true = anomaly.
    package let labels: [Bool]

    /// - Throws: if the rows are not as many as the labels, or one kind of label is missing.
    package init(rows: [Double], features: Int, labels: [Bool]) throws(EvaluationError) {
        guard features > 0, rows.count == labels.count * features else {
            throw .unequalCounts(what: "values", count: rows.count, expected: labels.count * max(features, 1))
        }
        let anomalies = labels.count { $0 }
        guard anomalies > 0, anomalies < labels.count else {
            throw .oneKindOnly(anomalies: anomalies, rows: labels.count)
        }
        self.rows = rows
        self.features = features
        self.labels = labels
    }
}
