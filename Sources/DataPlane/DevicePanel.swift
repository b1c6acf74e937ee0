package import Detection
package import Telemetry

/// The metrics that a device reports together, gathered row by row for the watch over all of them (`DeviceWatch`).
///
/// A row is all readings of one time. It is judged with the reading that completes it; one that stays incomplete teaches,
/// and raises no alarm. The first rows show the watch what the device is like. Then it proves itself for a day: a device that
/// moves with the hours, or drifts, looks steady for an hour and would alarm ever after. A watch that does not hold still for
/// a day of ordinary rows is learned anew, and given up after some tries; a device whose metrics mostly come apart is left to
/// the watches of its series, too.
///
/// It belongs to one of the device's series, its carrier, and goes wherever that goes: to other owners, to the store. Only
/// what was learned goes along, not the rows of a device that is still being learned.
package struct DevicePanel: Hashable, Sendable {
    enum Stage: Hashable, Sendable {
        /// Rows so far, row-major, and their times. Goes to `proving`, or to `apart`.
        case learning([Double], [Instant])
        /// It judges, and is not heard. Goes to `watching`, or back.
        case proving(DeviceWatch, Proof)
        /// Goes back to `learning` if it alarms too much.
        case watching(DeviceWatch)
        /// Not to be watched as a whole.
        case apart
    }

    struct Proof: Hashable, Sendable {
        var rows = 0
        var alarms = 0
        let since: Instant
    }

    /// How long a watch proves itself: in microseconds, and in rows.
    static let proofTime: Int64 = 86_400_000_000
    static let proofRows = 1_000
    /// Alarms that it may raise meanwhile: these, and one more in so many rows.
    static let proofAlarmsMax = 2
    static let proofRowsPerAlarm = 2_000
    /// Watches that are tried.
    static let triesMax = 3
    /// What alarms in this part of its last rows, about so many, is how the device is.
    static let alarmPartMax = 0.25
    static let alarmMemory = 2_000.0

    /// A device that is being learned and was not heard for so many microseconds is given up.
    static let silenceMax: Int64 = 3_600_000_000

    /// Metrics from which a device has a panel, and beyond which it has none.
    static let metricsMin = 3
    static let metricsMax = DeviceWatch.metricsCountMax
    /// A metric that first appears within so many rows is one of them; later ones are left to themselves.
    static let gatheringRows = 50
    /// Of the rows that teach, at least this part must be complete.
    static let togetherPart = 0.5
    /// Devices of one slot that are learned at a time, each some ten kilobytes: others wait.
    static let learningMax = 2

    package private(set) var metrics: [Metric]
    private(set) var stage: Stage
    /// The row under way, and when it was measured; nil between two rows.
    private var row: [Double]
    private var time: Instant?
    private var triesCount = 0
    /// Of the rows judged last.
    private var alarmPart = 0.0

    /// - Parameter metrics: that the device has by now.
    init(_ metrics: [Metric]) {
        self.metrics = metrics.sorted()
        stage = metrics.count <= Self.metricsMax ? .learning([], []) : .apart
        row = .init(repeating: .nan, count: metrics.count)
    }

    var isLearning: Bool { if case .learning = stage { true } else { false } }

    /// The device fell silent before it was learned: others take the place.
    mutating func giveUp() {
        if isLearning { stage = .apart }
    }

    /// What was learned, and has proved itself; nil while there is nothing.
    package var watch: DeviceWatch? {
        guard case .watching(let watch) = stage else { return nil }
        return watch
    }

    /// The device reports one more metric.
    mutating func add(_ metric: Metric) {
        guard case .learning(_, let times) = stage, times.count < Self.gatheringRows, !metrics.contains(metric) else {
            return
        }
        self = DevicePanel(metrics + [metric])
    }

    /// Takes a reading that is its series' latest.
    /// - Returns: what was found, if the reading completes a row that is judged.
    mutating func take(_ value: Double, of metric: Metric, at time: Instant) -> DeviceWatch.Finding? {
        guard stage != .apart, let place = metrics.firstIndex(of: metric) else { return nil }
        if let open = self.time {
            // Behind the row under way: of no row that can still be judged.
            guard time >= open else { return nil }
            if time > open { _ = close(at: open) }
        }
        self.time = time
        row[place] = value
        guard row.allSatisfy(\.isFinite) else { return nil }
        return close(at: time)
    }

    private mutating func close(at time: Instant) -> DeviceWatch.Finding? {
        let whole = row
        row = .init(repeating: .nan, count: metrics.count)
        self.time = nil
        switch stage {
        case .apart:
            return nil
        case .watching(var watch):
            stage = .apart  // one owner of the arrays, so that changing them copies nothing
            let found = watch.assess(whole, at: time)
            alarmPart += ((found.raw > 1 ? 1 : 0) - alarmPart) / Self.alarmMemory
            stage = alarmPart > Self.alarmPartMax ? learningAnew() : .watching(watch)
            return found
        case .proving(var watch, var proof):
            stage = .apart
            let found = watch.assess(whole, at: time)
            proof.rows += 1
            if found.raw > 1 { proof.alarms += 1 }
            stage = next(watch, proof, at: time)
            return nil
        case .learning(var rows, var times):
            stage = .apart
            rows += whole
            times.append(time)
            stage = times.count < DeviceWatch.rowsCount ? .learning(rows, times) : learned(rows, times)
            return nil
        }
    }

    private mutating func next(_ watch: DeviceWatch, _ proof: Proof, at time: Instant) -> Stage {
        guard proof.alarms <= Self.proofAlarmsMax + proof.rows / Self.proofRowsPerAlarm else { return learningAnew() }
        let isProven = proof.rows >= Self.proofRows && time.microseconds(since: proof.since) >= Self.proofTime
        return isProven ? .watching(watch) : .proving(watch, proof)
    }

    private mutating func learningAnew() -> Stage {
        triesCount += 1
        alarmPart = 0
        return triesCount < Self.triesMax ? .learning([], []) : .apart
    }

    private func learned(_ rows: [Double], _ times: [Instant]) -> Stage {
        let width = metrics.count
        let complete = stride(from: 0, to: rows.count, by: width).count { start in
            rows[start..<start + width].allSatisfy(\.isFinite)
        }
        guard Double(complete) >= Self.togetherPart * Double(times.count),
            let watch = DeviceWatch(fit: rows, metrics: metrics, times: times)
        else { return .apart }
        return .proving(watch, Proof(since: times[times.count - 1]))
    }

    /// The verdict on a reading that completes a row: the worse of the two. The watch of a device has no parameters but what
    /// it learned from the device, so its version is this program's.
    static func verdict(_ own: Verdict, _ found: DeviceWatch.Finding?) -> Verdict {
        guard let found, found.raw > 1, own.result == .normal || own.result == .anomaly else { return own }
        let score = Detector.score(raw: found.raw)
        guard score > own.score, Detector.result(score: score) == .anomaly else { return own }
        return Verdict(
            result: .anomaly, score: score, model: model, isLate: own.isLate, reason: found.reason?.description)
    }

    package static let model = ModelID(name: "device-watch", version: 1)
}

// MARK: Bytes

extension DevicePanel {
    /// Of what was learned: count of metrics, each with its length first, then the watch.
    static let encodedCountMax = 1 + metricsMax * (1 + Metric.utf8CountMax) + DeviceWatch.encodedCountMax

    /// Empty while nothing was learned.
    func encoded() -> [UInt8] {
        guard let watch else { return [] }
        var bytes: [UInt8] = [UInt8(metrics.count)]
        for metric in metrics {
            let text = Array(metric.text.utf8)
            bytes.append(UInt8(text.count))
            bytes += text
        }
        return bytes + watch.encoded()
    }

    /// - Returns: nil unless the bytes are what `encoded` wrote; the device is then learned anew.
    init?(decoding bytes: ArraySlice<UInt8>) {
        var rest = bytes
        guard let count = rest.popFirst(), (Self.metricsMin...Self.metricsMax).contains(Int(count)) else { return nil }
        var metrics: [Metric] = []
        for _ in 0..<count {
            guard let length = rest.popFirst(), Int(length) <= rest.count,
                let text = String(validating: rest.prefix(Int(length)), as: UTF8.self), let metric = Metric(text)
            else { return nil }
            metrics.append(metric)
            rest = rest.dropFirst(Int(length))
        }
        guard zip(metrics, metrics.dropFirst()).allSatisfy({ $0 < $1 }),
            let watch = DeviceWatch(decoding: rest, metrics: metrics)
        else { return nil }
        self.init(metrics)
        stage = .watching(watch)
    }
}
