package import Ports
import Telemetry

/// Keeps a stream to four events a second and series: what comes too soon is held, newer replaces older, and goes out
/// with a later batch. Nothing is lost that is still the newest of its series.
///
/// Time is that of the batches. Where they come a gap apart, as the node makes them, a batch passes as it is.
package struct LivePacer: Sendable {
    /// Between two events of one series, in microseconds.
    package static let gap: Int64 = 250_000

    private let filter: LiveFilter
    /// What passed within the last gap.
    private var recent: [(time: Instant, readings: [LiveReading])] = []
    private var held: [Series: LiveReading] = [:]

    package init(_ filter: LiveFilter) {
        self.filter = filter
    }

    /// - Returns: what may be sent now, each series once.
    package mutating func pass(_ batch: LiveBatch) -> [LiveReading] {
        recent.removeAll { batch.time.microseconds(since: $0.time) >= Self.gap }
        let wanted = batch.readings.filter { filter.accepts($0) }
        let passing: [LiveReading]
        if recent.isEmpty, held.isEmpty {
            passing = wanted
        } else {
            let blocked = Set(recent.lazy.flatMap(\.readings).map(\.series))
            for reading in wanted { held[reading.series] = reading }
            passing = held.values.filter { !blocked.contains($0.series) }.sorted { $0.series < $1.series }
            held = held.filter { blocked.contains($0.key) }
        }
        if !passing.isEmpty { recent.append((batch.time, passing)) }
        return passing
    }
}
