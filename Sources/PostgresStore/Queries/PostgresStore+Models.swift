package import Ports
package import Telemetry

/// The registry's calls.
extension PostgresStore: ModelStore {
    package func modelsRevision() async throws(StoreError) -> UInt64 {
        try await use(reader, "reading the revision of the models", isRead: true) { link throws(Failure) in
            try ModelSQL.revision(link)
        }
    }

    package func models() async throws(StoreError) -> [ModelRow] {
        try await use(reader, "reading models", isRead: true) { link throws(Failure) in try ModelSQL.serving(link) }
    }

    package func servingVersions() async throws(StoreError) -> [ModelVersion] {
        try await use(reader, "reading which models serve", isRead: true) { link throws(Failure) in
            try ModelSQL.servingVersions(link)
        }
    }

    package func modelVersions(of metric: Metric?, limit: Int) async throws(StoreError) -> [ModelVersion] {
        try await use(reader, "reading versions of models", isRead: true) { link throws(Failure) in
            try ModelSQL.versions(of: metric, limit: limit, link)
        }
    }

    package func model(of metric: Metric, version: UInt32) async throws(StoreError) -> ModelRow? {
        try await use(reader, "reading a model of \(metric)", isRead: true) { link throws(Failure) in
            try ModelSQL.one(metric, version, link)
        }
    }

    package func insertOrLoad(first model: ModelRow) async throws(StoreError) -> ModelRow {
        try await use(upkeep, "registering the first model of \(model.metric)") { link throws(Failure) in
            try ModelSQL.insertOrLoad(model, link)
        }
    }

    package func add(_ model: ModelRow) async throws(StoreError) -> Bool {
        try await use(upkeep, "adding \(model.model)") { link throws(Failure) in try ModelSQL.add(model, link) }
    }

    package func give(_ role: ModelRole, to version: UInt32, of metric: Metric) async throws(StoreError) -> Bool {
        try await use(upkeep, "changing the model of \(metric)") { link throws(Failure) in
            try ModelSQL.give(role, to: version, of: metric, link)
        }
    }

    package func rollBack(_ metric: Metric) async throws(StoreError) -> UInt32? {
        try await use(upkeep, "rolling the model of \(metric) back") { link throws(Failure) in
            try ModelSQL.rollBack(metric, link)
        }
    }

    package func keep(_ scores: [ShadowScore]) async throws(StoreError) {
        var rest = scores[...]
        while !rest.isEmpty {
            let part = rest.prefix(ShadowScore.partMax)
            try await use(flusher, "keeping shadow scores") { link throws(Failure) in try ShadowSQL.keep(part, link) }
            rest = rest.dropFirst(ShadowScore.partMax)
        }
    }

    package func shadowScores(
        of metric: Metric, version: UInt32, limit: Int
    ) async throws(StoreError) -> [ShadowScore] {
        try await use(searcher, "reading shadow scores", isRead: true) { link throws(Failure) in
            try ShadowSQL.find(metric, version, limit: limit, link)
        }
    }

    package func sample(_ query: SampleQuery) async throws(StoreError) -> [SampledSeries] {
        try await use(searcher, "reading a sample of \(query.metric)", isRead: true) { link throws(Failure) in
            try SampleSearch(query: query).run(link)
        }
    }
}
