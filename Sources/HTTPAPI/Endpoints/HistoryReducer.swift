import Ports
import Telemetry

/// Keeps at most so many points of a series that a chart of them looks like a chart of all: anomalies first, then the
/// lowest and the highest of each stretch of time.
///
/// One pass and bounded memory, whatever the range holds. As long as few enough points came, all are kept. After that
/// time is cut in stretches of a power of two microseconds, doubled whenever they become too many.
struct HistoryReducer {
    private let pointsMax: Int
    private var all: [HistoryPoint] = []
    private var isComplete = true
    private var anomalies: TimeStretches
    private var others: TimeStretches

    init(pointsMax: Int) {
        self.pointsMax = max(1, pointsMax)
        anomalies = TimeStretches(keeping: .highestScore, countMax: self.pointsMax)
        others = TimeStretches(keeping: .extremeValues, countMax: self.pointsMax)
    }

    /// Points come oldest first.
    mutating func add(_ point: HistoryPoint) {
        if isComplete, all.count < pointsMax {
            all.append(point)
            return
        }
        if isComplete {
            isComplete = false
            for point in all { sort(point) }
            all = []
        }
        sort(point)
    }

    private mutating func sort(_ point: HistoryPoint) {
        if point.result == .anomaly { anomalies.add(point) } else { others.add(point) }
    }

    /// - Returns: at most `pointsMax` points, oldest first.
    func finish() -> [HistoryPoint] {
        if isComplete { return all }
        let kept = anomalies.points
        let room = pointsMax - kept.count
        guard room > 0 else { return kept }
        var rest = others
        rest.shrink(toCount: max(1, room / 2))
        return (kept + rest.points.prefix(room)).sorted { $0.time < $1.time }
    }
}

/// Stretches of time of one length, each with the points that stand for it.
struct TimeStretches {
    enum Keeping { case highestScore, extremeValues }

    private struct Stretch {
        var index: Int64
        var low: HistoryPoint
        var high: HistoryPoint
    }

    private let keeping: Keeping
    private let countMax: Int
    /// A stretch is 2^shift microseconds long.
    private var shift: Int64 = 0
    private var stretches: [Stretch] = []

    init(keeping: Keeping, countMax: Int) {
        self.keeping = keeping
        self.countMax = countMax
    }

    mutating func add(_ point: HistoryPoint) {
        append(Stretch(index: point.time.microseconds >> shift, low: point, high: point))
        shrink(toCount: countMax)
    }

    /// Doubles the length until no more than `count` stretches are left.
    mutating func shrink(toCount count: Int) {
        while stretches.count > max(1, count), shift < 63 {
            shift += 1
            let finer = stretches
            stretches.removeAll(keepingCapacity: true)
            for var stretch in finer {
                stretch.index >>= 1
                append(stretch)
            }
        }
    }

    /// Joins the last stretch if it is of the same time, or (which no store should do) of an earlier one.
    private mutating func append(_ stretch: Stretch) {
        guard let last = stretches.indices.last, stretch.index <= stretches[last].index else {
            return stretches.append(stretch)
        }
        if measure(stretch.low) < measure(stretches[last].low) { stretches[last].low = stretch.low }
        if measure(stretch.high) > measure(stretches[last].high) { stretches[last].high = stretch.high }
    }

    private func measure(_ point: HistoryPoint) -> Double {
        keeping == .highestScore ? point.score : point.value
    }

    var points: [HistoryPoint] {
        stretches.flatMap { stretch -> [HistoryPoint] in
            if keeping == .highestScore || stretch.low == stretch.high { return [stretch.high] }
            return stretch.low.time <= stretch.high.time ? [stretch.low, stretch.high] : [stretch.high, stretch.low]
        }
    }
}
