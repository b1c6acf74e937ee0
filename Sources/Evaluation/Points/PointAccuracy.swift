/// How right a model is on labelled rows.
package struct PointAccuracy: Hashable, Sendable {
    /// Area under the ROC curve, 0 to 1.
    package var rocAUC: Double
    /// Average precision, above 0, to 1.
    package var averagePrecision: Double

    package init(rocAUC: Double, averagePrecision: Double) {
        self.rocAUC = rocAUC
        self.averagePrecision = averagePrecision
    }

    /// The accuracy of some scores, higher = more anomalous.
    ///
    /// - Throws: if the counts differ, a score is NaN, or all labels are the same.
    package init(scores: [Double], labels: [Bool]) throws(EvaluationError) {
        rocAUC = try ROCAUC.of(scores: scores, labels: labels)
        averagePrecision = try AveragePrecision.of(scores: scores, labels: labels)
    }

    /// The mean over several sets or seeds, each counting the same; nil of none.
    package static func mean(of accuracies: [PointAccuracy]) -> PointAccuracy? {
        guard !accuracies.isEmpty else { return nil }
        let count = Double(accuracies.count)
        return PointAccuracy(
            rocAUC: accuracies.reduce(0) { $0 + $1.rocAUC } / count,
            averagePrecision: accuracies.reduce(0) { $0 + $1.averagePrecision } / count)
    }
}

extension PointModel {
    /// Seeds of a full evaluation: one forest's luck moves its area by a hundredth.
    package static let seedsDefault: ClosedRange<UInt64> = 1...10

    /// Fits and scores all rows with each seed.
    ///
    /// - Returns: the mean over the seeds; the same for the same points and seeds.
    /// - Throws: nothing for forests, whose scores are numbers; the error of what else cannot be ranked.
    package func evaluate(
        on points: LabelledPoints, seeds: ClosedRange<UInt64> = seedsDefault
    ) throws(EvaluationError) -> PointAccuracy {
        var sum = PointAccuracy(rocAUC: 0, averagePrecision: 0)
        for seed in seeds {
            let one = try PointAccuracy(scores: scores(of: points, seed: seed), labels: points.labels)
            sum.rocAUC += one.rocAUC
            sum.averagePrecision += one.averagePrecision
        }
        let count = Double(seeds.count)
        return PointAccuracy(rocAUC: sum.rocAUC / count, averagePrecision: sum.averagePrecision / count)
    }
}
