package import Ports
package import Telemetry

/// Which events of the live feed a client wants.
package struct LiveFilter: Hashable, Sendable {
    package var device: DeviceID?
    package var metric: Metric?
    package var result: ScoreResult?

    package init() {}

    init(_ parameters: Query) throws(Problem) {
        device = try parameters.device()
        metric = try parameters.metric()
        result = try parameters.result()
    }

    package func accepts(_ reading: LiveReading) -> Bool {
        if let device, reading.device != device { return false }
        if let metric, reading.metric.metric != metric { return false }
        if let result, reading.metric.verdict.result != result { return false }
        return true
    }

    /// An episode is one of anomalies: who asks for another result wants none.
    package func accepts(_ episode: AnomalyEpisode) -> Bool {
        if let device, episode.series.device != device { return false }
        if let metric, episode.series.metric != metric { return false }
        if let result, result != .anomaly { return false }
        return true
    }

    /// What `GET /latest` is asked for in the same words.
    package func latest(since: Instant) -> LatestQuery {
        var query = LatestQuery()
        query.all = true
        query.device = device
        query.metric = metric
        query.result = result
        query.since = since
        return query
    }
}
