import HashRing
package import Telemetry

package struct LatestQuery: Hashable, Sendable {
    /// Also devices that were not heard within `inactive-after`.
    package var all = false
    package var device: DeviceID?
    package var metric: Metric?
    package var result: ScoreResult?
    package var limit: Int?
    /// Only devices after this one.
    package var after: DeviceID?
    /// Only series that changed at or after this moment, by the clocks of the nodes: who lost the live feed asks so for
    /// what it missed.
    package var since: Instant?

    package init() {}
}

package struct LatestAnswer: Hashable, Sendable {
    package let devices: [LatestDevice]
    /// Members that did not answer, by name.
    package let missing: [String]

    /// A fixed hash of all that is shown of the devices: the same on every node that answers the same. The ETag.
    package let revision: UInt64

    /// - Parameter devices: by device id as bytes.
    package init(devices: [LatestDevice], missing: [String]) {
        self.devices = devices
        self.missing = missing.sorted()
        revision = devices.reduce(0) { $1.mixed(into: $0) }
    }

    /// What the owners answered, as one answer: however the devices were spread over them, it is the same.
    ///
    /// While a slot moves two owners may know a device: of each series the newer row counts.
    /// - Parameter limit: of the query, which each owner kept to for itself.
    package init(gathering parts: [[LatestDevice]], missing: [String], limit: Int?) {
        guard parts.count != 1 else {
            self.init(devices: parts[0], missing: missing)
            return
        }
        var devices: [LatestDevice] = []
        for device in parts.flatMap(\.self).sorted(by: { $0.device < $1.device }) {
            if let last = devices.last, last.device == device.device {
                devices[devices.count - 1] = last.merged(with: device)
            } else if let limit, devices.count >= limit {
                break
            } else {
                devices.append(device)
            }
        }
        self.init(devices: devices, missing: missing)
    }
}

package struct LatestDevice: Hashable, Sendable {
    package let device: DeviceID
    package let time: Instant
    package let isSilent: Bool
    package var metrics: [LatestMetric]

    package init(device: DeviceID, time: Instant, isSilent: Bool, metrics: [LatestMetric]) {
        self.device = device
        self.time = time
        self.isSilent = isSilent
        self.metrics = metrics
    }
}

package struct LatestMetric: Hashable, Sendable {
    package let metric: Metric
    package let value: Double
    package let verdict: Verdict
    package let time: Instant
    package let isSilent: Bool
    /// Where the series' next reading is expected, by its state after the one shown; both ends are finite. Nil if the
    /// series is silent or too young, its model knows none, or who tells it has no state of it. It is not part of the
    /// answer's revision: it says nothing new of what was heard.
    package var expected: ClosedRange<Double>?

    package init(
        metric: Metric, value: Double, verdict: Verdict, time: Instant, isSilent: Bool,
        expected: ClosedRange<Double>? = nil
    ) {
        self.metric = metric
        self.value = value
        self.verdict = verdict
        self.time = time
        self.isSilent = isSilent
        self.expected = expected
    }
}

extension LatestDevice {
    fileprivate func merged(with other: LatestDevice) -> LatestDevice {
        var newest = Dictionary(metrics.map { ($0.metric, $0) }) { $0.newer($1) }
        newest.merge(other.metrics.map { ($0.metric, $0) }) { $0.newer($1) }
        return LatestDevice(
            device: device, time: max(time, other.time), isSilent: isSilent && other.isSilent,
            metrics: newest.values.sorted { $0.metric < $1.metric })
    }

    fileprivate func mixed(into revision: UInt64) -> UInt64 {
        var word = DeviceHash.hash(device.text, seed: revision)
        word = SeededGenerator.mixed(word ^ (isSilent ? 1 : 0))
        for metric in metrics { word = metric.mixed(into: word) }
        return word
    }
}

extension LatestMetric {
    /// Of two rows of one series. At the same time the one that was judged, then the higher score, then the one that is
    /// heard: whoever gathers them, in whatever order, comes to the same.
    fileprivate func newer(_ other: LatestMetric) -> LatestMetric {
        rank < other.rank ? other : self
    }

    private var rank: (Instant, Int, Double, Int) {
        let isJudged = verdict.result == .normal || verdict.result == .anomaly
        return (time, isJudged ? 1 : 0, verdict.score, isSilent ? 0 : 1)
    }

    fileprivate func mixed(into revision: UInt64) -> UInt64 {
        var word = DeviceHash.hash(metric.text, seed: revision)
        for bits in [
            value.bitPattern, UInt64(bitPattern: time.microseconds), verdict.score.bitPattern,
            UInt64(verdict.result.rawValue) << 1 | (isSilent ? 1 : 0),
            DeviceHash.hash(verdict.model.name, seed: UInt64(verdict.model.version)),
        ] { word = SeededGenerator.mixed(word ^ bits) }
        return word
    }
}
