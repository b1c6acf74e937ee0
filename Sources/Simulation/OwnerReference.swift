import DataPlane
import Detection
import Ports
import Telemetry

/// What a slot's states must be: each reading counted once, in the order of answers, by a rule simpler than the code's.
///
/// A reading that is later than its series' last one moves the state; nothing else does. A reading that was counted is
/// never later than the last, so it cannot count again.
struct OwnerReference {
    struct Expected {
        var time: Instant?
        var lastHeard = Instant.epoch
        var detector = DetectorState()
    }

    private(set) var series: [Series: Expected] = [:]
    private var tombstones: [DeviceID: Instant] = [:]

    /// - Parameter state: after it took the rows.
    mutating func warm(_ rows: [LatestRow], _ stored: [Tombstone], taken state: SlotCore) {
        for tombstone in stored { forget(tombstone.device, at: tombstone.time) }
        for row in rows where series[row.series] == nil && state.series?[row.series] != nil {
            if let deleted = tombstones[row.series.device], deleted >= row.lastHeard { continue }
            let known = SeriesState(row)
            series[row.series] = Expected(time: known.time, lastHeard: known.lastHeard, detector: known.detector)
        }
    }

    mutating func forget(_ device: DeviceID, at time: Instant) {
        tombstones[device] = max(tombstones[device] ?? time, time)
        series = series.filter { $0.key.device != device || $0.value.lastHeard > time }
    }

    mutating func count(_ reading: Reading, receivedAt: Instant, by model: Detector?) {
        if let deleted = tombstones[reading.series.device], receivedAt <= deleted { return }
        var expected = series[reading.series] ?? Expected()
        expected.lastHeard = max(expected.lastHeard, receivedAt)
        defer { series[reading.series] = expected }
        guard expected.time.map({ $0 < reading.time }) ?? true else { return }
        expected.time = reading.time
        if let model {
            _ = model.score(reading.value, at: reading.time, state: &expected.detector)
        } else {
            expected.detector.learn(reading.value, at: reading.time)
        }
    }

    /// The first series whose state is not what it must be.
    func firstDifference(from state: SlotCore) -> Series? {
        guard let actual = state.series else { return nil }
        let names = Set(series.keys).union(actual.keys).sorted()
        return names.first { name in
            actual[name]?.time != series[name]?.time || actual[name]?.detector != series[name]?.detector
        }
    }
}
