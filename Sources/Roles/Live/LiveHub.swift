import Ports
import Synchronization
import Telemetry

/// Who listens to the live feed, and the clock of its batches.
final class LiveHub: Sendable {
    private struct State {
        var sinks: [any LiveSink] = []
        var last = Instant.epoch
    }

    private let state = Mutex(State())

    /// False while a batch would be made for nobody.
    var hasListeners: Bool { state.withLock { !$0.sinks.isEmpty } }

    func add(_ sink: any LiveSink) {
        state.withLock { $0.sinks.append(sink) }
    }

    /// Gives one batch to all who listen and forgets those that want no more. One caller at a time: batches keep their
    /// order.
    func publish(readings: [LiveReading], anomalies: [AnomalyEpisode], at now: Instant) {
        let (sinks, batch) = state.withLock { state in
            state.last = max(now, state.last.advanced(byMicroseconds: 1))
            return (state.sinks, LiveBatch(time: state.last, readings: readings, anomalies: anomalies))
        }
        let gone = Set(sinks.filter { !$0.take(batch) }.map(ObjectIdentifier.init))
        guard !gone.isEmpty else { return }
        state.withLock { $0.sinks.removeAll { gone.contains(ObjectIdentifier($0)) } }
    }
}
