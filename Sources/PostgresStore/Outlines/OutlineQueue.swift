import Telemetry

/// Series with so many readings that no outline holds that the first look at them would take long.
struct OutlineQueue {
    /// Readings stored since the series was last outlined.
    private var counts: [Int64: Int64] = [:]
    private var waiting: [Int64] = []
    private var lateAt: [Int64: Moment] = [:]
    private var isAtWork = false

    /// - Parameter late: series of which the commit brought old readings: what is outlined of them now would be taken
    ///   away again by the next one.
    mutating func note(_ stored: [Int64: Int64], late: Set<Int64>, now: Moment) {
        // Beyond that a first look may take its time.
        if counts.count > PostgresLimits.seriesCacheCountMax { forget() }
        for (series, count) in stored {
            let sum = counts[series, default: 0] + count
            counts[series] = sum
            let isDue = sum >= PostgresLimits.outlinedEvery && sum - count < PostgresLimits.outlinedEvery
            if isDue { waiting.append(series) }
        }
        for series in late where (counts[series] ?? 0) >= PostgresLimits.outlinedEvery { lateAt[series] = now }
    }

    private mutating func forget() {
        counts = [:]
        waiting = []
        lateAt = [:]
    }

    /// - Returns: true if somebody has to begin: series wait, and nobody is at it.
    mutating func beginRound() -> Bool {
        guard !isAtWork, !waiting.isEmpty else { return false }
        isAtWork = true
        return true
    }

    enum Next: Hashable {
        case series(Int64)
        /// All that wait have just got old readings.
        case later
    }

    /// The next series that has been left alone for a while; nil ends the round.
    mutating func next(now: Moment) -> Next? {
        guard !waiting.isEmpty else {
            isAtWork = false
            return nil
        }
        let isQuiet = { [lateAt] (series: Int64) in
            lateAt[series].map { now >= $0.advanced(byMicroseconds: PostgresLimits.outlinedWhenQuiet) } ?? true
        }
        guard let place = waiting.firstIndex(where: isQuiet) else { return .later }
        let series = waiting.remove(at: place)
        counts[series] = 0
        lateAt[series] = nil
        return .series(series)
    }

    /// Its turn was over before it was done.
    mutating func putBack(_ series: Int64) {
        counts[series] = PostgresLimits.outlinedEvery
        waiting.append(series)
    }
}
