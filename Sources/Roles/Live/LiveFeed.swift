import DataPlane
import Ports
import Telemetry

/// The readings that were judged lately, for nodes that watch: kept only while somebody does.
///
/// Whoever watches asks a few times a second with the cursor of the answer before. A watcher that comes too late for
/// some of them gets what is left: the feed shows the present, the store has the past.
struct LiveFeed {
    /// Readings kept; at 5,000 a second and owner, four seconds.
    static let keptMax = 20_000
    /// Series in one answer.
    static let answerMax = 5_000
    /// How long readings are kept after the last question, in microseconds.
    static let watchedFor: Int64 = 3_000_000

    private var kept: [LiveReading] = []
    /// The number of the first that is kept.
    private var first: UInt64 = 0
    private var watchedUntil = Moment(microseconds: .min)

    func isWatched(_ now: Moment) -> Bool { now < watchedUntil }

    mutating func note(_ call: ScoreCall, _ verdicts: VerdictBatch) {
        for index in 0..<min(call.count, verdicts.count) where !verdicts.isLate[index] {
            let series = call.series[Int(call.seriesIndices[index])]
            let metric = LatestMetric(
                metric: series.metric, value: call.values[index], verdict: verdicts[index], time: call.times[index],
                isSilent: false)
            kept.append(LiveReading(device: series.device, metric: metric))
        }
        // Twice the bound before it is cut, so that cutting costs little a reading.
        if kept.count > 2 * Self.keptMax { forget(kept.count - Self.keptMax) }
    }

    private mutating func forget(_ count: Int) {
        kept.removeFirst(count)
        first += UInt64(count)
    }

    /// - Parameter cursor: of the last answer; nil begins now.
    mutating func changes(since cursor: UInt64?, now: Moment) -> LiveReply {
        if !isWatched(now) { forget(kept.count) }
        watchedUntil = now.advanced(byMicroseconds: Self.watchedFor)
        let end = first + UInt64(kept.count)
        guard let cursor, cursor <= end else { return LiveReply(cursor: end, readings: []) }
        let start = Int(max(cursor, first) - first)
        // The newest of each series, and the worst: an alarm between two looks must not be missed.
        var newest: [Series: Int] = [:]
        var worst: [Series: Int] = [:]
        for index in start..<kept.count {
            let reading = kept[index]
            newest[reading.series] = index
            guard reading.metric.verdict.result == .anomaly else { continue }
            let old = worst[reading.series].map { kept[$0].metric.verdict.score } ?? 0
            if reading.metric.verdict.score >= old { worst[reading.series] = index }
        }
        let wanted = Set(newest.values).union(worst.values).sorted().prefix(Self.answerMax)
        return LiveReply(cursor: end, readings: wanted.map { kept[$0] })
    }
}
