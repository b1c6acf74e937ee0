import HashRing
import Ports
import Telemetry

/// Names to ids, inside a transaction that keeps deletions out: from the cache, from the tables, or new.
///
/// New rows are added in the order of their names, devices before series before models, by every node: two that add the
/// same wait for each other, and never in a circle.
struct NameDirectory {
    let link: Link

    /// The ids of series, which are added if they are new; so are their devices.
    /// - Parameter wanted: names that can be stored.
    func ids(of wanted: Set<Series>) throws(Failure) -> [Series: Int64] {
        var ids: [Series: Int64] = [:]
        var missing: [Series] = []
        for series in wanted {
            if let id = link.names[series] { ids[series] = id } else { missing.append(series) }
        }
        guard !missing.isEmpty else { return ids }
        missing.sort()
        var found = try known(missing)
        let fresh = missing.filter { found[$0] == nil }
        if !fresh.isEmpty {
            try add(fresh)
            found.merge(try known(fresh)) { $1 }
        }
        for series in missing {
            guard let id = found[series] else {
                throw .store(StoreError(.unusable, "a series that was just added is not there: restore a backup"))
            }
            ids[series] = id
            link.names.insert(id, for: series)
        }
        return ids
    }

    /// The ids of the series that the store has.
    private func known(_ series: [Series]) throws(Failure) -> [Series: Int64] {
        let rows = try link.query(Self.lookUp, Self.names(series))
        var found: [Series: Int64] = [:]
        for row in rows.indices {
            let index = Int(rows.int64(row, 0)) &- 1
            if series.indices.contains(index) { found[series[index]] = rows.int64(row, 1) }
        }
        return found
    }

    private func add(_ series: [Series]) throws(Failure) {
        let devices = Set(series.map(\.device)).sorted()
        _ = try link.pipeline([
            .init(
                """
                INSERT INTO devices (name, slot, first_seen, last_heard)
                SELECT name, slot, now(), now() FROM unnest($1, $2) AS fresh (name, slot)
                ON CONFLICT (name) DO NOTHING
                """,
                [
                    .texts(devices.map(\.text)), .int32s(devices.map { Int32(Slot(of: $0).number) }),
                ]),
            .init(
                """
                INSERT INTO series (device, metric)
                SELECT devices.id, fresh.metric
                FROM unnest($1, $2) WITH ORDINALITY AS fresh (device, metric, number)
                JOIN devices ON devices.name = fresh.device
                ORDER BY fresh.number
                ON CONFLICT (device, metric) DO NOTHING
                """, Self.names(series)),
        ])
    }

    /// The numbers under which rows name models.
    func numbers(of models: Set<ModelID>) throws(Failure) -> [ModelID: Int32] {
        var numbers: [ModelID: Int32] = [:]
        for model in models.sorted(by: { ($0.name, $0.version) < ($1.name, $1.version) }) {
            if let number = link.names[model] {
                numbers[model] = number
                continue
            }
            let names: [Parameter] = [.text(model.name), .int64(Int64(model.version))]
            let select = Link.Statement("SELECT id FROM model_ids WHERE name = $1 AND version = $2", names)
            var rows = try link.query(select.sql, names)
            if rows.count == 0 {
                try link.query("INSERT INTO model_ids (name, version) VALUES ($1, $2) ON CONFLICT DO NOTHING", names)
                rows = try link.query(select.sql, names)
            }
            guard rows.count > 0 else {
                throw .store(StoreError(.unusable, "a model that was just added is not there: restore a backup"))
            }
            numbers[model] = rows.int32(0, 0)
            link.names.insert(rows.int32(0, 0), for: model)
        }
        return numbers
    }

    static func names(_ series: [Series]) -> [Parameter] {
        [.texts(series.map(\.device.text)), .texts(series.map(\.metric.text))]
    }

    /// Numbers from 1, the ids of series, and of their devices.
    static let lookUp = """
        SELECT wanted.number, series.id, devices.id
        FROM unnest($1, $2) WITH ORDINALITY AS wanted (device, metric, number)
        JOIN devices ON devices.name = wanted.device
        JOIN series ON series.device = devices.id AND series.metric = wanted.metric
        """
}
