import CoreMetrics
import Detection
package import Logging
import ModelFormats
package import Ports
package import Telemetry

/// Puts versions of models into the registry: trains them, takes them from outside, tries them on stored readings, and
/// gives them their roles.
///
/// One training of a metric at a time on a node; several nodes may train at once, and get numbers of their own.
package actor Registrar {
    private let store: any ModelStore
    private let now: @Sendable () -> Instant
    private let logger: Logger
    private var inTraining: Set<Metric> = []

    /// What one training asks of the store: a fleet's worth of series, and days of each where readings come by the minute.
    package static let sampleSeries = 64
    package static let sampleReadings = 1_024
    /// Numbers that are tried one after the other when other nodes take them.
    static let numberAttemptsMax = 8

    package init(store: any ModelStore, now: @escaping @Sendable () -> Instant, logger: Logger) {
        self.store = store
        self.now = now
        self.logger = logger
    }

    // MARK: Training

    package func train(_ metric: Metric, isToServe: Bool) async throws(ModelRefusal) -> TrainingReport {
        guard inTraining.insert(metric).inserted else {
            throw .conflict("\(metric) is being trained on this node: ask again when that is done")
        }
        defer { inTraining.remove(metric) }
        let samples = try await samples(of: metric)
        guard !samples.isEmpty else { throw .notFound("no reading of this type was ever stored") }
        let serving = try await serving(metric)
        let id = ModelID(name: metric.text, version: 1)
        var random = SystemRandomNumberGenerator()
        guard let trial = await Self.trial(training: samples, id, serving?.model, seed: random.next()) else {
            let count = samples.reduce(0) { $0 + $1.values.count }
            throw .conflict(
                "\(count) readings are stored, and \(ModelTrial.readingsCountMin) beside those held back are needed: wait for more"
            )
        }
        return try await register(trial, of: metric, samples.count, serving, isToServe: isToServe)
    }

    @concurrent private static func trial(
        training samples: [ModelTrial.Sample], _ id: ModelID, _ serving: Model?, seed: UInt64
    ) async -> ModelTrial? {
        ModelTrial(training: samples, id: id, serving: serving, seed: seed)
    }

    // MARK: Import

    package func register(
        _ document: [UInt8], for metric: Metric, isToServe: Bool
    ) async throws(ModelRefusal) -> TrainingReport {
        let model: Model
        do {
            model = try await Self.decode(document, as: ModelID(name: metric.text, version: 1))
        } catch {
            throw .badDocument("\(error)")
        }
        let samples = try await samples(of: metric)
        let serving = try await serving(metric)
        let trial = await Self.trial(trying: model, samples, serving?.model)
        return try await register(trial, of: metric, samples.count, serving, isToServe: isToServe)
    }

    @concurrent private static func decode(
        _ document: [UInt8], as id: ModelID
    ) async throws(ModelFormatError) -> Model {
        try ModelDocument.decode(importing: document, as: id)
    }

    @concurrent private static func trial(
        trying model: Model, _ samples: [ModelTrial.Sample], _ serving: Model?
    ) async -> ModelTrial {
        ModelTrial(trying: model, on: samples, serving: serving)
    }

    // MARK: Registering

    private struct Serving {
        let version: ModelVersion
        let model: Model
    }

    private func register(
        _ trial: ModelTrial, of metric: Metric, _ seriesCount: Int, _ serving: Serving?, isToServe: Bool
    ) async throws(ModelRefusal) -> TrainingReport {
        var version = try await add(trial, of: metric)
        let isServing = isToServe && trial.isAccepted
        if isServing {
            let isGiven = try await asking { [store] () async throws(StoreError) in
                try await store.give(.active, to: version.model.version, of: metric)
            }
            guard isGiven else { throw .conflict("\(version.model) was there and is gone: ask again") }
            version.role = .active
        }
        let reason = Self.reason(trial, isToServe: isToServe, since: serving?.version.model)
        logger.notice("a model is registered", metadata: ["model": "\(version.model)", "what": "\(reason)"])
        return TrainingReport(
            version: version, isServing: isServing, reason: reason, series: seriesCount, heldBack: trial.heldBack,
            alarmRateBefore: trial.alarmRateBefore)
    }

    /// Under the next number that nobody else takes.
    private func add(_ trial: ModelTrial, of metric: Metric) async throws(ModelRefusal) -> ModelVersion {
        for _ in 0..<Self.numberAttemptsMax {
            let newest = try await asking { [store] () async throws(StoreError) in
                try await store.modelVersions(of: metric, limit: 1).first?.model.version ?? 0
            }
            guard newest < .max else { throw .conflict("there are no more numbers for models of \(metric)") }
            let model = trial.candidate.renamed(ModelID(name: metric.text, version: newest + 1))
            let version = ModelVersion(
                metric: metric, model: model.id, trainedAt: now(), readings: UInt64(model.readingsCount),
                alarmRate: trial.alarmRate)
            let row: ModelRow
            do { row = ModelRow(version, document: try ModelDocument.encode(model)) } catch {
                throw .badDocument("\(error)")
            }
            if try await asking({ [store] () async throws(StoreError) in try await store.add(row) }) {
                return version
            }
        }
        throw .conflict("other nodes take the numbers for models of \(metric): ask again")
    }

    private static func reason(_ trial: ModelTrial, isToServe: Bool, since serving: ModelID?) -> String {
        guard trial.heldBack > 0 else {
            return isToServe ? "it serves: no reading is stored to try it on" : "it waits to be activated"
        }
        let alarms = "\(trial.alarms) alarms in \(trial.heldBack) readings held back"
        guard let before = trial.alarmsBefore, let allowed = trial.alarmsAllowed, let serving else {
            return "\(alarms)\(isToServe ? ": it serves" : "; it waits to be activated")"
        }
        let beside = "\(alarms), \(serving) \(before), allowed \(allowed)"
        guard trial.isAccepted else { return "\(beside): too many to serve by itself" }
        return "\(beside)\(isToServe ? ": it serves" : "; it waits to be activated")"
    }

    // MARK: Roles

    package func give(
        _ role: ModelRole, to version: UInt32, of metric: Metric
    ) async throws(ModelRefusal) -> ModelVersion {
        let known = try await asking { [store] () async throws(StoreError) in
            try await store.model(of: metric, version: version)
        }
        guard var row = known?.version else { throw .notFound("there is no version \(version) of \(metric)") }
        if role == .active, let known {
            // What no node can read would leave the metric without a model everywhere.
            do { _ = try await Self.decode(known.document, as: row.model) } catch { throw .badDocument("\(error)") }
        }
        let isGiven = try await asking { [store] () async throws(StoreError) in
            try await store.give(role, to: version, of: metric)
        }
        guard isGiven else {
            throw .conflict("\(row.model) is the active model: activate another one instead")
        }
        row.role = role
        logger.notice("a model has another role", metadata: ["model": "\(row.model)", "role": "\(role)"])
        return row
    }

    package func rollBack(_ metric: Metric) async throws(ModelRefusal) -> ModelVersion {
        let version = try await asking { [store] () async throws(StoreError) in try await store.rollBack(metric) }
        guard let version else {
            throw .conflict("no older version of \(metric) was ever active: activate one by its number")
        }
        let row = try await asking { [store] () async throws(StoreError) in
            try await store.model(of: metric, version: version)
        }
        guard let row = row?.version else { throw .notFound("version \(version) of \(metric) is gone") }
        logger.notice("a model was rolled back", metadata: ["model": "\(row.model)"])
        return row
    }

    // MARK: Asking the store

    func versions() async throws(ModelRefusal) -> [ModelVersion] {
        try await asking { [store] () async throws(StoreError) in
            try await store.modelVersions(of: nil, limit: Self.versionsMax)
        }
    }

    private func samples(of metric: Metric) async throws(ModelRefusal) -> [ModelTrial.Sample] {
        var random = SystemRandomNumberGenerator()
        let query = SampleQuery(
            metric: metric, series: Self.sampleSeries, readings: Self.sampleReadings, seed: random.next())
        let sampled = try await asking { [store] () async throws(StoreError) in try await store.sample(query) }
        return sampled.map { ModelTrial.Sample(series: $0.series, times: $0.times, values: $0.values) }
    }

    private func serving(_ metric: Metric) async throws(ModelRefusal) -> Serving? {
        let row = try await asking { [store] () async throws(StoreError) -> ModelRow? in
            let versions = try await store.servingVersions()
            guard let active = versions.first(where: { $0.metric == metric && $0.role == .active }) else { return nil }
            return try await store.model(of: metric, version: active.model.version)
        }
        guard let row, let model = try? ModelDocument.decode(row.document) else { return nil }
        return Serving(version: row.version, model: model)
    }

    private func asking<Answer: Sendable>(
        _ call: () async throws(StoreError) -> Answer
    ) async throws(ModelRefusal) -> Answer {
        do throws(StoreError) { return try await call() } catch { throw .store(error) }
    }
}
