import DataPlane
import Ports
import Pruning
import Telemetry

/// Silences as episodes.
extension AnomalyEpisode {
    /// - Parameter now: until when one lasts that is not over.
    init(_ silence: Silence, at now: Instant) {
        let line = SeriesState.silentAfter(usualInterval: silence.usualInterval)
        let length = Self.length(of: silence, line, at: now)
        let noticed = max(silence.start, silence.noticed)
        let rhythm =
            silence.usualInterval > 0
            ? ": it usually reports every \(SpanText(microseconds: silence.usualInterval))"
            : "; how often it reports is not known yet"
        self.init(
            id: Self.silenceID(of: silence.series, from: silence.start), kind: .silence, series: silence.series,
            start: silence.start, peak: silence.end.map { min(noticed, max(silence.start, $0)) } ?? noticed,
            end: silence.end, score: min(1, max(0.5, Double(length) / (2 * Double(line)))), value: silence.value,
            reason: "nothing heard for \(SpanText(microseconds: length))\(rhythm)", model: .none)
    }

    /// As the live feed tells it, which knows the newest row of the series alone.
    init(silent row: LiveReading, noticed: Instant) {
        self.init(
            id: Self.silenceID(of: row.series, from: row.metric.time), kind: .silence, series: row.series,
            start: row.metric.time, peak: max(row.metric.time, noticed), end: nil, score: 0.5, value: row.metric.value,
            reason: "nothing heard since its reading of \(row.metric.time)", model: .none)
    }

    /// Those of both kinds with the latest start, the latest first.
    static func newest(
        of episodes: [AnomalyEpisode], _ silences: [Silence], limit: Int, at now: Instant
    ) -> [AnomalyEpisode] {
        let all = episodes + silences.map { AnomalyEpisode($0, at: now) }
        return Array(all.sorted { ($1.start, $1.id) < ($0.start, $0.id) }.prefix(limit))
    }

    private static func silenceID(of series: Series, from start: Instant) -> String {
        "\(series.device)/\(series.metric)/silence/\(start.microseconds)"
    }

    /// Microseconds: what is over by the device's clock, what lasts by the nodes' clocks. It was unheard for `line` when it
    /// was noticed, whatever the two clocks make of the time of its last reading.
    private static func length(of silence: Silence, _ line: Int64, at now: Instant) -> Int64 {
        if let end = silence.end { return max(line, end.microseconds(since: silence.start)) }
        let (sum, overflow) = line.addingReportingOverflow(max(0, now.microseconds(since: silence.noticed)))
        return overflow ? .max : sum
    }
}
