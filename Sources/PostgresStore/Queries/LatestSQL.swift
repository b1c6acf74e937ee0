import HashRing
import Ports
import Telemetry

/// The table `latest`.
enum LatestSQL {
    /// One part of a flush.
    /// - Returns: series that are not here, and how many rows cannot be stored.
    static func flush(_ rows: [LatestRow], _ link: Link) throws(Failure) -> (unknown: [Series], refused: Int) {
        let storable = newest(of: rows).filter {
            SafeText.isStorable($0.series.device.text) && SafeText.isStorable($0.series.metric.text)
        }
        let good = storable.filter(\.value.isFinite)
        // By any of its rows: the newest may be one that only moved.
        let heard = Set(rows.filter(\.isHeard).map(\.series))
        return try link.transaction { link throws(Failure) in
            let answers = try link.pipeline([
                DeletionLock.keepOut, .init(NameDirectory.lookUp, NameDirectory.names(storable.map(\.series))),
            ])
            let found = answers[1]
            var ids: [Series: (series: Int64, device: Int64)] = [:]
            for row in found.indices {
                let index = Int(found.int64(row, 0)) &- 1
                guard storable.indices.contains(index) else { continue }
                ids[storable[index].series] = (found.int64(row, 1), found.int64(row, 2))
            }
            let numbers = try NameDirectory(link: link).numbers(of: Set(good.map(\.verdict.model)))
            let known = good.compactMap { row in ids[row.series].map { (id: $0.series, row: row) } }
                .sorted { $0.id < $1.id }
            let heard = Set(storable.filter { heard.contains($0.series) }.compactMap { ids[$0.series]?.device })
            _ = try link.pipeline([upsert(known, numbers), hear(heard)])
            return (storable.map(\.series).filter { ids[$0] == nil }, rows.count - good.count)
        }
    }

    /// Of each series the newest row, the later of two at one time: one statement may change a row only once.
    private static func newest(of rows: [LatestRow]) -> [LatestRow] {
        var newest: [Series: LatestRow] = [:]
        for row in rows where newest[row.series].map({ $0.time <= row.time }) ?? true { newest[row.series] = row }
        return Array(newest.values)
    }

    private static func upsert(_ rows: [(id: Int64, row: LatestRow)], _ models: [ModelID: Int32]) -> Link.Statement {
        .init(
            """
            INSERT INTO latest (series, time, value, score, result, late, model, last_heard, usual_interval, state)
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ON CONFLICT (series) DO UPDATE SET
                time = excluded.time, value = excluded.value, score = excluded.score, result = excluded.result,
                late = excluded.late, model = excluded.model, last_heard = excluded.last_heard,
                usual_interval = excluded.usual_interval, state = excluded.state
            WHERE excluded.time >= latest.time
            """,
            [
                .int64s(rows.map(\.id)), .times(rows.map(\.row.time)), .doubles(rows.map(\.row.value)),
                .doubles(rows.map(\.row.verdict.score)), .int16s(rows.map { Int16($0.row.verdict.result.rawValue) }),
                .bools(rows.map(\.row.verdict.isLate)), .int32s(rows.map { models[$0.row.verdict.model] ?? 0 }),
                .times(rows.map(\.row.lastHeard)), .int64s(rows.map(\.row.usualInterval)),
                .byteStrings(rows.map(\.row.state)),
            ])
    }

    /// In the order of the ids, by every node, so that none waits in a circle. No index has what is set here, so the new
    /// version of a row stays on its page.
    private static func hear(_ devices: Set<Int64>) -> Link.Statement {
        .init(
            """
            UPDATE devices SET last_heard = greatest(devices.last_heard, now()), hidden = false
            FROM (SELECT id FROM devices WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE) AS heard
            WHERE devices.id = heard.id
            """, [.int64s(devices.sorted())])
    }

    static func read(_ slots: ArraySlice<Slot>, _ link: Link) throws(Failure) -> [LatestRow] {
        let rows = try link.query(
            """
            SELECT devices.name, series.metric, latest.time, latest.value, latest.score, latest.result, latest.late,
                model_ids.name, model_ids.version, latest.last_heard, latest.usual_interval, latest.state
            FROM devices
            JOIN series ON series.device = devices.id
            JOIN latest ON latest.series = series.id
            LEFT JOIN model_ids ON model_ids.id = latest.model
            WHERE devices.slot = ANY ($1)
            """, [.int32s(slots.map { Int32($0.number) })])
        return rows.indices.map { row in
            LatestRow(
                series: Series(
                    device: DeviceID(unchecked: rows.text(row, 0)), metric: Metric(unchecked: rows.text(row, 1))),
                time: rows.time(row, 2), value: rows.double(row, 3),
                verdict: Verdict(
                    result: rows.result(row, 5), score: rows.double(row, 4), model: rows.model(row, 7, 8),
                    isLate: rows.bool(row, 6)),
                lastHeard: rows.time(row, 9), usualInterval: rows.int64(row, 10), state: rows.bytes(row, 11))
        }
    }
}
