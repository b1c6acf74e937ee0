import Detection
import Telemetry
import Testing

/// One metric and its devices: trains on the first readings as the node does, then scores.
struct DetectorBench {
    static let metric = Metric(unchecked: "temperature")
    static let start = Instant(microseconds: 1_790_000_000_000_000)

    var registry = ModelRegistry()
    var states: [Int: DetectorState] = [:]
    var times: [Int: Instant] = [:]

    static func series(_ device: Int) -> Series {
        Series(device: DeviceID(unchecked: "device-\(device)"), metric: metric)
    }

    var detector: Detector? {
        guard case .detector(let detector) = registry.model(for: Self.metric) else { return nil }
        return detector
    }

    /// - Returns: the score, nil while the metric is learning.
    mutating func feed(_ value: Double, device: Int = 0, afterSeconds seconds: Int = 1, seed: UInt64 = 1) -> Double? {
        let time = (times[device] ?? Self.start).advanced(byMicroseconds: Int64(seconds) * 1_000_000)
        times[device] = time
        var state = states[device] ?? DetectorState()
        defer { states[device] = state }
        guard let detector else {
            state.learn(value, at: time)
            if registry.observe(value, at: time, series: Self.series(device)),
                let trainer = registry.trainer(for: Self.metric)
            {
                let trained = trainer.train(name: "temperature", version: 1, seed: seed)
                registry.activate(.detector(trained), for: Self.metric)
            }
            return nil
        }
        return detector.score(value, at: time, state: &state)
    }

    /// The score of a reading of a metric that has its model.
    mutating func score(_ value: Double, device: Int = 0) throws -> Double {
        let score = feed(value, device: device)
        return try #require(score, "the metric is still learning")
    }

    /// Feeds all to one device, and returns the indices of what was flagged once the metric had its model.
    mutating func flagged(_ values: [Double], kind: SeriesKind) -> (scored: Int, flagged: [Int]) {
        var index = 0
        while index < values.count, detector == nil {
            _ = feed(values[index], afterSeconds: kind.intervalSeconds)
            index += 1
        }
        guard let detector, var state = states[0], var time = times[0] else { return (0, []) }
        let first = index
        var flagged: [Int] = []
        while index < values.count {
            time = time.advanced(byMicroseconds: Int64(kind.intervalSeconds) * 1_000_000)
            if Detector.result(score: detector.score(values[index], at: time, state: &state)) == .anomaly {
                flagged.append(index)
            }
            index += 1
        }
        (states[0], times[0]) = (state, time)
        return (values.count - first, flagged)
    }
}
