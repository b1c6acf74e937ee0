import Telemetry

/// Ids that were used lately on one connection. Ids are never reused, so an entry is right until its device is deleted;
/// the writer drops all when the store's count of deletions has moved.
final class NameCache {
    private var series: [Series: Int64] = [:]
    private var models: [ModelID: Int32] = [:]
    private var deletions: Int64 = -1

    func align(deletions: Int64) {
        if deletions != self.deletions { series.removeAll(keepingCapacity: true) }
        self.deletions = deletions
    }

    subscript(one: Series) -> Int64? { series[one] }
    subscript(model: ModelID) -> Int32? { models[model] }

    func insert(_ id: Int64, for one: Series) {
        // A fleet larger than the cache pays the look-ups; memory stays bounded.
        if series.count >= PostgresLimits.seriesCacheCountMax { series.removeAll(keepingCapacity: true) }
        series[one] = id
    }

    func insert(_ number: Int32, for model: ModelID) {
        if models.count >= PostgresLimits.modelCacheCountMax { models.removeAll() }
        models[model] = number
    }

    /// What a rollback may have taken back.
    func forget() {
        series.removeAll()
        models.removeAll()
        deletions = -1
    }
}
