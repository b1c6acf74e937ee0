package import Ports
import Telemetry

extension AnomalyEpisode {
    /// Neighbours further apart than this are two events even if no reading lies between them, in microseconds.
    package static let gapMax: Int64 = 3_600_000_000

    /// Tells the anomalous readings of each series as episodes: an episode ends with the first normal reading after it.
    ///
    /// Derived from what is stored, so every node tells the same, and nothing can be lost between the two.
    /// - Parameter rows: newest first.
    /// - Returns: episodes, the latest start first.
    package static func episodes(of rows: [AnomalyRow]) -> [AnomalyEpisode] {
        var open: [Series: [AnomalyRow]] = [:]
        var episodes: [AnomalyEpisode] = []
        for row in rows.reversed() {
            if let last = open[row.series]?.last, !continues(last, row) {
                episodes.append(contentsOf: open.removeValue(forKey: row.series).map(episode) ?? [])
            }
            open[row.series, default: []].append(row)
        }
        for series in open.keys.sorted() { episodes.append(contentsOf: open[series].map(episode) ?? []) }
        return episodes.sorted { ($1.start, $1.id) < ($0.start, $0.id) }
    }

    private static func continues(_ last: AnomalyRow, _ next: AnomalyRow) -> Bool {
        if let normal = last.normalAfter, normal < next.time { return false }
        return next.time.microseconds(since: last.time) <= gapMax
    }

    private static func episode(_ rows: [AnomalyRow]) -> [AnomalyEpisode] {
        guard let first = rows.first, let last = rows.last,
            let peak = rows.max(by: { $0.score < $1.score })
        else { return [] }
        return [
            AnomalyEpisode(
                id: id(of: first.series, from: first.time), kind: .anomaly,
                series: first.series, start: first.time, peak: peak.time, end: last.normalAfter, score: peak.score,
                value: peak.value, reason: reason(peak, rows.count), model: peak.model)
        ]
    }

    private static func reason(_ peak: AnomalyRow, _ count: Int) -> String {
        let readings = count == 1 ? "1 reading" : "\(count) readings"
        return peak.reason.map { "\($0) (\(readings))" } ?? reason(peak.value, peak.model, score: peak.score, count)
    }

    /// The same for what is stored and for what is live.
    static func id(of series: Series, from start: Instant) -> String {
        "\(series.device)/\(series.metric)/\(start.microseconds)"
    }

    static func reason(_ value: Double, _ model: ModelID, score: Double, _ count: Int? = nil) -> String {
        let readings = count.map { $0 == 1 ? ", 1 reading" : ", \($0) readings" } ?? ""
        return "\(value) is far from what \(model) expects (score \((score * 100).rounded() / 100)\(readings))"
    }
}
