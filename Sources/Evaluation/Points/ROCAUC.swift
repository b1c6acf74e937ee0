/// Area under the receiver operating characteristic: the chance that a random anomaly scores higher than a random
/// ordinary row, a tie counting one half (Hanley, McNeil, "The Meaning and Use of the Area under a ROC Curve", 1982).
///
/// 1 is a perfect ranking, 0.5 is chance. It does not depend on where a threshold is, nor on how rare anomalies are.
package enum ROCAUC {
    /// - Parameters:
    ///   - scores: n scores, higher = more anomalous.
    ///   - labels: n labels, true = anomaly.
    /// - Returns: 0 to 1, what scikit-learn's `roc_auc_score` returns.
    /// - Throws: if the counts differ, a score is NaN, or all labels are the same.
    package static func of(scores: [Double], labels: [Bool]) throws(EvaluationError) -> Double {
        let ranking = try Ranking(scores: scores, labels: labels)
        // Twice the pairs that are in the right order, so that ties stay whole numbers.
        var doubled = 0.0
        var anomaliesAbove = 0
        for step in ranking.steps {
            doubled += Double(step.ordinary) * Double(2 * anomaliesAbove + step.anomalies)
            anomaliesAbove += step.anomalies
        }
        return doubled / (2 * Double(ranking.anomalies) * Double(ranking.ordinary))
    }
}
