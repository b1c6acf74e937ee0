package import Telemetry

/// What a node offers of the registry of models to whoever speaks to it from outside.
package protocol ModelService: Sendable {
    /// Versions by metric, the newest first, of one metric if given, at most `limit`.
    func modelVersions(of metric: Metric?, limit: Int) async throws(StoreError) -> [ModelVersion]

    /// One version, or the active one; nil if there is none.
    func model(of metric: Metric, version: UInt32?) async throws(StoreError) -> ModelRow?

    /// Registers a document as the metric's next version.
    ///
    /// - Parameter isToServe: it becomes active, if it does not raise the alarm rate on stored readings beyond the budget.
    func register(
        _ document: [UInt8], for metric: Metric, isToServe: Bool
    ) async throws(ModelRefusal) -> TrainingReport

    /// Trains the metric's next version from a uniform sample of what the fleet stored.
    ///
    /// - Parameter isToServe: it becomes active, if it does not raise the alarm rate on readings held back beyond the budget.
    func train(_ metric: Metric, isToServe: Bool) async throws(ModelRefusal) -> TrainingReport

    /// Makes a version active, puts it into the shadow, or takes it out of it.
    func give(
        _ role: ModelRole, to version: UInt32, of metric: Metric
    ) async throws(ModelRefusal) -> ModelVersion

    /// What the version in a metric's shadow said, the newest first, at most `limit`; nil if there is none.
    func shadowScores(of metric: Metric, limit: Int) async throws(StoreError) -> [ShadowScore]?

    /// Makes the newest version that served before the active one active again.
    func rollBack(_ metric: Metric) async throws(ModelRefusal) -> ModelVersion
}

/// Why nothing was registered or changed; the text is for people and says what to do.
package enum ModelRefusal: Error, Hashable, Sendable {
    case notFound(String)
    /// The document is no model, or not one of a metric.
    case badDocument(String)
    /// It is not possible as things stand.
    case conflict(String)
    case store(StoreError)
}

/// What became of a training or an import.
package struct TrainingReport: Hashable, Sendable {
    package let version: ModelVersion
    package let isServing: Bool
    /// Why it serves or does not, for people.
    package let reason: String
    /// Series of the sample, and its readings that were held back from the training.
    package let series: Int
    package let heldBack: Int
    /// The alarm rate of the model that served before, on the same readings; nil without either.
    package let alarmRateBefore: Double?

    package init(
        version: ModelVersion, isServing: Bool, reason: String, series: Int, heldBack: Int, alarmRateBefore: Double?
    ) {
        self.version = version
        self.isServing = isServing
        self.reason = reason
        self.series = series
        self.heldBack = heldBack
        self.alarmRateBefore = alarmRateBefore
    }
}
