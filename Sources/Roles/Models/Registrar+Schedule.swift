package import Ports
package import Telemetry

/// Training by the clock: the pruner's leader sees to it that no metric's newest version grows too old.
extension Registrar {
    /// Versions that are looked at: the newest of each metric are among them.
    static let versionsMax = 100_000

    /// Trains the metric whose newest version is the oldest, if that is older than `age`. One a call, so that the caller's
    /// other work goes on in between; one that was tried and did not become active counts as the newest all the same.
    ///
    /// - Returns: nil if none is due.
    package func trainOldest(
        olderThan age: Int64, at now: Instant
    ) async throws(ModelRefusal) -> TrainingReport? {
        guard let metric = try await due(olderThan: age, at: now) else { return nil }
        return try await train(metric, isToServe: true)
    }

    private func due(olderThan age: Int64, at now: Instant) async throws(ModelRefusal) -> Metric? {
        var newest: [Metric: Instant] = [:]
        for version in try await versions() {
            newest[version.metric] = max(newest[version.metric] ?? .distantPast, version.trainedAt)
        }
        let oldest = newest.min { ($0.value, $0.key) < ($1.value, $1.key) }
        guard let oldest, now.microseconds(since: oldest.value) >= age else { return nil }
        return oldest.key
    }
}
