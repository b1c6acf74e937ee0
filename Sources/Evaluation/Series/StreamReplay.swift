package import Detection
import Telemetry

/// Plays a recorded series through the detector of one metric, as a node would hear it.
///
/// The first readings train the model and score 0; from then on each reading is judged by what came before it. A reading
/// not later than the last is late: judged, but nothing is learned of it.
package struct StreamReplay: Hashable, Sendable {
    /// 0 to 1, 0.5 at the alarm line; one a reading.
    package let scores: [Double]
    /// Why, of readings beyond the line.
    package let reasons: [Int: AnomalyReason]

    package init(_ series: LabelledSeries, seed: UInt64) {
        let name = Series(device: DeviceID(unchecked: "replay"), metric: Metric(unchecked: "value"))
        var trainer = DetectorTrainer()
        var detector: Detector?
        var state = DetectorState()
        var last = Instant.distantPast
        var scores: [Double] = []
        var reasons: [Int: AnomalyReason] = [:]
        for (time, value) in zip(series.times, series.values) {
            let isLate = time <= last
            last = max(last, time)
            guard let detector else {
                scores.append(0)
                guard !isLate else { continue }
                state.learn(value, at: time)
                trainer.append(value, at: time, series: name)
                if trainer.isReady { detector = trainer.train(name: "value", version: 1, seed: seed) }
                continue
            }
            let found =
                isLate
                ? detector.assess(value, at: time, frozen: state)
                : detector.assess(value, at: time, state: &state)
            reasons[scores.count] = found.reason
            scores.append(found.score)
        }
        self.scores = scores
        self.reasons = reasons
    }

    /// The score at the alarm line; more is an anomaly.
    package static let line = 0.5
}
