import Ports
import Telemetry

/// The table `silences`.
enum SilenceSQL {
    /// One transaction, in which no device is deleted. Rows are added and changed in the order of their key, by every
    /// node, so that none waits in a circle.
    /// - Returns: series of `silences` that are not known.
    static func note(
        _ silences: [Silence], ended: [SilenceEnd], _ link: Link
    ) throws(Failure) -> [Series] {
        let silences = silences.filter { isStorable($0.series) && $0.value.isFinite }
        // The end of one that is written down as over, too. Of several ends the first counts.
        var ends: [SilenceEnd] = []
        var known: Set<SilenceEnd> = []
        let over = silences.compactMap { one in
            one.end.map { SilenceEnd(series: one.series, start: one.start, end: $0) }
        }
        for end in (over + ended.filter { isStorable($0.series) }).sorted(by: { $0.end < $1.end })
        where known.insert(SilenceEnd(series: end.series, start: end.start, end: .epoch)).inserted {
            ends.append(end)
        }
        let answers = try link.transaction { link throws(Failure) in
            try link.pipeline([DeletionLock.keepOut, begin(silences), finish(ends), unknown(silences.map(\.series))])
        }
        guard let rows = answers.last else { return [] }
        return rows.indices.map {
            Series(device: DeviceID(unchecked: rows.text($0, 0)), metric: Metric(unchecked: rows.text($0, 1)))
        }
    }

    private static func isStorable(_ series: Series) -> Bool {
        SafeText.isStorable(series.device.text) && SafeText.isStorable(series.metric.text)
    }

    private static func begin(_ silences: [Silence]) -> Link.Statement {
        .init(
            """
            INSERT INTO silences (series, start, noticed, value, usual_interval)
            SELECT DISTINCT ON (series.id, given.start) series.id, given.start, given.noticed, given.value,
                given.usual_interval
            FROM unnest($1, $2, $3, $4, $5, $6) AS given (device, metric, start, noticed, value, usual_interval)
            JOIN devices ON devices.name = given.device
            JOIN series ON series.device = devices.id AND series.metric = given.metric
            ORDER BY series.id, given.start
            ON CONFLICT (series, start) DO UPDATE SET ended = NULL, noticed = excluded.noticed
            WHERE silences.ended = silences.start
            """,
            NameDirectory.names(silences.map(\.series)) + [
                .times(silences.map(\.start)), .times(silences.map(\.noticed)), .doubles(silences.map(\.value)),
                .int64s(silences.map(\.usualInterval)),
            ])
    }

    private static func unknown(_ series: [Series]) -> Link.Statement {
        .init(
            """
            SELECT given.device, given.metric FROM unnest($1, $2) AS given (device, metric)
            WHERE NOT EXISTS (
                SELECT 1 FROM devices JOIN series ON series.device = devices.id
                WHERE devices.name = given.device AND series.metric = given.metric)
            """, NameDirectory.names(series))
    }

    private static func finish(_ ends: [SilenceEnd]) -> Link.Statement {
        .init(
            """
            UPDATE silences SET ended = given.ended
            FROM (
                SELECT silences.series, silences.start, given.ended
                FROM unnest($1, $2, $3, $4) AS given (device, metric, start, ended)
                JOIN devices ON devices.name = given.device
                JOIN series ON series.device = devices.id AND series.metric = given.metric
                JOIN silences ON silences.series = series.id AND silences.start = given.start
                WHERE silences.ended IS NULL
                ORDER BY silences.series, silences.start FOR NO KEY UPDATE OF silences) AS given
            WHERE silences.series = given.series AND silences.start = given.start
            """,
            NameDirectory.names(ends.map(\.series)) + [.times(ends.map(\.start)), .times(ends.map(\.end))])
    }

    static func find(_ query: AnomalyQuery, _ link: Link) throws(Failure) -> [Silence] {
        let limit = min(query.limit, PostgresLimits.answerRowsMax)
        guard limit > 0, query.from < query.to else { return [] }
        var parameters: [Parameter] = [.time(query.from), .time(query.to), .int64(Int64(limit))]
        var conditions = ""
        for (column, text) in [("devices.name", query.device?.text), ("series.metric", query.metric?.text)] {
            guard let text else { continue }
            parameters.append(.text(text))
            conditions += " AND \(column) = $\(parameters.count)"
        }
        let rows = try link.query(
            """
            SELECT devices.name, series.metric, silences.start, silences.noticed, silences.ended, silences.value,
                silences.usual_interval
            FROM silences JOIN series ON series.id = silences.series JOIN devices ON devices.id = series.device
            WHERE silences.start < $2 AND (silences.ended IS NULL OR silences.ended >= $1)\(conditions)
            ORDER BY silences.start DESC, devices.name, series.metric LIMIT $3
            """, parameters)
        return rows.indices.map { row in
            Silence(
                series: Series(
                    device: DeviceID(unchecked: rows.text(row, 0)), metric: Metric(unchecked: rows.text(row, 1))),
                start: rows.time(row, 2), noticed: rows.time(row, 3), end: rows.timeIfAny(row, 4),
                value: rows.double(row, 5), usualInterval: rows.int64(row, 6))
        }
    }

    /// Those that ended before `time`.
    static func forget(endedBefore time: Instant, _ link: Link) throws(Failure) {
        try link.query(
            """
            DELETE FROM silences WHERE ctid = ANY (ARRAY (
                SELECT ctid FROM silences WHERE ended < $1 ORDER BY ended LIMIT $2))
            """, [.time(time), .int64(PostgresLimits.retentionSilencesMax)])
    }
}
