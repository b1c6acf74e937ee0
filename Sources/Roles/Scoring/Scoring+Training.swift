import CoreMetrics
import DataPlane
import Detection
import HashRing
import Logging
import ModelFormats
package import Ports
import Telemetry

/// The first model of a metric: trained where its readings are, registered in the store, then in service.
extension Scoring {
    /// Wait after a store that did not take a model, in microseconds: calls must not pay for it each time.
    static let trainRetry: Int64 = 5_000_000

    /// Of the versions that serve in the store, those that do not serve here.
    package func missing(of versions: [ModelVersion]) -> [ModelVersion] {
        versions.filter { version in
            switch version.role {
            case .active: models.model(for: version.metric)?.id != version.model
            case .shadow: models.shadow(for: version.metric)?.id != version.model
            case .none: false
            }
        }
    }

    /// Puts those of the store's models into service that do not serve here yet, and ends shadows that ended there.
    package func load(_ rows: [ModelRow], serving: [ModelVersion]) {
        let missing = Set(missing(of: rows.map(\.version)))
        for row in rows where missing.contains(row.version) {
            do {
                let model = try ModelDocument.decode(row.document)
                if row.version.role == .active {
                    models.activate(model, for: row.metric)
                    logger.notice("a model serves", metadata: ["model": "\(row.model)"])
                } else {
                    models.put(shadow: model, for: row.metric)
                }
            } catch {
                logger.error(
                    "a model in the store cannot be read; its metric goes on without it",
                    metadata: ["model": "\(row.model)", "reason": "\(error)"])
            }
        }
        let shadowed = Set(serving.filter { $0.role == .shadow }.map(\.metric))
        for metric in models.shadowed where !shadowed.contains(metric) { models.put(shadow: nil, for: metric) }
    }

    /// How long a call waits for a metric's first model, and how often it looks, in microseconds. Usually a few
    /// milliseconds are enough; a store that is slow or away must not hold up what other metrics send.
    static let trainPause: Int64 = 250_000
    static let trainLook = Duration.milliseconds(2)

    /// Lets a call wait for the first models of the metrics that are complete: once a metric, and not for long.
    func pauseForTraining() async {
        let waited = Set(models.metricsToTrain.map(\.metric)).subtracting(pausedFor)
        guard !waited.isEmpty, clock.moment >= trainAgainAt else { return }
        pausedFor.formUnion(waited)
        trainingWakes.yield()
        let end = clock.moment.advanced(byMicroseconds: Self.trainPause)
        while waited.contains(where: { models.model(for: $0) == nil }), clock.moment < min(end, trainAgainAtOr(end)) {
            guard (try? await Task.sleep(for: Self.trainLook)) != nil else { return }
        }
    }

    /// A training that failed ends the pause: it is tried again long after it.
    private func trainAgainAtOr(_ end: Moment) -> Moment {
        trainAgainAt > clock.moment ? clock.moment : end
    }

    /// Trains and registers what is complete. No lease is needed: whoever inserts version 1 first wins, the others load
    /// it; and a model serves only once the store knows it, so a score's version means the same everywhere.
    package func trainReady() async {
        for (metric, trainer) in models.metricsToTrain {
            // After one refusal the rest would only wait for the same store.
            guard clock.moment >= trainAgainAt else { return }
            guard inTraining.insert(metric).inserted else { continue }
            await train(metric, trainer)
            inTraining.remove(metric)
        }
    }

    private func train(_ metric: Metric, _ trainer: DetectorTrainer) async {
        let detector = trainer.train(name: metric.text, version: 1, seed: DeviceHash.hash(metric.text, seed: 1))
        do {
            let row = ModelRow(
                ModelVersion(
                    metric: metric, model: detector.id, role: .active, trainedAt: clock.instant,
                    readings: UInt64(DetectorTrainer.readingsCount)),
                document: try ModelDocument.encode(.detector(detector)))
            let winner = try await store.insertOrLoad(first: row)
            let active =
                winner.document == row.document ? .detector(detector) : try ModelDocument.decode(winner.document)
            models.activate(active, for: metric)
            NodeMetrics.modelsTrained.increment()
            logger.notice("a metric has its first model", metadata: ["model": "\(active.id)"])
        } catch {
            trainAgainAt = clock.moment.advanced(byMicroseconds: Self.trainRetry)
            logger.warning(
                "a model could not be registered; it is tried again",
                metadata: ["metric": "\(metric)", "reason": "\(error)"])
        }
    }
}

/// Finds, ahead of the readings of a call, the one that completes a metric's training set.
///
/// Late readings do not count for training, so it may stop too early; never too late.
struct TrainingWatch {
    private var missing: [Metric: Int]
    /// A set may be complete since the watch began.
    private(set) var mayBeComplete = false

    init(_ models: ModelRegistry) {
        missing = models.readingsMissing
    }

    /// The part up to the completing reading, and what is left of it.
    mutating func split(
        _ part: ScoreCall.Part, of call: ScoreCall, _ models: ModelRegistry
    ) -> (ScoreCall.Part, ScoreCall.Part?) {
        for (count, index) in part.readings.enumerated() {
            let metric = call.series[Int(call.seriesIndices[index])].metric
            guard let left = missing[metric] ?? (models.isNew(metric) ? DetectorTrainer.readingsCount : nil) else {
                continue
            }
            missing[metric] = left - 1
            guard left <= 1 else { continue }
            mayBeComplete = true
            return count + 1 < part.readings.count ? part.split(after: count + 1) : (part, nil)
        }
        return (part, nil)
    }
}
