import Ports
import Telemetry

extension MemoryStore {
    func modelsRevision() async throws(StoreError) -> UInt64 { try access { $0.modelsRevision } }

    func models() async throws(StoreError) -> [ModelRow] {
        try access { content in
            content.models.values.joined().filter { $0.version.role != .none }.sorted { $0.metric < $1.metric }
        }
    }

    func servingVersions() async throws(StoreError) -> [ModelVersion] { try await models().map(\.version) }

    func modelVersions(of metric: Metric?, limit: Int) async throws(StoreError) -> [ModelVersion] {
        try access { content in
            let all = content.models.filter { metric == nil || $0.key == metric }.sorted { $0.key < $1.key }
            return Array(all.flatMap { $0.value.reversed().map(\.version) }.prefix(limit))
        }
    }

    func model(of metric: Metric, version: UInt32) async throws(StoreError) -> ModelRow? {
        try access { $0.models[metric]?.first { $0.model.version == version } }
    }

    func insertOrLoad(first model: ModelRow) async throws(StoreError) -> ModelRow {
        try access { content in
            if let row = content.models[model.metric]?.first(where: { $0.version.role == .active }) { return row }
            var row = model
            row.version.role = .active
            content.models[model.metric] = [row]
            content.modelsRevision += 1
            return row
        }
    }

    func add(_ model: ModelRow) async throws(StoreError) -> Bool {
        try access { content in
            let isTaken = content.models[model.metric]?.contains { $0.model.version == model.model.version } == true
            if !isTaken { content.models[model.metric, default: []].append(model) }
            return !isTaken
        }
    }

    func give(_ role: ModelRole, to version: UInt32, of metric: Metric) async throws(StoreError) -> Bool {
        try access { content in
            guard var rows = content.models[metric], let place = rows.firstIndex(where: { $0.model.version == version })
            else { return false }
            guard rows[place].version.role != role else { return true }
            guard rows[place].version.role != .active else { return false }
            for index in rows.indices where rows[index].version.role == role { rows[index].version.role = .none }
            rows[place].version.role = role
            content.models[metric] = rows
            content.modelsRevision += 1
            return true
        }
    }

    func keep(_ scores: [ShadowScore]) async throws(StoreError) { try access { $0.shadowScores += scores } }

    func shadowScores(
        of metric: Metric, version: UInt32, limit: Int
    ) async throws(StoreError) -> [ShadowScore] {
        try access { content in
            Array(
                content.shadowScores.filter { $0.reading.series.metric == metric && $0.model.version == version }
                    .reversed().prefix(limit))
        }
    }

    func rollBack(_ metric: Metric) async throws(StoreError) -> UInt32? { nil }

    func sample(_ query: SampleQuery) async throws(StoreError) -> [SampledSeries] {
        try access { content in
            let readings = content.readings.keys.filter { $0.series.metric == query.metric }
            return Dictionary(grouping: readings, by: \.series).sorted { $0.key < $1.key }.prefix(query.series).map {
                var sample = SampledSeries($0.key)
                for reading in $0.value.sorted(by: { $0.time < $1.time }).suffix(query.readings) {
                    sample.append(reading.value, at: reading.time)
                }
                return sample
            }
        }
    }
}
