package import Detection
import Telemetry

/// Plays a device's rows through its watch, as a node would hear them.
///
/// The first rows train it and score 0; from then on each row is judged by what came before it. A row not later than
/// the last is late: judged, but nothing is learned of it. One configuration for all devices.
package struct DeviceReplay: Hashable, Sendable {
    /// 0 to 1, 0.5 at the alarm line; one a row.
    package let scores: [Double]
    /// Why, of rows beyond the line.
    package let reasons: [Int: AnomalyReason]

    /// The score at the alarm line; more is an anomaly.
    package static let line = 0.5

    /// - Parameter training: rows that train.
    package init(_ device: LabelledRows, training: Int = DeviceWatch.rowsCount) {
        let count = min(training, device.labels.count)
        let width = device.metrics.count
        var scores = [Double](repeating: 0, count: device.labels.count)
        var reasons: [Int: AnomalyReason] = [:]
        var watch = DeviceWatch(
            fit: Array(device.rows[0..<count * width]), metrics: device.metrics, times: Array(device.times[0..<count]))
        var last = device.times.prefix(count).max() ?? .distantPast
        for index in count..<device.labels.count {
            let (row, time) = (device.row(index), device.times[index])
            let found = time > last ? watch?.assess(row, at: time) : watch?.finding(of: row, at: time)
            last = max(last, time)
            guard let found else { continue }
            scores[index] = Detector.score(raw: found.raw)
            if scores[index] > Self.line { reasons[index] = found.reason }
        }
        self.scores = scores
        self.reasons = reasons
    }
}
