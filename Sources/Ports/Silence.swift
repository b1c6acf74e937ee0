package import Telemetry

/// A series that stopped reporting, from its last reading on.
package struct Silence: Hashable, Sendable {
    package let series: Series
    /// The time of the last reading before it, by the device; with the series it names the silence.
    package let start: Instant
    /// When its owner noticed.
    package let noticed: Instant
    /// The time of the first reading after it; nil while it lasts.
    package let end: Instant?
    /// Of the last reading before it.
    package let value: Double
    /// The usual time between two readings, in microseconds; 0 while unknown.
    package let usualInterval: Int64

    package init(
        series: Series, start: Instant, noticed: Instant, end: Instant?, value: Double, usualInterval: Int64
    ) {
        self.series = series
        self.start = start
        self.noticed = noticed
        self.end = end
        self.value = value
        self.usualInterval = usualInterval
    }
}

/// The end of a silence that somebody may have noted: the first reading after it.
package struct SilenceEnd: Hashable, Sendable {
    package let series: Series
    package let start: Instant
    package let end: Instant

    package init(series: Series, start: Instant, end: Instant) {
        self.series = series
        self.start = start
        self.end = end
    }
}

/// Where silences are kept, beside the readings.
package protocol SilenceStore: Sendable {
    /// Writes down silences that began, and the ends of those that are known; all others are left out. The same again
    /// changes nothing.
    /// - Returns: series of `silences` that the store does not know: their readings are still to come, or were deleted.
    @discardableResult
    func note(_ silences: [Silence], ended: [SilenceEnd]) async throws(StoreError) -> [Series]

    /// Silences that touch `from..<to`, the latest start first, at most `limit`, by device and metric if given.
    func silences(_ query: AnomalyQuery) async throws(StoreError) -> [Silence]
}

/// All that a node needs of its store.
package typealias Store = ReadingStore & PruneStore & SilenceStore & ModelStore & AlertStore
