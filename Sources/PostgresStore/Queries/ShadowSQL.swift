import Ports
import Telemetry

/// The table `shadow_scores`.
enum ShadowSQL {
    /// One transaction, in which no device is deleted. Rows are added in the order of their key, by every node.
    static func keep(_ scores: ArraySlice<ShadowScore>, _ link: Link) throws(Failure) {
        let kept = scores.filter { one in
            let series = one.reading.series
            return one.reading.value.isFinite && PostgresTime.isExact(one.reading.time)
                && SafeText.isStorable(series.device.text) && SafeText.isStorable(series.metric.text)
        }
        guard !kept.isEmpty else { return }
        let insert = Link.Statement(
            """
            INSERT INTO shadow_scores (series, time, value, version, score)
            SELECT series.id, given.time, given.value, given.version, given.score
            FROM unnest($1, $2, $3, $4, $5, $6) AS given (device, metric, time, value, version, score)
            JOIN devices ON devices.name = given.device
            JOIN series ON series.device = devices.id AND series.metric = given.metric
            ORDER BY 1, 2, 3, 4 ON CONFLICT DO NOTHING
            """,
            NameDirectory.names(kept.map(\.reading.series)) + [
                .times(kept.map(\.reading.time)), .doubles(kept.map(\.reading.value)),
                .int64s(kept.map { Int64($0.model.version) }), .doubles(kept.map(\.score)),
            ])
        let forget = Link.Statement(
            """
            DELETE FROM shadow_scores WHERE ctid = ANY (ARRAY (
                SELECT ctid FROM shadow_scores WHERE time < now() - $1 * interval '1 microsecond'
                ORDER BY time LIMIT $2 FOR UPDATE SKIP LOCKED))
            """, [.int64(ShadowScore.keptFor), .int64(Int64(2 * ShadowScore.partMax))])
        _ = try link.transaction { link throws(Failure) in
            try link.pipeline([DeletionLock.keepOut, insert, forget])
        }
    }

    static func find(_ metric: Metric, _ version: UInt32, limit: Int, _ link: Link) throws(Failure) -> [ShadowScore] {
        let rows = try link.query(
            """
            SELECT devices.name, shadow_scores.time, shadow_scores.value, shadow_scores.score
            FROM shadow_scores JOIN series ON series.id = shadow_scores.series
            JOIN devices ON devices.id = series.device
            WHERE series.metric = $1 AND shadow_scores.version = $2
            ORDER BY shadow_scores.time DESC, devices.name LIMIT $3
            """,
            [
                .text(metric.text), .int64(Int64(version)),
                .int64(Int64(max(0, min(limit, PostgresLimits.answerRowsMax)))),
            ])
        return rows.indices.map { row in
            let series = Series(device: DeviceID(unchecked: rows.text(row, 0)), metric: metric)
            return ShadowScore(
                Reading(series: series, time: rows.time(row, 1), value: rows.double(row, 2)),
                model: ModelID(name: metric.text, version: version), score: rows.double(row, 3))
        }
    }
}
