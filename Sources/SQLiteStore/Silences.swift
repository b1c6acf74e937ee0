import Ports
import Telemetry

extension Writer {
    /// One part of a call.
    /// - Returns: series that are not known.
    func note(_ silences: ArraySlice<Silence>, ended: ArraySlice<SilenceEnd>) throws(StoreError) -> [Series] {
        try transaction("writing silences") { session, connection throws(StoreError) in
            let directory = SeriesDirectory(session: session, connection: connection)
            try directory.align()
            let insert = try session.statement(SilenceTable.insert, connection)
            var unknown: [Series] = []
            for one in silences where one.value.isFinite {
                guard let id = try directory.knownID(of: one.series) else {
                    unknown.append(one.series)
                    continue
                }
                try insert.bind(id, 1)
                try insert.bind(one.start.microseconds, 2)
                try insert.bind(one.noticed.microseconds, 3)
                try insert.bind(one.value, 4)
                try insert.bind(one.usualInterval, 5)
                try insert.run()
            }
            // The end of one that is written down as over, too. Of several ends the first counts.
            let over = silences.filter(\.value.isFinite).compactMap { one in
                one.end.map { SilenceEnd(series: one.series, start: one.start, end: $0) }
            }
            let update = try session.statement(SilenceTable.finish, connection)
            for one in (over + ended).sorted(by: { $0.end < $1.end }) {
                guard let id = try directory.knownID(of: one.series) else { continue }
                try update.bind(one.end.microseconds, 1)
                try update.bind(id, 2)
                try update.bind(one.start.microseconds, 3)
                try update.run()
            }
            return unknown
        }
    }
}

/// The table `silences`.
enum SilenceTable {
    static let insert = """
        INSERT INTO silences (series, start, noticed, value, usual_interval) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (series, start) DO UPDATE SET ended = NULL, noticed = excluded.noticed WHERE ended = start
        """
    static let finish = "UPDATE silences SET ended = ? WHERE series = ? AND start = ? AND ended IS NULL"

    static func forget(
        endedBefore time: Instant, _ session: WriteSession, _ connection: Connection
    ) throws(StoreError) {
        let delete = try session.statement(
            """
            DELETE FROM silences WHERE (series, start) IN (
                SELECT series, start FROM silences INDEXED BY silences_by_end WHERE ended < ? ORDER BY ended LIMIT ?)
            """, connection)
        try delete.bind(time.microseconds, 1)
        try delete.bind(StoreLimits.retentionSilencesMax, 2)
        try delete.run()
    }
}

/// Silences that touch a range, the latest start first.
struct SilenceSearch: Sendable {
    let query: AnomalyQuery

    private static let columns = """
        devices.name, series.metric, silences.start, silences.noticed, silences.ended, silences.value,
            silences.usual_interval
        """
    private static let order = "ORDER BY start DESC, name, metric LIMIT ?3"

    func run(_ connection: Connection) throws(StoreError) -> [Silence] {
        let limit = min(query.limit, StoreLimits.answerRowsMax)
        guard limit > 0, query.from < query.to else { return [] }
        let select = try connection.prepare(query.device == nil ? everywhere : ofDevice)
        try select.bind(query.from.microseconds, 1)
        try select.bind(query.to.microseconds, 2)
        try select.bind(Int64(limit), 3)
        if let device = query.device { try select.bind(device.text, 4) }
        if let metric = query.metric { try select.bind(metric.text, 5) }
        var found: [Silence] = []
        while try select.step() {
            found.append(
                Silence(
                    series: Series(
                        device: DeviceID(unchecked: select.text(0)), metric: Metric(unchecked: select.text(1))),
                    start: select.time(2), noticed: select.time(3), end: select.timeIfAny(4), value: select.double(5),
                    usualInterval: select.int64(6)))
        }
        return found
    }

    private var ofMetric: String { query.metric == nil ? "" : "AND series.metric = ?5" }

    /// By indexes on time: those that last, those that began in the range, and those that only ended in it or later.
    private var everywhere: String {
        let kinds = [
            ("silences_open", "silences.ended IS NULL AND silences.start < ?2"),
            ("silences_by_start", "silences.ended IS NOT NULL AND silences.start >= ?1 AND silences.start < ?2"),
            ("silences_by_end", "silences.ended >= ?1 AND silences.start < ?1"),
        ]
        let parts = kinds.map { index, condition in
            """
            SELECT * FROM (
                SELECT \(Self.columns)
                FROM silences INDEXED BY \(index)
                CROSS JOIN series ON series.id = silences.series
                CROSS JOIN devices ON devices.id = series.device
                WHERE \(condition) \(ofMetric) \(Self.order))
            """
        }
        return parts.joined(separator: "\nUNION ALL\n") + "\n" + Self.order
    }

    /// By the key: a device has few series.
    private var ofDevice: String {
        """
        SELECT \(Self.columns) FROM devices
        CROSS JOIN series ON series.device = devices.id
        CROSS JOIN silences ON silences.series = series.id
        WHERE devices.name = ?4 AND silences.start < ?2 AND (silences.ended IS NULL OR silences.ended >= ?1) \(ofMetric)
        \(Self.order)
        """
    }
}
