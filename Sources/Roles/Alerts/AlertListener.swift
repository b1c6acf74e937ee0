import Ports
import Synchronization
import Telemetry

/// Hears the live feed for the sender of alerts, and lets go of it when this node is the sender no more.
final class AlertListener: LiveSink {
    private let isWanted = Atomic(true)
    private let input: AsyncStream<[AnomalyEpisode]>.Continuation

    /// - Parameter input: bounded; what it has no room for is found in the store.
    init(_ input: AsyncStream<[AnomalyEpisode]>.Continuation) {
        self.input = input
    }

    func stop() { isWanted.store(false, ordering: .relaxed) }

    func take(_ batch: LiveBatch) -> Bool {
        guard isWanted.load(ordering: .relaxed) else { return false }
        let episodes = batch.anomalies.filter { $0.kind != .fleet }
        if !episodes.isEmpty { input.yield(episodes) }
        return true
    }
}
