import Ports
import Telemetry

/// Episodes as the live feed sees them: what begins, grows and ends between two batches.
///
/// The store's episodes are the record; these have the same ids, since both are named after their first reading.
struct LiveEpisodes {
    /// Series with an open episode; beyond it the oldest is no longer followed.
    static let openMax = 10_000

    private var open: [Series: AnomalyEpisode] = [:]

    /// - Parameter readings: in the order of their times within a series.
    /// - Returns: episodes that began, changed or ended, each as it stands now.
    mutating func take(_ readings: some Sequence<LiveReading>) -> [AnomalyEpisode] {
        var changed: [Series: AnomalyEpisode] = [:]
        var ended: [AnomalyEpisode] = []
        for reading in readings {
            let series = reading.series
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
        forgetOldest()
        return (ended + changed.values).sorted { ($0.start, $0.id) < ($1.start, $1.id) }
    }

    private func grown(_ episode: AnomalyEpisode?, by reading: LiveReading) -> AnomalyEpisode {
        let metric = reading.metric
        guard let episode, metric.time.microseconds(since: episode.peak) <= AnomalyEpisode.gapMax,
            metric.time > episode.start
        else { return AnomalyEpisode(live: reading, start: metric.time) }
        guard metric.verdict.score > episode.score else { return episode }
        return AnomalyEpisode(live: reading, start: episode.start)
    }

    private mutating func forgetOldest() {
        guard open.count > Self.openMax else { return }
        let oldest = open.sorted { ($0.value.start, $0.key) < ($1.value.start, $1.key) }
        for (series, _) in oldest.prefix(open.count - Self.openMax) { open[series] = nil }
    }
}

extension AnomalyEpisode {
    fileprivate init(live reading: LiveReading, start: Instant) {
        let metric = reading.metric
        self.init(
            id: Self.id(of: reading.series, from: start), kind: .anomaly, series: reading.series, start: start,
            peak: metric.time, end: nil, score: metric.verdict.score, value: metric.value,
            reason: Self.reason(metric.value, metric.verdict.model, score: metric.verdict.score),
            model: metric.verdict.model)
    }

    fileprivate func ended(at end: Instant) -> AnomalyEpisode {
        AnomalyEpisode(
            id: id, kind: kind, series: series, start: start, peak: peak, end: end, score: score, value: value,
            reason: reason, model: model)
    }
}
