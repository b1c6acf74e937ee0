/// The score of the Numenta Anomaly Benchmark (Lavin, Ahmad, "Evaluating real-time anomaly detection algorithms",
/// ICMLA 2015, arXiv 1510.03336), standard profile.
///
/// A window counts once, by its first detection: nearly 1 at its left edge, 0 at its right; a missed one costs 1. Each
/// detection outside costs up to 0.11, less just behind a window. Nothing counts in the probation, the first 15 % of at
/// most 5000 rows. One threshold serves all series: the one that scores best. 0 is a detector that never alarms, 100 one
/// that finds each window at its first row and nothing else.
package struct NABScore: Hashable, Sendable {
    /// What one series added, at the threshold of all.
    package struct Part: Hashable, Sendable {
        package let name: String
        package let score: Double
        package let windowsCount: Int
        package let windowsFoundCount: Int
        package let falseAlarmsCount: Int
    }

    /// 0 for silence, 100 for perfection; can be negative only with a threshold that is given.
    package let normalized: Double
    /// Rows with this score or more are detections; infinite if silence scores best.
    package let threshold: Double
    package let parts: [Part]

    static let falseAlarmWeight = 0.11
    static let probationPart = 0.15
    static let probationRowsMax = 5000.0

    /// The score at the threshold that is best for all series together.
    ///
    /// - Parameter scores: one column a series, one number a row, higher is more anomalous.
    /// - Throws: if columns are missing or too short, or a score is not a number.
    package init(_ series: [LabelledSeries], scores: [[Double]]) throws(EvaluationError) {
        let rows = try Self.rows(of: series, scores)
        self.init(rows, of: series, threshold: Self.bestThreshold(rows))
    }

    /// The score at a threshold that is given, such as a detector's own alarm line.
    package init(_ series: [LabelledSeries], scores: [[Double]], threshold: Double) throws(EvaluationError) {
        self.init(try Self.rows(of: series, scores), of: series, threshold: threshold)
    }

    private init(_ rows: [[Row]], of series: [LabelledSeries], threshold: Double) {
        var parts: [Part] = []
        var (sum, silence) = (0.0, 0.0)
        for (one, rows) in zip(series, rows) {
            var tally = Tally(rows)
            silence += tally.score
            for row in rows where row.score >= threshold { tally.detect(row) }
            sum += tally.score
            parts.append(
                Part(
                    name: one.name, score: tally.score, windowsCount: tally.windows.count,
                    windowsFoundCount: tally.windows.values.count { $0 > Tally.missed },
                    falseAlarmsCount: rows.count { $0.window == nil && $0.score >= threshold }))
        }
        let perfection = Double(series.reduce(0) { $0 + $1.windows.count })
        normalized = perfection > silence ? 100 * (sum - silence) / (perfection - silence) : 0
        self.threshold = threshold
        self.parts = parts
    }

    /// A row that counts.
    struct Row: Hashable, Sendable {
        let score: Double
        /// What a detection here is worth.
        let weight: Double
        /// The window it lies in, unique over all series.
        let window: Int?
    }

    private struct Tally {
        static let missed = -1.0
        private(set) var windows: [Int: Double]
        private(set) var score: Double

        init(_ rows: [Row]) {
            windows = Dictionary(
                rows.compactMap { row in row.window.map { ($0, Self.missed) } }, uniquingKeysWith: { first, _ in first }
            )
            score = Double(windows.count) * Self.missed
        }

        mutating func detect(_ row: Row) {
            guard let window = row.window, let before = windows[window] else {
                score += row.weight
                return
            }
            guard row.weight > before else { return }
            windows[window] = row.weight
            score += row.weight - before
        }
    }

    private static func bestThreshold(_ rows: [[Row]]) -> Double {
        let all = rows.flatMap { $0 }.sorted { $0.score > $1.score }
        var tally = Tally(all)
        var best = (score: tally.score, threshold: Double.infinity)
        var index = 0
        while index < all.count {
            let threshold = all[index].score
            while index < all.count, all[index].score == threshold {
                tally.detect(all[index])
                index += 1
            }
            if tally.score > best.score { best = (tally.score, threshold) }
        }
        return best.threshold
    }

    private static func rows(of series: [LabelledSeries], _ scores: [[Double]]) throws(EvaluationError) -> [[Row]] {
        guard series.count == scores.count else {
            throw .unequalCounts(what: "columns of scores", count: scores.count, expected: series.count)
        }
        var rows: [[Row]] = []
        var windowsBefore = 0
        for (one, scores) in zip(series, scores) {
            guard one.values.count == scores.count else {
                throw .unequalCounts(what: "scores", count: scores.count, expected: one.values.count)
            }
            if let row = scores.firstIndex(where: \.isNaN) { throw .notANumber(row: row) }
            rows.append(Self.rows(of: one, scores, windowsBefore: windowsBefore))
            windowsBefore += one.windows.count
        }
        return rows
    }

    private static func rows(of series: LabelledSeries, _ scores: [Double], windowsBefore: Int) -> [Row] {
        let count = Double(series.values.count)
        let probation = min((probationPart * count).rounded(.down), probationPart * probationRowsMax)
        var rows: [Row] = []
        var next = 0
        for index in series.values.indices {
            while next < series.windows.count, series.windows[next].upperBound < index { next += 1 }
            let isInside = next < series.windows.count && series.windows[next].contains(index)
            guard Double(index) >= probation else { continue }
            let weight =
                isInside
                ? weight(of: index, inside: series.windows[next])
                : falseAlarmWeight * weight(of: index, behind: next > 0 ? series.windows[next - 1] : nil)
            rows.append(Row(score: scores[index], weight: weight, window: isInside ? windowsBefore + next : nil))
        }
        return rows
    }

    private static func weight(of row: Int, inside window: ClosedRange<Int>) -> Double {
        let place = -Double(window.upperBound - row + 1) / Double(window.count)
        return sigmoid(place) / sigmoid(-1)
    }

    private static func weight(of row: Int, behind window: ClosedRange<Int>?) -> Double {
        guard let window, window.count > 1 else { return -1 }
        let place = Double(row - window.upperBound) / Double(window.count - 1)
        return place > 3 ? -1 : sigmoid(place)
    }

    /// Falls from nearly 1 at −1 through 0 at 0 to nearly −1 at 1.
    private static func sigmoid(_ place: Double) -> Double {
        2 / (1 + exponential(5 * place)) - 1
    }

    /// e to a small power, by ten squarings of its root: a pure target has no library for it. Right to 12 digits.
    private static func exponential(_ power: Double) -> Double {
        let part = power / 1024
        // Taylor's series; |part| is below 0.015 here.
        var result = 1 + part * (1 + part / 2 * (1 + part / 3 * (1 + part / 4 * (1 + part / 5))))
        for _ in 0..<10 { result *= result }
        return result
    }
}
