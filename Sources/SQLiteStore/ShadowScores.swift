import Ports
import Telemetry

extension Writer {
    /// One part of a call.
    func keep(_ scores: ArraySlice<ShadowScore>) throws(StoreError) {
        try transaction("keeping shadow scores") { session, connection throws(StoreError) in
            let directory = SeriesDirectory(session: session, connection: connection)
            try directory.align()
            let insert = try session.statement(
                """
                INSERT INTO shadow_scores (series, time, value, version, score) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT DO NOTHING
                """, connection)
            for one in scores where one.reading.value.isFinite {
                guard let id = try directory.knownID(of: one.reading.series) else { continue }
                try insert.bind(id, 1)
                try insert.bind(one.reading.time.microseconds, 2)
                try insert.bind(one.reading.value, 3)
                try insert.bind(Int64(one.model.version), 4)
                try insert.bind(one.score, 5)
                try insert.run()
            }
            let delete = try session.statement(
                """
                DELETE FROM shadow_scores WHERE (series, time, value, version) IN (
                    SELECT series, time, value, version FROM shadow_scores INDEXED BY shadow_scores_by_time
                    WHERE time < ? ORDER BY time LIMIT ?)
                """, connection)
            try delete.bind(clock().advanced(byMicroseconds: -ShadowScore.keptFor).microseconds, 1)
            try delete.bind(Int64(2 * ShadowScore.partMax), 2)
            try delete.run()
        }
    }
}

/// What one version said in the shadow, the newest first.
struct ShadowSearch: Sendable {
    let metric: Metric
    let version: UInt32
    let limit: Int

    func run(_ connection: Connection) throws(StoreError) -> [ShadowScore] {
        let select = try connection.prepare(
            """
            SELECT devices.name, shadow_scores.time, shadow_scores.value, shadow_scores.score
            FROM shadow_scores INDEXED BY shadow_scores_by_time
            CROSS JOIN series ON series.id = shadow_scores.series
            CROSS JOIN devices ON devices.id = series.device
            WHERE series.metric = ? AND shadow_scores.version = ?
            ORDER BY shadow_scores.time DESC, devices.name LIMIT ?
            """)
        try select.bind(metric.text, 1)
        try select.bind(Int64(version), 2)
        try select.bind(Int64(max(0, min(limit, StoreLimits.answerRowsMax))), 3)
        var found: [ShadowScore] = []
        while try select.step() {
            let series = Series(device: DeviceID(unchecked: select.text(0)), metric: metric)
            found.append(
                ShadowScore(
                    Reading(series: series, time: Instant(microseconds: select.int64(1)), value: select.double(2)),
                    model: ModelID(name: metric.text, version: version), score: select.double(3)))
        }
        return found
    }
}
