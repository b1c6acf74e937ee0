import Distributed
import Logging
package import Ports
import Synchronization
package import Telemetry

/// The registry, seen from this node. What changes is known to the others with their next look at its revision.
extension Node: ModelService {
    package func modelVersions(of metric: Metric?, limit: Int) async throws(StoreError) -> [ModelVersion] {
        try await store.modelVersions(of: metric, limit: limit)
    }

    package func model(of metric: Metric, version: UInt32?) async throws(StoreError) -> ModelRow? {
        if let version { return try await store.model(of: metric, version: version) }
        let active = try await store.servingVersions().first { $0.metric == metric && $0.role == .active }
        guard let active else { return nil }
        return try await store.model(of: metric, version: active.model.version)
    }

    package func shadowScores(of metric: Metric, limit: Int) async throws(StoreError) -> [ShadowScore]? {
        let shadow = try await store.servingVersions().first { $0.metric == metric && $0.role == .shadow }
        guard let shadow else { return nil }
        return try await store.shadowScores(of: metric, version: shadow.model.version, limit: limit)
    }

    package func register(
        _ document: [UInt8], for metric: Metric, isToServe: Bool
    ) async throws(ModelRefusal) -> TrainingReport {
        let report = try await registrar.register(document, for: metric, isToServe: isToServe)
        await takeModels()
        return report
    }

    package func train(_ metric: Metric, isToServe: Bool) async throws(ModelRefusal) -> TrainingReport {
        let report = try await registrar.train(metric, isToServe: isToServe)
        await takeModels()
        return report
    }

    package func give(
        _ role: ModelRole, to version: UInt32, of metric: Metric
    ) async throws(ModelRefusal) -> ModelVersion {
        let row = try await registrar.give(role, to: version, of: metric)
        await takeModels()
        return row
    }

    package func rollBack(_ metric: Metric) async throws(ModelRefusal) -> ModelVersion {
        let row = try await registrar.rollBack(metric)
        await takeModels()
        return row
    }

    /// Puts into service here what serves in the store, if anything changed since the last look.
    func takeModels() async {
        guard store.isReachable, let revision = try? await store.modelsRevision(),
            modelsRevision.withLock({ $0 }) != revision, let versions = try? await store.servingVersions(),
            let missing = await scoring.whenLocal({ $0.missing(of: versions) })
        else { return }
        var rows: [ModelRow] = []
        for version in missing {
            guard let row = try? await store.model(of: version.metric, version: version.model.version) else { return }
            rows.append(ModelRow(version, document: row.document))
        }
        let found = rows
        await scoring.whenLocal { $0.load(found, serving: versions) }
        modelsRevision.withLock { $0 = revision }
    }

    /// By the leader, after a run of the pruner.
    func trainWhatIsDue() async {
        guard let age = scheduling?.trainEvery else { return }
        do throws(ModelRefusal) {
            guard try await registrar.trainOldest(olderThan: age, at: clock.instant) != nil else { return }
            await takeModels()
        } catch {
            logger.notice("a scheduled training came to nothing", metadata: ["reason": "\(error)"])
        }
    }
}
