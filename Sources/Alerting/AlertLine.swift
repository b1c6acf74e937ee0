import Ports
import Telemetry

/// Where episodes follow each other: those of one kind in one series.
struct AlertLine: Hashable, Comparable, Sendable {
    let series: Series
    let kind: AnomalyEpisode.Kind

    init(_ episode: AnomalyEpisode) {
        series = episode.series
        kind = episode.kind
    }

    var group: AlertGroup { AlertGroup(metric: series.metric, kind: kind) }

    static func < (lhs: Self, rhs: Self) -> Bool {
        (lhs.series, lhs.kind.rawValue) < (rhs.series, rhs.kind.rawValue)
    }
}

/// What may be one incident: episodes of one kind and metric.
struct AlertGroup: Hashable, Comparable, Sendable {
    let metric: Metric
    let kind: AnomalyEpisode.Kind

    static func < (lhs: Self, rhs: Self) -> Bool {
        (lhs.metric, lhs.kind.rawValue) < (rhs.metric, rhs.kind.rawValue)
    }
}

/// One episode that the core knows.
struct AlertEntry: Hashable, Sendable {
    enum Fate: Hashable, Sendable {
        /// Not told yet: it may be one of many.
        case held
        case told
        case muted
        /// No target wants it.
        case unwanted
        /// Told as a part of this incident.
        case member(String)
    }

    var episode: AnomalyEpisode
    var fate: Fate
    /// When it was last heard of.
    var touched: Moment
    /// Since when the store has nothing of it, though it should.
    var missingSince: Moment?

    var isOver: Bool { episode.end != nil }
    /// Over before it began: a silence that a late reading took back.
    var isVoid: Bool { episode.end == episode.start }

    /// It is the same episode, seen by somebody else or later.
    func isSame(_ other: AnomalyEpisode) -> Bool {
        if episode.id == other.id || episode.start == other.start { return true }
        return other.start < (episode.end ?? .distantFuture) && episode.start < (other.end ?? .distantFuture)
    }
}

/// Where an episode was heard of.
enum EpisodeSource: Hashable, Sendable {
    /// It is news.
    case live
    /// The store, which may lag behind.
    case store
    /// The store, at the beginning of what was read: it may have begun earlier.
    case storeCut
}

/// An episode that is held back.
struct HeldEpisode: Hashable, Sendable {
    let line: AlertLine
    let start: Instant
    let until: Moment
}

/// One of those that may be many.
struct GroupedEpisode: Hashable, Sendable {
    let line: AlertLine
    let start: Instant
    let heard: Moment
}

extension AnomalyEpisode {
    /// The same with what differs.
    func with(id: String? = nil, start: Instant? = nil, peakOf other: AnomalyEpisode? = nil, end: Instant?) -> Self {
        let peak = other ?? self
        return AnomalyEpisode(
            id: id ?? self.id, kind: kind, series: series, start: start ?? self.start, peak: peak.peak, end: end,
            score: peak.score, value: peak.value, reason: peak.reason, model: peak.model)
    }
}
