/// The mean precision over the anomalies found as the threshold falls: Σ (Rₙ − Rₙ₋₁) Pₙ over the distinct scores, without
/// interpolation (Zhu, "Recall, Precision and Average Precision", 2004).
///
/// 1 is a perfect ranking; chance is the share of anomalies. Where anomalies are rare it sees false alarms that the area
/// under the ROC curve forgives.
package enum AveragePrecision {
    /// - Parameters:
    ///   - scores: n scores, higher = more anomalous.
    ///   - labels: n labels, true = anomaly.
    /// - Returns: above 0, to 1, what scikit-learn's `average_precision_score` returns.
    /// - Throws: if the counts differ, a score is NaN, or all labels are the same.
    package static func of(scores: [Double], labels: [Bool]) throws(EvaluationError) -> Double {
        let ranking = try Ranking(scores: scores, labels: labels)
        var sum = 0.0
        var found = 0
        var flagged = 0
        for step in ranking.steps {
            found += step.anomalies
            flagged += step.anomalies + step.ordinary
            sum += Double(step.anomalies) * Double(found) / Double(flagged)
        }
        return sum / Double(ranking.anomalies)
    }
}
