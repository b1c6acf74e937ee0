import DataPlane
import Ports
import Telemetry

/// The readings that were judged lately, and the series that fell silent, for nodes that watch: kept only while somebody
/// does.
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

    private struct Entry {
        let reading: LiveReading
        /// A silence, or the first that was heard after it: told in any case, since two looks may lie around both.
        let isTurn: Bool
    }

    private var kept: [Entry] = []
    /// Series whose silence was told and that were not heard since; beyond a bound their ends are told as they come.
    private var silent: Set<Series> = []
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
            let isTurn = !silent.isEmpty && silent.remove(series) != nil
            kept.append(Entry(reading: LiveReading(device: series.device, metric: metric), isTurn: isTurn))
        }
        forgetOldest()
    }

    /// The newest row of a series that fell silent.
    mutating func note(silent row: LiveReading) {
        if silent.count < Self.keptMax { silent.insert(row.series) }
        kept.append(Entry(reading: row, isTurn: true))
        forgetOldest()
    }

    /// The same of one that was heard again by a late reading, which is no row of its own.
    mutating func note(heardAgain row: LiveReading) {
        guard silent.remove(row.series) != nil else { return }
        kept.append(Entry(reading: row, isTurn: true))
        forgetOldest()
    }

    /// Twice the bound before it is cut, so that cutting costs little a reading.
    private mutating func forgetOldest() {
        if kept.count > 2 * Self.keptMax { forget(kept.count - Self.keptMax) }
    }

    private mutating func forget(_ count: Int) {
        kept.removeFirst(count)
        first += UInt64(count)
    }

    /// - Parameters:
    ///   - cursor: of the last answer; nil begins now.
    ///   - expected: where the next reading of a series is expected, after the newest that is kept of it.
    mutating func changes(
        since cursor: UInt64?, now: Moment, expected: (LiveReading) -> ClosedRange<Double>? = { _ in nil }
    ) -> LiveReply {
        if !isWatched(now) {
            forget(kept.count)
            silent = []
        }
        watchedUntil = now.advanced(byMicroseconds: Self.watchedFor)
        let end = first + UInt64(kept.count)
        guard let cursor, cursor <= end else { return LiveReply(cursor: end, readings: []) }
        let start = Int(max(cursor, first) - first)
        // The newest of each series, and the worst: an alarm between two looks must not be missed.
        var newest: [Series: Int] = [:]
        var worst: [Series: Int] = [:]
        var turns: [Int] = []
        for index in start..<kept.count {
            let reading = kept[index].reading
            newest[reading.series] = index
            if kept[index].isTurn { turns.append(index) }
            // A silence repeats the verdict of the reading before it.
            guard reading.metric.verdict.result == .anomaly, !reading.metric.isSilent else { continue }
            let old = worst[reading.series].map { kept[$0].reading.metric.verdict.score } ?? 0
            if reading.metric.verdict.score >= old { worst[reading.series] = index }
        }
        let wanted = Set(newest.values).union(worst.values).union(turns).sorted().prefix(Self.answerMax)
        let readings = wanted.map { index in
            var reading = kept[index].reading
            let saysMore = newest[reading.series] == index && !reading.metric.isSilent
            if saysMore { reading.metric.expected = expected(reading) }
            return reading
        }
        return LiveReply(cursor: end, readings: readings)
    }
}
