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
            let insert = try session.statement(ModelSQL.insert, connection)
            try insert.bind(model.metric.text, 1)
            try insert.bind(Int64(model.model.version), 2)
            try insert.bind(model.model.name, 3)
            try insert.bind(model.trainedAt.microseconds, 4)
            try insert.bind(Int64(bitPattern: model.readings), 5)
            try insert.bind(model.document, 6)
            try insert.run()
            return model
        }
    }
}

/// The table `models`.
enum ModelSQL {
    private static let columns = "metric, version, name, trained_at, readings, document"
    static let active = "SELECT \(columns) FROM models WHERE active = 1 ORDER BY metric"
    static let activeOfMetric = "SELECT \(columns) FROM models WHERE active = 1 AND metric = ?"
    static let insert = """
        INSERT INTO models (metric, version, name, active, trained_at, readings, document)
        VALUES (?, ?, ?, 1, ?, ?, ?)
        """

    static func row(_ select: PreparedStatement) -> ModelRow {
        ModelRow(
            metric: Metric(unchecked: select.text(0)),
            model: ModelID(name: select.text(2), version: UInt32(clamping: select.int64(1))),
            trainedAt: Instant(microseconds: select.int64(3)), readings: UInt64(bitPattern: select.int64(4)),
            document: select.bytes(5))
    }
}
