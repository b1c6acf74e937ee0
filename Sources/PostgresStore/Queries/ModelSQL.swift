import Ports
import Telemetry

/// The table `models`.
enum ModelSQL {
    private static let columns = "metric, version, name, trained_at, readings, document"

    static func active(_ link: Link) throws(Failure) -> [ModelRow] {
        rows(try link.query("SELECT \(columns) FROM models WHERE active ORDER BY metric"))
    }

    /// Inserts the first model of a metric, or returns the one that is active already.
    static func insertOrLoad(_ model: ModelRow, _ link: Link) throws(Failure) -> ModelRow {
        try link.query(
            """
            INSERT INTO models (metric, version, name, active, trained_at, readings, document)
            VALUES ($1, $2, $3, true, $4, $5, $6) ON CONFLICT DO NOTHING
            """,
            [
                .text(model.metric.text), .int64(Int64(model.model.version)), .text(model.model.name),
                .time(model.trainedAt), .bits(model.readings), .bytes(model.document),
            ])
        let found = rows(
            try link.query("SELECT \(columns) FROM models WHERE active AND metric = $1", [.text(model.metric.text)]))
        guard let row = found.first else {
            throw .store(
                StoreError(
                    .unusable, "\(model.metric) has models but none is active: activate one (starling models activate)")
            )
        }
        return row
    }

    private static func rows(_ rows: Rows) -> [ModelRow] {
        rows.indices.map { row in
            ModelRow(
                metric: Metric(unchecked: rows.text(row, 0)),
                model: ModelID(name: rows.text(row, 2), version: UInt32(clamping: rows.int64(row, 1))),
                trainedAt: rows.time(row, 3), readings: rows.bits(row, 4), document: rows.bytes(row, 5))
        }
    }
}
