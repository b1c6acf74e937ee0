import GRDBSQLite
import Logging
import Ports
import Telemetry

extension Writer {
    /// One part of a flush: at most `flushRowsPerTransaction` rows.
    /// - Returns: series that are not here.
    func flush(_ rows: ArraySlice<LatestRow>) throws(StoreError) -> [Series] {
        let now = clock()
        let (refused, unknown) = try transaction("writing \(rows.count) latest rows") {
            session, connection throws(StoreError) in
            let directory = SeriesDirectory(session: session, connection: connection)
            try directory.align()
            let upsert = try session.statement(LatestSQL.upsert, connection)
            let hear = try session.statement(
                "UPDATE devices SET last_heard = MAX(last_heard, ?), hidden = 0 WHERE name = ?", connection)
            var heard: Set<DeviceID> = []
            var refused = 0
            var unknown: [Series] = []
            try PendingCounts.settle(session, connection)
            for row in rows {
                // A series that is unknown comes with its first reading, or was deleted.
                guard let id = try directory.knownID(of: row.series) else {
                    unknown.append(row.series)
                    continue
                }
                try LatestSQL.bind(row, id: id, model: try directory.number(of: row.verdict.model), upsert)
                let result = sqlite3_step(upsert.pointer)
                let error = result == SQLITE_DONE ? nil : StoreError.sqlite(result, on: connection.pointer)
                upsert.reset()
                if let error {
                    guard StoreError.refusesRow(result) else { throw error }
                    refused += 1
                }
                guard row.isHeard, heard.insert(row.series.device).inserted else { continue }
                try hear.bind(now.microseconds, 1)
                try hear.bind(row.series.device.text, 2)
                try hear.run()
            }
            return (refused, unknown)
        }
        if refused > 0 {
            log.warning(
                "the store refused latest rows; the readings themselves are kept", metadata: ["count": "\(refused)"])
        }
        return unknown
    }
}

enum LatestSQL {
    static let upsert = """
        INSERT INTO latest (series, time, value, score, result, late, model, last_heard, usual_interval, state)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (series) DO UPDATE SET
            time = excluded.time, value = excluded.value, score = excluded.score, result = excluded.result,
            late = excluded.late, model = excluded.model, last_heard = excluded.last_heard,
            usual_interval = excluded.usual_interval, state = excluded.state
        WHERE excluded.time >= latest.time
        """

    static let ofSlot = """
        SELECT devices.name, series.metric, latest.time, latest.value, latest.score, latest.result, latest.late,
            model_ids.name, model_ids.version, latest.last_heard, latest.usual_interval, latest.state
        FROM devices INDEXED BY devices_by_slot
        CROSS JOIN series ON series.device = devices.id
        CROSS JOIN latest ON latest.series = series.id
        LEFT JOIN model_ids ON model_ids.id = latest.model
        WHERE devices.slot = ?
        """

    static func bind(_ row: LatestRow, id: Int64, model: Int64, _ upsert: PreparedStatement) throws(StoreError) {
        try upsert.bind(id, 1)
        try upsert.bind(row.time.microseconds, 2)
        try upsert.bind(row.value, 3)
        try upsert.bind(row.verdict.score, 4)
        try upsert.bind(Int64(row.verdict.result.rawValue), 5)
        try upsert.bind(row.verdict.isLate ? 1 : 0 as Int64, 6)
        try upsert.bind(model, 7)
        try upsert.bind(row.lastHeard.microseconds, 8)
        try upsert.bind(row.usualInterval, 9)
        try upsert.bind(row.state, 10)
    }

    static func row(_ select: PreparedStatement) -> LatestRow {
        let series = Series(
            device: DeviceID(unchecked: select.text(0)), metric: Metric(unchecked: select.text(1)))
        let verdict = Verdict(
            result: select.result(5), score: select.double(4), model: select.model(7, 8),
            isLate: select.int64(6) != 0)
        return LatestRow(
            series: series, time: Instant(microseconds: select.int64(2)), value: select.double(3), verdict: verdict,
            lastHeard: Instant(microseconds: select.int64(9)), usualInterval: select.int64(10),
            state: select.bytes(11))
    }
}

extension PreparedStatement {
    /// A result that this program does not know is one that it cannot vouch for.
    func result(_ column: Int32) -> ScoreResult {
        UInt8(exactly: int64(column)).flatMap(ScoreResult.init(rawValue:)) ?? .unscored
    }

    func model(_ name: Int32, _ version: Int32) -> ModelID {
        isNull(name) ? .none : ModelID(name: text(name), version: UInt32(clamping: int64(version)))
    }
}
