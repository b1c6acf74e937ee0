import Telemetry

/// Ids of series that were used lately. Ids are never reused, so an entry is right until its series is deleted; the
/// writer empties the cache when the file's count of deletions has moved.
struct SeriesCache {
    private var ids: [Series: Int64] = [:]
    private var deletions: Int64 = -1

    /// Drops everything if a device was deleted since the last transaction, by whichever process.
    mutating func align(deletions: Int64) {
        if deletions != self.deletions { ids.removeAll(keepingCapacity: true) }
        self.deletions = deletions
    }

    subscript(series: Series) -> Int64? { ids[series] }

    mutating func insert(_ id: Int64, for series: Series) {
        // A fleet larger than the cache pays the look-ups; memory stays bounded.
        if ids.count >= StoreLimits.seriesCacheCountMax { ids.removeAll(keepingCapacity: true) }
        ids[series] = id
    }

    mutating func removeAll() {
        ids.removeAll()
        deletions = -1
    }
}

/// Numbers of model ids, a handful: one a metric and version.
struct ModelIDCache {
    private static let countMax = 10_000
    private var numbers: [ModelID: Int64] = [:]

    subscript(model: ModelID) -> Int64? { numbers[model] }

    mutating func insert(_ number: Int64, for model: ModelID) {
        if numbers.count >= Self.countMax { numbers.removeAll() }
        numbers[model] = number
    }

    mutating func removeAll() {
        numbers.removeAll()
    }
}
