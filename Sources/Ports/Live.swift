package import Telemetry

/// What changed in the flock since the batch before it.
///
/// Made once by the node and given to every listener, so it is an immutable value that they share.
package struct LiveBatch: Hashable, Sendable {
    /// When it was made, by the node's clock; later than that of the batch before, also where the clock was set back.
    /// The event ids of the stream.
    package let time: Instant
    /// The newest row of each series that changed; one a series.
    package let readings: [LiveReading]
    /// Episodes that began, changed or ended.
    package let anomalies: [AnomalyEpisode]

    package init(time: Instant, readings: [LiveReading], anomalies: [AnomalyEpisode]) {
        self.time = time
        self.readings = readings
        self.anomalies = anomalies
    }
}

/// One row of the live feed: what `GET /latest` shows of a series.
package struct LiveReading: Hashable, Sendable {
    package let device: DeviceID
    package var metric: LatestMetric

    package var series: Series { Series(device: device, metric: metric.metric) }

    package init(device: DeviceID, metric: LatestMetric) {
        self.device = device
        self.metric = metric
    }
}

/// Listens to the live feed.
package protocol LiveSink: AnyObject, Sendable {
    /// Takes a batch, empty ones too: between them a listener sends what it held back. Returns at once, whatever its
    /// reader does; nobody waits for one listener.
    /// - Returns: false if it wants no more, because its reader is gone or too slow. It is never called again then.
    func take(_ batch: LiveBatch) -> Bool
}
