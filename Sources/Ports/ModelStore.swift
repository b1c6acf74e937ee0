package import Telemetry

/// The registry of models as the store keeps it. Versions of a metric's model are numbered from 1, and what is stored
/// under a number never changes; which of them serves does.
package protocol ModelStore: Sendable {
    /// Grows with every change of what serves: nodes look whether they know it all.
    func modelsRevision() async throws(StoreError) -> UInt64

    /// What serves: the active model of every metric, and the one in its shadow if there is one; by metric.
    func models() async throws(StoreError) -> [ModelRow]

    /// The same without documents.
    func servingVersions() async throws(StoreError) -> [ModelVersion]

    /// Versions by metric, the newest first, of one metric if given, at most `limit`.
    func modelVersions(of metric: Metric?, limit: Int) async throws(StoreError) -> [ModelVersion]

    /// One version; nil if there is none of that number.
    func model(of metric: Metric, version: UInt32) async throws(StoreError) -> ModelRow?

    /// Inserts version 1 of a metric's model as the active one, or returns the one that was quicker.
    func insertOrLoad(first model: ModelRow) async throws(StoreError) -> ModelRow

    /// Adds a version that does not serve yet. Of a metric's versions the newest `ModelVersion.keptMax` are kept, and those
    /// that serve.
    /// - Returns: false, and nothing changes, if the number is taken.
    func add(_ model: ModelRow) async throws(StoreError) -> Bool

    /// Gives a version a role. The one that was active gets none, and so does the one that was in the shadow: there is
    /// one of each at most, and a metric that had an active model keeps one.
    /// - Returns: false, and nothing changes, if there is no such version, or it is the active one and would get another role.
    func give(_ role: ModelRole, to version: UInt32, of metric: Metric) async throws(StoreError) -> Bool

    /// Makes the newest of the versions that served before the active one active again.
    /// - Returns: its number; nil, and nothing changes, if there is none.
    func rollBack(_ metric: Metric) async throws(StoreError) -> UInt32?

    /// Keeps scores of models in the shadow, each once; those of series that the store does not know are left out, and so
    /// are, after a day, old ones.
    func keep(_ scores: [ShadowScore]) async throws(StoreError)

    /// What a version said in the shadow, the newest first, at most `limit`.
    func shadowScores(of metric: Metric, version: UInt32, limit: Int) async throws(StoreError) -> [ShadowScore]

    /// Series of a metric drawn uniformly from the fleet, each with its newest readings, oldest first.
    func sample(_ query: SampleQuery) async throws(StoreError) -> [SampledSeries]
}

/// What a version does.
package enum ModelRole: UInt8, Hashable, Sendable, CaseIterable {
    case none = 0
    /// Its scores are a metric's scores.
    case active = 1
    /// Its scores are kept beside the active one's, and raise no alarm.
    case shadow = 2
}

extension ShadowScore {
    /// How long one is kept, in microseconds.
    package static let keptFor: Int64 = 86_400_000_000
    /// In one transaction.
    package static let partMax = 5_000
}

/// A version of a metric's model, without its parameters.
package struct ModelVersion: Hashable, Sendable {
    package let metric: Metric
    package let model: ModelID
    package var role: ModelRole
    package let trainedAt: Instant
    /// Readings it was trained on.
    package let readings: UInt64
    /// Share of the readings held back in its training that it calls anomalies; nil if none were.
    package let alarmRate: Double?

    /// Versions of a metric that are kept.
    package static let keptMax = 100

    package init(
        metric: Metric, model: ModelID, role: ModelRole = .none, trainedAt: Instant, readings: UInt64,
        alarmRate: Double? = nil
    ) {
        self.metric = metric
        self.model = model
        self.role = role
        self.trainedAt = trainedAt
        self.readings = readings
        self.alarmRate = alarmRate
    }
}

/// A model document as the store keeps it: bytes that only `ModelFormats` reads.
package struct ModelRow: Hashable, Sendable {
    package var version: ModelVersion
    package let document: [UInt8]

    package init(_ version: ModelVersion, document: [UInt8]) {
        self.version = version
        self.document = document
    }

    package var metric: Metric { version.metric }
    package var model: ModelID { version.model }
}

/// What a training asks for.
package struct SampleQuery: Hashable, Sendable {
    package let metric: Metric
    /// Series at most.
    package let series: Int
    /// Readings of each at most.
    package let readings: Int
    /// Another seed draws other series.
    package let seed: UInt32

    package init(metric: Metric, series: Int, readings: Int, seed: UInt32) {
        self.metric = metric
        self.series = series
        self.readings = readings
        self.seed = seed
    }
}

/// Readings of one series, in the order of their times.
package struct SampledSeries: Hashable, Sendable {
    package let series: Series
    package private(set) var times: [Instant] = []
    package private(set) var values: [Double] = []

    package init(_ series: Series) {
        self.series = series
    }

    package mutating func append(_ value: Double, at time: Instant) {
        times.append(time)
        values.append(value)
    }
}
