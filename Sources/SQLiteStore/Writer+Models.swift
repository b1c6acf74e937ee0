import Ports
import Telemetry

extension Writer {
    /// Inserts the first model of a metric, or returns the one that is active already.
    func insertOrLoad(first model: ModelRow) throws(StoreError) -> ModelRow {
        try transaction("registering the first model of \(model.metric)") { session, connection throws(StoreError) in
            let select = try session.statement(ModelSQL.activeOfMetric, connection)
            try select.bind(model.metric.text, 1)
            defer { select.reset() }
            if try select.step() { return ModelSQL.row(select) }
            try insert(model, .active, session, connection)
            try noteChange(session, connection)
            var row = model
            row.version.role = .active
            return row
        }
    }

    func add(_ model: ModelRow) throws(StoreError) -> Bool {
        try transaction("adding \(model.model)") { session, connection throws(StoreError) in
            let metric = model.metric
            guard try role(of: metric, model.model.version, session, connection) == nil else { return false }
            try insert(model, .none, session, connection)
            let delete = try session.statement(ModelSQL.forgetOld, connection)
            try delete.bind(metric.text, 1)
            try delete.bind(Int64(ModelVersion.keptMax), 2)
            try delete.run()
            return true
        }
    }

    func give(_ role: ModelRole, to version: UInt32, of metric: Metric) throws(StoreError) -> Bool {
        try transaction("changing the model of \(metric)") { session, connection throws(StoreError) in
            guard let known = try self.role(of: metric, version, session, connection) else { return false }
            guard known != role else { return true }
            guard known != .active else { return false }
            try give(role, to: version, of: metric, session, connection)
            return true
        }
    }

    func rollBack(_ metric: Metric) throws(StoreError) -> UInt32? {
        try transaction("rolling the model of \(metric) back") { session, connection throws(StoreError) in
            let select = try session.statement(ModelSQL.before, connection)
            try select.bind(metric.text, 1)
            guard try select.step() else {
                select.reset()
                return nil
            }
            let version = UInt32(clamping: select.int64(0))
            select.reset()
            try give(.active, to: version, of: metric, session, connection)
            return version
        }
    }

    private func give(
        _ role: ModelRole, to version: UInt32, of metric: Metric, _ session: WriteSession, _ connection: Connection
    ) throws(StoreError) {
        if role != .none {
            let column = role == .active ? "active" : "shadow"
            let clear = try session.statement(
                "UPDATE models SET \(column) = 0 WHERE metric = ? AND \(column) = 1", connection)
            try clear.bind(metric.text, 1)
            try clear.run()
        }
        let update = try session.statement(
            """
            UPDATE models SET active = ?1, shadow = ?2, activated = CASE WHEN ?1 THEN ?3 ELSE activated END
            WHERE metric = ?4 AND version = ?5
            """, connection)
        try update.bind(role == .active ? 1 : 0 as Int64, 1)
        try update.bind(role == .shadow ? 1 : 0 as Int64, 2)
        try update.bind(clock().microseconds, 3)
        try update.bind(metric.text, 4)
        try update.bind(Int64(version), 5)
        try update.run()
        try noteChange(session, connection)
    }

    private func role(
        of metric: Metric, _ version: UInt32, _ session: WriteSession, _ connection: Connection
    ) throws(StoreError) -> ModelRole? {
        let select = try session.statement(
            "SELECT active, shadow FROM models WHERE metric = ? AND version = ?", connection)
        try select.bind(metric.text, 1)
        try select.bind(Int64(version), 2)
        defer { select.reset() }
        guard try select.step() else { return nil }
        return ModelSQL.role(select, 0)
    }

    private func insert(
        _ model: ModelRow, _ role: ModelRole, _ session: WriteSession, _ connection: Connection
    ) throws(StoreError) {
        let insert = try session.statement(ModelSQL.insert, connection)
        try insert.bind(model.metric.text, 1)
        try insert.bind(Int64(model.model.version), 2)
        try insert.bind(model.model.name, 3)
        try insert.bind(role == .active ? 1 : 0 as Int64, 4)
        try insert.bind(model.version.trainedAt.microseconds, 5)
        try insert.bind(Int64(bitPattern: model.version.readings), 6)
        try insert.bind(model.document, 7)
        if let rate = model.version.alarmRate {
            try insert.bind(rate, 8)
        } else {
            try insert.bind(orNull: nil as Int64?, 8)
        }
        try insert.bind(orNull: role == .active ? clock().microseconds : nil, 9)
        try insert.run()
    }

    private func noteChange(_ session: WriteSession, _ connection: Connection) throws(StoreError) {
        try session.statement("UPDATE flock SET models_revision = models_revision + 1", connection).run()
    }
}

/// The table `models`.
enum ModelSQL {
    private static let columns = "metric, version, name, active, shadow, trained_at, readings, alarm_rate"
    static let serving =
        "SELECT \(columns), document FROM models WHERE active = 1 OR shadow = 1 ORDER BY metric, shadow"
    static let servingVersions = "SELECT \(columns) FROM models WHERE active = 1 OR shadow = 1 ORDER BY metric, shadow"
    static let activeOfMetric = "SELECT \(columns), document FROM models WHERE active = 1 AND metric = ?"
    static let one = "SELECT \(columns), document FROM models WHERE metric = ? AND version = ?"
    static let versions = """
        SELECT \(columns) FROM models WHERE ?1 IS NULL OR metric = ?1 ORDER BY metric, version DESC LIMIT ?2
        """
    /// The newest version that was active before the one that is.
    static let before = """
        SELECT older.version FROM models AS active JOIN models AS older
            ON older.metric = active.metric AND older.version < active.version AND older.activated IS NOT NULL
        WHERE active.metric = ? AND active.active = 1 ORDER BY older.version DESC LIMIT 1
        """
    static let insert = """
        INSERT INTO models (metric, version, name, active, trained_at, readings, document, alarm_rate, activated)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    static let forgetOld = """
        DELETE FROM models WHERE metric = ?1 AND active = 0 AND shadow = 0 AND version NOT IN (
            SELECT version FROM models WHERE metric = ?1 ORDER BY version DESC LIMIT ?2)
        """

    static func row(_ select: PreparedStatement) -> ModelRow {
        ModelRow(version(select), document: select.bytes(8))
    }

    static func version(_ select: PreparedStatement) -> ModelVersion {
        ModelVersion(
            metric: Metric(unchecked: select.text(0)),
            model: ModelID(name: select.text(2), version: UInt32(clamping: select.int64(1))),
            role: role(select, 3), trainedAt: Instant(microseconds: select.int64(5)),
            readings: UInt64(bitPattern: select.int64(6)), alarmRate: select.isNull(7) ? nil : select.double(7))
    }

    static func role(_ select: PreparedStatement, _ column: Int32) -> ModelRole {
        select.int64(column) != 0 ? .active : select.int64(column + 1) != 0 ? .shadow : .none
    }
}
