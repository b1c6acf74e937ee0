package import Ports
package import Telemetry

/// The registry's calls.
extension SQLiteStore: ModelStore {
    package func modelsRevision() async throws(StoreError) -> UInt64 {
        try await read("reading the revision of the models") { connection throws(StoreError) in
            UInt64(bitPattern: try connection.int64("SELECT models_revision FROM flock") ?? 0)
        }
    }

    package func models() async throws(StoreError) -> [ModelRow] {
        try await read("reading models") { connection throws(StoreError) in
            let select = try connection.prepare(ModelSQL.serving)
            var rows: [ModelRow] = []
            while try select.step() { rows.append(ModelSQL.row(select)) }
            return rows
        }
    }

    package func servingVersions() async throws(StoreError) -> [ModelVersion] {
        try await read("reading which models serve") { connection throws(StoreError) in
            let select = try connection.prepare(ModelSQL.servingVersions)
            var rows: [ModelVersion] = []
            while try select.step() { rows.append(ModelSQL.version(select)) }
            return rows
        }
    }

    package func modelVersions(of metric: Metric?, limit: Int) async throws(StoreError) -> [ModelVersion] {
        try await read("reading versions of models") { connection throws(StoreError) in
            let select = try connection.prepare(ModelSQL.versions)
            try select.bind(orNull: metric?.text, 1)
            try select.bind(Int64(max(0, min(limit, StoreLimits.answerRowsMax))), 2)
            var rows: [ModelVersion] = []
            while try select.step() { rows.append(ModelSQL.version(select)) }
            return rows
        }
    }

    package func model(of metric: Metric, version: UInt32) async throws(StoreError) -> ModelRow? {
        try await read("reading a model of \(metric)") { connection throws(StoreError) in
            let select = try connection.prepare(ModelSQL.one)
            try select.bind(metric.text, 1)
            try select.bind(Int64(version), 2)
            return try select.step() ? ModelSQL.row(select) : nil
        }
    }

    package func insertOrLoad(first model: ModelRow) async throws(StoreError) -> ModelRow {
        try await reaching { () async throws(StoreError) in try await self.writer.insertOrLoad(first: model) }
    }

    package func add(_ model: ModelRow) async throws(StoreError) -> Bool {
        try await reaching { () async throws(StoreError) in try await self.writer.add(model) }
    }

    package func give(_ role: ModelRole, to version: UInt32, of metric: Metric) async throws(StoreError) -> Bool {
        try await reaching { () async throws(StoreError) in try await self.writer.give(role, to: version, of: metric) }
    }

    package func rollBack(_ metric: Metric) async throws(StoreError) -> UInt32? {
        try await reaching { () async throws(StoreError) in try await self.writer.rollBack(metric) }
    }

    package func keep(_ scores: [ShadowScore]) async throws(StoreError) {
        try await reaching { () async throws(StoreError) in
            var rest = scores[...]
            while !rest.isEmpty {
                try await self.writer.keep(rest.prefix(ShadowScore.partMax))
                rest = rest.dropFirst(ShadowScore.partMax)
            }
        }
    }

    package func shadowScores(
        of metric: Metric, version: UInt32, limit: Int
    ) async throws(StoreError) -> [ShadowScore] {
        let search = ShadowSearch(metric: metric, version: version, limit: limit)
        return try await read("reading shadow scores") { connection throws(StoreError) in try search.run(connection) }
    }

    package func sample(_ query: SampleQuery) async throws(StoreError) -> [SampledSeries] {
        try await read("reading a sample of \(query.metric)") { connection throws(StoreError) in
            try SampleSearch(query: query).run(connection)
        }
    }
}
