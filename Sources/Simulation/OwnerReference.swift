import DataPlane
import Detection
import Ports
import Telemetry

/// What a slot's states must be: each reading counted once, in the order of answers, by a rule simpler than the code's.
///
/// A reading that is later than its series' last one moves the state; nothing else does. A reading that was counted is
/// never later than the last, so it cannot count again. It goes from owner to owner beside the state that the code sends.
struct OwnerReference {
    struct Expected {
        var time: Instant?
        var value = 0.0
        var verdict = Verdict.learning
        var lastHeard = Instant.epoch
        var detector = DetectorState()
    }

    private(set) var series: [Series: Expected] = [:]
    private var tombstones: [DeviceID: Instant] = [:]
    /// What origins were told, and by which of their calls.
    var answers = Answers()

    /// - Parameter isWaiting: nothing was judged yet, so what the store knows better is taken too.
    mutating func warm(_ rows: [LatestRow], _ stored: [Tombstone], isWaiting: Bool) {
        for tombstone in stored { forget(tombstone.device, at: tombstone.time) }
        for row in rows {
            if let known = series[row.series] {
                guard isWaiting, (known.time ?? .distantPast) < row.time else { continue }
            }
            if let deleted = tombstones[row.series.device], deleted >= row.lastHeard { continue }
            let known = SeriesState(row)
            series[row.series] = Expected(
                time: known.time, value: row.value, verdict: row.verdict, lastHeard: row.lastHeard,
                detector: known.detector)
        }
    }

    /// What an event changes apart from readings.
    mutating func follow(_ event: SlotCore.Event, from state: SlotCore, taking other: OwnerReference?) {
        let isWaiting = if case .warming = state.state { true } else { false }
        switch event {
        case .warmed(let rows, let tombstones):
            if state.awaitsRows { warm(rows, tombstones, isWaiting: isWaiting) }
        case .forget(let device, let time):
            // It spoke before this was known: nothing that was learned from what is gone stays.
            let isNews = tombstones[device].map { $0 < time } ?? true
            forget(device, at: time)
            guard isNews else { return }
            for name in series.keys where name.device == device { series[name]?.detector = DetectorState() }
        case .bury(let tombstone): forget(tombstone.device, at: tombstone.time)
        case .pulled: if let other, isWaiting || state.series != nil { take(other, isWaiting: isWaiting) }
        default: break
        }
    }

    /// Another owner's: of each series the later of two, whole.
    mutating func take(_ other: OwnerReference, isWaiting: Bool) {
        for (device, time) in other.tombstones { forget(device, at: time) }
        for (name, theirs) in other.series {
            if let deleted = tombstones[name.device], deleted >= theirs.lastHeard { continue }
            if let mine = series[name]?.time, let time = theirs.time {
                guard mine < time || (isWaiting && mine == time) else { continue }
            }
            series[name] = theirs
        }
        answers.take(other.answers)
    }

    /// The slot is cold again: only deletions are remembered.
    mutating func drop() {
        series = [:]
        answers = Answers()
    }

    mutating func forget(_ device: DeviceID, at time: Instant) {
        tombstones[device] = max(tombstones[device] ?? time, time)
        series = series.filter { $0.key.device != device || $0.value.lastHeard > time }
    }

    /// - Returns: the verdict, if the reading was not judged before.
    mutating func count(_ reading: Reading, receivedAt: Instant, by model: Model?) -> Verdict {
        if let deleted = tombstones[reading.series.device], receivedAt <= deleted {
            var stranger = Expected()
            return Self.judge(reading, by: model, &stranger)
        }
        var expected = series[reading.series] ?? Expected()
        defer { series[reading.series] = expected }
        expected.lastHeard = max(expected.lastHeard, receivedAt)
        return Self.judge(reading, by: model, &expected)
    }

    /// It moves nothing but the time at which its series was heard.
    func isNothingNew(_ reading: Reading) -> Bool {
        series[reading.series]?.time.map { reading.time <= $0 } ?? false
    }

    /// A reading that was answered before, perhaps by a state that was lost to a later one since. Whether it is remembered
    /// as an answer or judged anew as a late one, it moves nothing but the time of its being heard.
    mutating func hearAgain(_ name: Series, at time: Instant, as actual: SeriesState?) {
        guard let heard = series[name]?.lastHeard, let actual, actual.lastHeard == time, time > heard else { return }
        series[name]?.lastHeard = time
    }

    private static func judge(_ reading: Reading, by model: Model?, _ expected: inout Expected) -> Verdict {
        if expected.time == reading.time, expected.value == reading.value { return expected.verdict }
        let isLate = expected.time.map { reading.time <= $0 } ?? false
        var detector = expected.detector
        let verdict: Verdict
        if let model {
            verdict = model.verdict(
                model.assess(reading.value, at: reading.time, state: &detector), isLate: isLate)
        } else {
            detector.learn(reading.value, at: reading.time)
            verdict = Verdict(result: .learning, score: 0, model: .none, isLate: isLate)
        }
        guard !isLate else { return verdict }
        expected.time = reading.time
        expected.value = reading.value
        expected.verdict = verdict
        expected.detector = detector
        return verdict
    }

    /// The first series whose state is not what it must be.
    func firstDifference(from state: SlotCore) -> Series? {
        guard let actual = state.series else { return nil }
        let names = Set(series.keys).union(actual.keys).sorted()
        return names.first { name in
            guard let one = actual[name], let other = series[name] else { return true }
            return one.time != other.time || one.value != other.value || one.verdict != other.verdict
                || one.lastHeard != other.lastHeard || one.detector != other.detector
        }
    }
}
