package import Telemetry

/// The newest reading of a series, and what its owner must know to go on where it stood.
package struct LatestRow: Hashable, Sendable {
    package let series: Series
    package let time: Instant
    package let value: Double
    package let verdict: Verdict
    /// When the owner last heard this series, by the owner's clock.
    package let lastHeard: Instant
    /// The usual time between two readings in microseconds; 0 while unknown.
    package let usualInterval: Int64
    /// The detector's state in its own format (versioned there); empty without one.
    package let state: [UInt8]
    /// The series was heard since its owner told the store last: its device is heard too, and comes out of hiding.
    /// A row that only moved from one owner to another says nothing of the kind.
    package let isHeard: Bool

    package init(
        series: Series, time: Instant, value: Double, verdict: Verdict, lastHeard: Instant, usualInterval: Int64,
        state: [UInt8], isHeard: Bool = true
    ) {
        self.series = series
        self.time = time
        self.value = value
        self.verdict = verdict
        self.lastHeard = lastHeard
        self.usualInterval = usualInterval
        self.state = state
        self.isHeard = isHeard
    }
}

/// A device was deleted at that time, by the store's clock: what was received before is not wanted.
package struct Tombstone: Hashable, Sendable {
    package let device: DeviceID
    package let time: Instant

    package init(device: DeviceID, time: Instant) {
        self.device = device
        self.time = time
    }
}

package struct HistoryPoint: Hashable, Sendable {
    package let time: Instant
    package let value: Double
    package let score: Double
    package let result: ScoreResult

    package init(time: Instant, value: Double, score: Double, result: ScoreResult) {
        self.time = time
        self.value = value
        self.score = score
        self.result = result
    }
}

package struct AnomalyQuery: Hashable, Sendable {
    package var from: Instant
    package var to: Instant
    package var device: DeviceID?
    package var metric: Metric?
    package var limit: Int

    package init(from: Instant, to: Instant, device: DeviceID? = nil, metric: Metric? = nil, limit: Int) {
        self.from = from
        self.to = to
        self.device = device
        self.metric = metric
        self.limit = limit
    }
}

/// One anomalous reading; episodes are made of neighbours (`AnomalyEpisode`).
package struct AnomalyRow: Hashable, Sendable {
    package let series: Series
    package let time: Instant
    package let value: Double
    package let score: Double
    package let model: ModelID
    /// The time of the first reading of the series after this one that was `normal`; nil if there is none yet.
    package let normalAfter: Instant?
    /// Why, for people; nil if the row is from before reasons were kept.
    package let reason: String?

    package init(
        series: Series, time: Instant, value: Double, score: Double, model: ModelID, normalAfter: Instant?,
        reason: String? = nil
    ) {
        self.series = series
        self.time = time
        self.value = value
        self.score = score
        self.model = model
        self.normalAfter = normalAfter
        self.reason = reason
    }
}

package struct DeviceRow: Hashable, Sendable {
    package let device: DeviceID
    /// Sorted.
    package let metrics: [Metric]
    package let firstSeen: Instant
    package let lastHeard: Instant
    package let isHidden: Bool
    package let readings: UInt64

    package init(
        device: DeviceID, metrics: [Metric], firstSeen: Instant, lastHeard: Instant, isHidden: Bool, readings: UInt64
    ) {
        self.device = device
        self.metrics = metrics
        self.firstSeen = firstSeen
        self.lastHeard = lastHeard
        self.isHidden = isHidden
        self.readings = readings
    }
}
