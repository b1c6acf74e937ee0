/// How right alarms are, row by row: what the Skoltech Anomaly Benchmark reports of outlier detection (Katser, Kozitsin,
/// SKAB, 2020, doi 10.34740/KAGGLE/DSV/1693952). Counts of several devices are added before the shares are taken.
package struct AlarmAccuracy: Hashable, Sendable {
    /// Rows that are anomalous and alarm, that are clean and alarm, that are anomalous and do not, that are neither.
    package var truePositives = 0
    package var falsePositives = 0
    package var falseNegatives = 0
    package var trueNegatives = 0

    package init() {}

    /// - Parameters:
    ///   - alarms: n.
    ///   - labels: n, true = anomaly.
    package init(alarms: [Bool], labels: [Bool]) throws(EvaluationError) {
        guard alarms.count == labels.count else {
            throw .unequalCounts(what: "labels", count: labels.count, expected: alarms.count)
        }
        for (alarm, label) in zip(alarms, labels) {
            switch (alarm, label) {
            case (true, true): truePositives += 1
            case (true, false): falsePositives += 1
            case (false, true): falseNegatives += 1
            case (false, false): trueNegatives += 1
            }
        }
    }

    package mutating func add(_ other: AlarmAccuracy) {
        truePositives += other.truePositives
        falsePositives += other.falsePositives
        falseNegatives += other.falseNegatives
        trueNegatives += other.trueNegatives
    }

    /// Harmonic mean of precision and recall, 0 to 1; 0 without a true positive.
    package var f1: Double {
        Self.share(2 * truePositives, of: 2 * truePositives + falsePositives + falseNegatives)
    }

    /// Share of clean rows that alarm, 0 to 1; 0 of none.
    package var falseAlarmRate: Double { Self.share(falsePositives, of: falsePositives + trueNegatives) }

    /// Share of anomalous rows that do not alarm, 0 to 1; 0 of none.
    package var missedAlarmRate: Double { Self.share(falseNegatives, of: falseNegatives + truePositives) }

    private static func share(_ part: Int, of whole: Int) -> Double {
        whole > 0 ? Double(part) / Double(whole) : 0
    }
}
