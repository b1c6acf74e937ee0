import Ports
import Telemetry

/// The table `models`.
enum ModelSQL {
    private static let columns = "metric, version, name, active, shadow, trained_at, readings, alarm_rate"

    static func revision(_ link: Link) throws(Failure) -> UInt64 {
        let rows = try link.query("SELECT models_revision FROM flock")
        return rows.count > 0 ? rows.bits(0, 0) : 0
    }

    static func serving(_ link: Link) throws(Failure) -> [ModelRow] {
        rows(try link.query("SELECT \(columns), document FROM models WHERE active OR shadow ORDER BY metric, shadow"))
    }

    static func servingVersions(_ link: Link) throws(Failure) -> [ModelVersion] {
        let rows = try link.query("SELECT \(columns) FROM models WHERE active OR shadow ORDER BY metric, shadow")
        return rows.indices.map { version(rows, $0) }
    }

    static func versions(of metric: Metric?, limit: Int, _ link: Link) throws(Failure) -> [ModelVersion] {
        let rows = try link.query(
            """
            SELECT \(columns) FROM models WHERE $1 IS NULL OR metric = $1 ORDER BY metric, version DESC LIMIT $2
            """,
            [.text(orNull: metric?.text), .int64(Int64(max(0, min(limit, PostgresLimits.answerRowsMax))))])
        return rows.indices.map { version(rows, $0) }
    }

    static func one(_ metric: Metric, _ version: UInt32, _ link: Link) throws(Failure) -> ModelRow? {
        rows(
            try link.query(
                "SELECT \(columns), document FROM models WHERE metric = $1 AND version = $2",
                [.text(metric.text), .int64(Int64(version))])
        ).first
    }

    /// Inserts the first model of a metric, or returns the one that is active already.
    static func insertOrLoad(_ model: ModelRow, _ link: Link) throws(Failure) -> ModelRow {
        try link.transaction { link throws(Failure) in
            if try insert(model, .active, link) { try noteChange(link) }
            let found = rows(
                try link.query(
                    "SELECT \(columns), document FROM models WHERE active AND metric = $1", [.text(model.metric.text)]))
            guard let row = found.first else {
                let advice = "has models but none is active: activate one (starling models activate)"
                throw .store(StoreError(.unusable, "\(model.metric) \(advice)"))
            }
            return row
        }
    }

    static func add(_ model: ModelRow, _ link: Link) throws(Failure) -> Bool {
        try link.transaction { link throws(Failure) in
            try lock(model.metric, link)
            guard try insert(model, .none, link) else { return false }
            try link.query(
                """
                DELETE FROM models WHERE metric = $1 AND NOT active AND NOT shadow AND version NOT IN (
                    SELECT version FROM models WHERE metric = $1 ORDER BY version DESC LIMIT $2)
                """, [.text(model.metric.text), .int64(Int64(ModelVersion.keptMax))])
            return true
        }
    }

    static func give(
        _ role: ModelRole, to version: UInt32, of metric: Metric, _ link: Link
    ) throws(Failure) -> Bool {
        try link.transaction { link throws(Failure) in
            try lock(metric, link)
            let known = try link.query(
                "SELECT active, shadow FROM models WHERE metric = $1 AND version = $2",
                [.text(metric.text), .int64(Int64(version))])
            guard known.count > 0 else { return false }
            let old = Self.role(known, 0, 0)
            guard old != role else { return true }
            guard old != .active else { return false }
            try change(role, version, metric, link)
            return true
        }
    }

    /// The newest version that was active before the one that is.
    static func rollBack(_ metric: Metric, _ link: Link) throws(Failure) -> UInt32? {
        try link.transaction { link throws(Failure) in
            try lock(metric, link)
            let found = try link.query(
                """
                SELECT older.version FROM models AS active JOIN models AS older
                    ON older.metric = active.metric AND older.version < active.version AND older.activated IS NOT NULL
                WHERE active.metric = $1 AND active.active ORDER BY older.version DESC LIMIT 1
                """, [.text(metric.text)])
            guard found.count > 0 else { return nil }
            let version = UInt32(clamping: found.int64(0, 0))
            try change(.active, version, metric, link)
            return version
        }
    }

    /// Whoever changes a metric's models does so one after the other.
    private static func lock(_ metric: Metric, _ link: Link) throws(Failure) {
        try link.query("SELECT version FROM models WHERE metric = $1 ORDER BY version FOR UPDATE", [.text(metric.text)])
    }

    private static func change(
        _ role: ModelRole, _ version: UInt32, _ metric: Metric, _ link: Link
    ) throws(Failure) {
        if role != .none {
            let column = role == .active ? "active" : "shadow"
            try link.query("UPDATE models SET \(column) = false WHERE metric = $1 AND \(column)", [.text(metric.text)])
        }
        let activated = role == .active ? ", activated = now()" : ""
        try link.query(
            """
            UPDATE models SET active = \(role == .active), shadow = \(role == .shadow)\(activated)
            WHERE metric = $1 AND version = $2
            """, [.text(metric.text), .int64(Int64(version))])
        try noteChange(link)
    }

    /// - Returns: false if that version is there, or another one is active and this one would be.
    private static func insert(_ model: ModelRow, _ role: ModelRole, _ link: Link) throws(Failure) -> Bool {
        let version = model.version
        let added = try link.query(
            """
            INSERT INTO models (metric, version, name, active, trained_at, readings, document, alarm_rate, activated)
            VALUES ($1, $2, $3, \(role == .active), $4, $5, $6, $7, \(role == .active ? "now()" : "NULL"))
            ON CONFLICT DO NOTHING RETURNING version
            """,
            [
                .text(model.metric.text), .int64(Int64(model.model.version)), .text(model.model.name),
                .time(version.trainedAt), .bits(version.readings), .bytes(model.document),
                .double(orNull: version.alarmRate),
            ])
        return added.count > 0
    }

    private static func noteChange(_ link: Link) throws(Failure) {
        try link.query("UPDATE flock SET models_revision = models_revision + 1")
    }

    private static func rows(_ rows: Rows) -> [ModelRow] {
        rows.indices.map { ModelRow(version(rows, $0), document: rows.bytes($0, 8)) }
    }

    private static func version(_ rows: Rows, _ row: Int) -> ModelVersion {
        ModelVersion(
            metric: Metric(unchecked: rows.text(row, 0)),
            model: ModelID(name: rows.text(row, 2), version: UInt32(clamping: rows.int64(row, 1))),
            role: role(rows, row, 3), trainedAt: rows.time(row, 5), readings: rows.bits(row, 6),
            alarmRate: rows.isNull(row, 7) ? nil : rows.double(row, 7))
    }

    private static func role(_ rows: Rows, _ row: Int, _ column: Int32) -> ModelRole {
        rows.bool(row, column) ? .active : rows.bool(row, column + 1) ? .shadow : .none
    }
}
