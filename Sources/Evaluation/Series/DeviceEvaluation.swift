/// Protocols of recorded devices with several metrics. The detector is `DeviceWatch` as it is shipped; nothing here can
/// be set per device.
package enum DeviceEvaluation {
    /// Rows of each experiment that train; the rest is judged.
    package static let skabTrainingCount = 400

    /// The Skoltech Anomaly Benchmark: alarms at the watch's own line, which is one for all experiments.
    ///
    /// - Returns: the counts of all rows behind the first 400 of each experiment, added.
    package static func skab(_ experiments: [LabelledRows]) throws(EvaluationError) -> AlarmAccuracy {
        var sum = AlarmAccuracy()
        for experiment in experiments {
            let replay = DeviceReplay(experiment, training: skabTrainingCount)
            sum.add(
                try AlarmAccuracy(
                    alarms: replay.scores.dropFirst(skabTrainingCount).map { $0 > DeviceReplay.line },
                    labels: Array(experiment.labels.dropFirst(skabTrainingCount))))
        }
        return sum
    }

    /// A sensor network: how the scores rank the rows of each mote, all rows, those that train it (score 0) too.
    ///
    /// - Returns: the mean over the motes that have anomalies; without any there is nothing to rank. nil of none.
    package static func motes(_ motes: [LabelledRows]) throws(EvaluationError) -> PointAccuracy? {
        var accuracies: [PointAccuracy] = []
        for mote in motes where mote.labels.contains(true) {
            accuracies.append(try PointAccuracy(scores: DeviceReplay(mote).scores, labels: mote.labels))
        }
        return .mean(of: accuracies)
    }
}
