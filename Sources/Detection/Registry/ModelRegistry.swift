package import Telemetry

/// Which model scores a metric, and what the metrics without one have shown so far.
///
/// A pure value: it never trains by itself and stores nothing. The driver hears from `observe` that a metric has shown
/// enough, trains its first model, lets the store decide whose version 1 counts, and activates that.
package struct ModelRegistry: Hashable, Sendable {
    /// Metrics that may have a model or learn one. Names are chosen by devices; a thousand kinds of measurement is far
    /// more than a fleet has, and keeps what is learning below 20 MB. Readings of more metrics stay `learning`.
    package static let metricsCountMax = 1_000

    private enum Entry: Hashable, Sendable {
        /// Gathers readings. Goes to `active`.
        case learning(DetectorTrainer)
        /// Scores. Stays, with other versions.
        case active(Model)
    }

    private var entries: [Metric: Entry] = [:]
    private var shadows: [Metric: Model] = [:]
    private var shadowScores: [ShadowScore] = []

    /// Scores of models in the shadow that wait to be taken; beyond it the newest are left out.
    package static let shadowScoresMax = 100_000

    package init() {}

    /// Metrics that have a model or learn one.
    package var metricsCount: Int { entries.count }

    /// Metrics with a model, sorted.
    package var activeMetrics: [Metric] {
        entries.filter { if case .active = $0.value { true } else { false } }.keys.sorted()
    }

    /// The model of a metric; nil while its readings are `learning`.
    package func model(for metric: Metric) -> Model? {
        guard case .active(let model) = entries[metric] else { return nil }
        return model
    }

    /// What would score a metric beside its model, and raises no alarm; nil for most.
    package func shadow(for metric: Metric) -> Model? {
        shadows.isEmpty ? nil : shadows[metric]
    }

    /// Has the metric's shadow, if there is one, score a reading by its series' state as it stands before the reading.
    package mutating func scoreInShadow(_ reading: Reading, frozen state: DetectorState) {
        guard !shadows.isEmpty, let shadow = shadows[reading.series.metric],
            shadowScores.count < Self.shadowScoresMax
        else { return }
        let found = shadow.assess(reading.value, at: reading.time, frozen: state)
        shadowScores.append(ShadowScore(reading, model: shadow.id, score: found.score))
    }

    package mutating func takeShadowScores() -> [ShadowScore] {
        defer { shadowScores = [] }
        return shadowScores
    }

    /// Takes scores back that could not be kept yet.
    package mutating func putBack(_ scores: [ShadowScore]) {
        shadowScores = Array((scores + shadowScores).prefix(Self.shadowScoresMax))
    }

    /// Metrics with a shadow, sorted.
    package var shadowed: [Metric] { shadows.keys.sorted() }

    /// Puts a model of a metric that has one into its shadow; nil takes it out.
    package mutating func put(shadow: Model?, for metric: Metric) {
        shadows[metric] = model(for: metric) == nil ? nil : shadow
    }

    /// What a metric without a model has shown; nil if it has one, is unknown, or came after `metricsCountMax` others.
    package func trainer(for metric: Metric) -> DetectorTrainer? {
        guard case .learning(let trainer) = entries[metric] else { return nil }
        return trainer
    }

    /// True if a reading of this metric would begin its learning.
    package func isNew(_ metric: Metric) -> Bool {
        entries.count < Self.metricsCountMax && entries[metric] == nil
    }

    /// Readings that a learning metric still misses to be trained; empty when nothing learns, which is the usual case.
    package var readingsMissing: [Metric: Int] {
        entries.compactMapValues { entry in
            guard case .learning(let trainer) = entry, !trainer.isReady else { return nil }
            return DetectorTrainer.readingsCount - trainer.count
        }
    }

    /// Metrics whose training set is complete and whose first model is still to come, sorted.
    package var metricsToTrain: [(metric: Metric, trainer: DetectorTrainer)] {
        entries.compactMap { metric, entry in
            guard case .learning(let trainer) = entry, trainer.isReady else { return nil }
            return (metric, trainer)
        }.sorted { $0.metric < $1.metric }
    }

    /// Shows a reading of a metric; only metrics without a model look at it.
    ///
    /// - Returns: true for the one reading that completes the metric's training set.
    package mutating func observe(_ reading: Reading) -> Bool {
        observe(reading.value, at: reading.time, series: reading.series)
    }

    package mutating func observe(_ value: Double, at time: Instant, series: Series) -> Bool {
        switch entries[series.metric] {
        case .active:
            return false
        case .learning(var trainer):
            guard !trainer.isReady else { return false }
            entries[series.metric] = nil  // so that the trainer's arrays are not copied for one more reading
            trainer.append(value, at: time, series: series)
            entries[series.metric] = .learning(trainer)
            return trainer.isReady
        case nil:
            guard entries.count < Self.metricsCountMax else { return false }
            var trainer = DetectorTrainer()
            trainer.append(value, at: time, series: series)
            entries[series.metric] = .learning(trainer)
            return trainer.isReady
        }
    }

    /// Makes a model the one that scores its metric from now on, and forgets what was gathered to train it.
    ///
    /// - Returns: false, and nothing changes, if the metric would be one too many.
    @discardableResult
    package mutating func activate(_ model: Model, for metric: Metric) -> Bool {
        guard entries[metric] != nil || entries.count < Self.metricsCountMax else { return false }
        entries[metric] = .active(model)
        return true
    }
}
