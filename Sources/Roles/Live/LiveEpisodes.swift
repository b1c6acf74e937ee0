import Ports
import Telemetry

/// Episodes as the live feed sees them: what begins, grows and ends between two batches.
///
/// The store's episodes are the record; these have the same ids, since both are named after their first reading.
struct LiveEpisodes {
    /// Series with an open episode, of anomalies and of silence each; beyond it the oldest is no longer followed.
    static let openMax = 10_000

    private var open: [Series: AnomalyEpisode] = [:]
    private var silences: [Series: AnomalyEpisode] = [:]

    /// - Parameter readings: in the order of their times within a series.
    /// - Returns: episodes that began, changed or ended, each as it stands now.
    mutating func take(_ readings: some Sequence<LiveReading>, at now: Instant) -> [AnomalyEpisode] {
        var changed: [Series: AnomalyEpisode] = [:]
        var silent: [Series: AnomalyEpisode] = [:]
        var ended: [AnomalyEpisode] = []
        for reading in readings {
            let series = reading.series
            if let silence = silences[series], !reading.continues(silence) {
                silences[series] = nil
                silent[series] = nil
                ended.append(silence.ended(at: max(silence.start, reading.metric.time)))
                // The row from before the silence again: something late was heard.
                if reading.metric.time <= silence.start { continue }
            }
            if reading.metric.isSilent {
                guard silences[series] == nil else { continue }
                let silence = AnomalyEpisode(silent: reading, noticed: now)
                silences[series] = silence
                silent[series] = silence
                continue
            }
            switch reading.metric.verdict.result {
            case .anomaly:
                let episode = grown(open[series], by: reading)
                open[series] = episode
                changed[series] = episode
            case .normal:
                guard let last = open.removeValue(forKey: series) else { continue }
                changed[series] = nil
                ended.append(last.ended(at: reading.metric.time))
            case .learning, .unscored: continue
            }
        }
        Self.forgetOldest(of: &open)
        Self.forgetOldest(of: &silences)
        return (ended + changed.values + silent.values).sorted { ($0.start, $0.id) < ($1.start, $1.id) }
    }

    private func grown(_ episode: AnomalyEpisode?, by reading: LiveReading) -> AnomalyEpisode {
        let metric = reading.metric
        guard let episode, metric.time.microseconds(since: episode.peak) <= AnomalyEpisode.gapMax,
            metric.time > episode.start
        else { return AnomalyEpisode(live: reading, start: metric.time) }
        guard metric.verdict.score > episode.score else { return episode }
        return AnomalyEpisode(live: reading, start: episode.start)
    }

    private static func forgetOldest(of open: inout [Series: AnomalyEpisode]) {
        guard open.count > openMax else { return }
        let oldest = open.sorted { ($0.value.start, $0.key) < ($1.value.start, $1.key) }
        for (series, _) in oldest.prefix(open.count - openMax) { open[series] = nil }
    }
}

extension LiveReading {
    /// The same silence, told again: by a new owner, or by two.
    fileprivate func continues(_ silence: AnomalyEpisode) -> Bool {
        metric.isSilent && metric.time <= silence.start
    }
}

extension AnomalyEpisode {
    fileprivate init(live reading: LiveReading, start: Instant) {
        let metric = reading.metric
        self.init(
            id: Self.id(of: reading.series, from: start), kind: .anomaly, series: reading.series, start: start,
            peak: metric.time, end: nil, score: metric.verdict.score, value: metric.value,
            reason: metric.verdict.reason
                ?? Self.reason(metric.value, metric.verdict.model, score: metric.verdict.score),
            model: metric.verdict.model)
    }

    fileprivate func ended(at end: Instant) -> AnomalyEpisode {
        AnomalyEpisode(
            id: id, kind: kind, series: series, start: start, peak: peak, end: end, score: score, value: value,
            reason: reason, model: model)
    }
}
