/// Labelled rows in the order of suspicion, most anomalous first; rows of one score are one step.
///
/// All that the metrics read: how many anomalies and how many ordinary rows each threshold lets in.
struct Ranking {
    /// Rows of one score.
    struct Step: Hashable {
        var anomalies: Int
        var ordinary: Int
    }

    let steps: [Step]
    let anomalies: Int
    let ordinary: Int

    /// - Parameters:
    ///   - scores: n scores, higher = more anomalous; infinities are scores too.
    ///   - labels: n labels, true = anomaly.
    init(scores: [Double], labels: [Bool]) throws(EvaluationError) {
        guard scores.count == labels.count else {
            throw .unequalCounts(what: "labels", count: labels.count, expected: scores.count)
        }
        if let row = scores.firstIndex(where: \.isNaN) { throw .notANumber(row: row) }
        anomalies = labels.count { $0 }
        ordinary = labels.count - anomalies
        guard anomalies > 0, ordinary > 0 else { throw .oneKindOnly(anomalies: anomalies, rows: labels.count) }
        var steps: [Step] = []
        var last = Double.nan
        for row in scores.indices.sorted(by: { scores[$0] > scores[$1] }) {
            if scores[row] != last { steps.append(Step(anomalies: 0, ordinary: 0)) }
            last = scores[row]
            if labels[row] { steps[steps.count - 1].anomalies += 1 } else { steps[steps.count - 1].ordinary += 1 }
        }
        self.steps = steps
    }
}
