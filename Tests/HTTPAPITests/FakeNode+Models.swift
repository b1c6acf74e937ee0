import Ports
import Telemetry

/// A registry made of values.
extension FakeNode {
    func modelVersions(of metric: Metric?, limit: Int) async throws(StoreError) -> [ModelVersion] {
        if let error = now.storeError { throw error }
        return Array(now.models.map(\.version).filter { metric == nil || $0.metric == metric }.prefix(limit))
    }

    func model(of metric: Metric, version: UInt32?) async throws(StoreError) -> ModelRow? {
        if let error = now.storeError { throw error }
        return now.models.first {
            $0.metric == metric && (version == nil ? $0.version.role == .active : $0.model.version == version)
        }
    }

    func register(
        _ document: [UInt8], for metric: Metric, isToServe: Bool
    ) async throws(ModelRefusal) -> TrainingReport {
        change { $0.documents.append(document) }
        return try report(metric, isToServe)
    }

    func train(_ metric: Metric, isToServe: Bool) async throws(ModelRefusal) -> TrainingReport {
        try report(metric, isToServe)
    }

    private func report(_ metric: Metric, _ isToServe: Bool) throws(ModelRefusal) -> TrainingReport {
        if let refusal = now.refusal { throw refusal }
        let version = ModelVersion(
            metric: metric, model: ModelID(name: metric.text, version: 4), role: isToServe ? .active : .none,
            trainedAt: FakeNode.start, readings: 512, alarmRate: 0.001)
        return TrainingReport(
            version: version, isServing: isToServe, reason: "as good", series: 3, heldBack: 100,
            alarmRateBefore: nil)
    }

    func give(
        _ role: ModelRole, to version: UInt32, of metric: Metric
    ) async throws(ModelRefusal) -> ModelVersion {
        if let refusal = now.refusal { throw refusal }
        change { $0.roles.append("\(metric)@\(version) \(role)") }
        guard var row = now.models.first(where: { $0.model.version == version })?.version else {
            throw .notFound("no such version")
        }
        row.role = role
        return row
    }

    func shadowScores(of metric: Metric, limit: Int) async throws(StoreError) -> [ShadowScore]? {
        guard now.models.contains(where: { $0.version.role == .shadow }) else { return nil }
        let series = Series(device: DeviceID(unchecked: "d"), metric: metric)
        let reading = Reading(series: series, time: FakeNode.start, value: 21.5)
        return [ShadowScore(reading, model: ModelID(name: metric.text, version: 3), score: 0.75)]
    }

    func rollBack(_ metric: Metric) async throws(ModelRefusal) -> ModelVersion {
        try await give(.active, to: 1, of: metric)
    }
}
