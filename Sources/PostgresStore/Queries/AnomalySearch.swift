import Ports
import Telemetry

/// Anomalous readings, newest first, each with the next normal reading of its series.
struct AnomalySearch: Sendable {
    let query: AnomalyQuery

    func run(_ link: Link) throws(Failure) -> [AnomalyRow] {
        let limit = min(query.limit, PostgresLimits.answerRowsMax)
        guard limit > 0, query.from < query.to else { return [] }
        var parameters: [Parameter] = [.time(query.from), .time(query.to), .int64(Int64(limit))]
        func parameter(_ one: Parameter) -> String {
            parameters.append(one)
            return "$\(parameters.count)"
        }
        let metric = query.metric.map { "AND series.metric = \(parameter(.text($0.text)))" } ?? ""
        let found = query.device.map { Self.ofDevice(parameter(.text($0.text)), metric) } ?? Self.everywhere(metric)
        let rows = try link.query("WITH found AS MATERIALIZED (\(found)), \(Self.withNormalAfter)", parameters)
        return rows.indices.map { row in
            AnomalyRow(
                series: Series(
                    device: DeviceID(unchecked: rows.text(row, 0)), metric: Metric(unchecked: rows.text(row, 1))),
                time: rows.time(row, 2), value: rows.double(row, 3), score: rows.double(row, 4),
                model: rows.model(row, 5, 6), normalAfter: rows.isNull(row, 7) ? nil : rows.time(row, 7),
                reason: rows.isNull(row, 8) ? nil : rows.text(row, 8))
        }
    }

    private static let columns =
        "series.id, series.device, series.metric, one.time, one.value, one.score, one.model, one.reason"

    /// By the index on time. The join leaves out what was deleted and is not removed yet.
    private static func everywhere(_ metric: String) -> String {
        """
        SELECT \(columns) FROM readings AS one JOIN series ON series.id = one.series
        WHERE one.result = 1 AND one.time >= $1 AND one.time < $2 \(metric)
        ORDER BY one.time DESC, series.id, one.value LIMIT $3
        """
    }

    /// By the index on (series, time), series by series: a device has few, and the others may have many anomalies.
    private static func ofDevice(_ device: String, _ metric: String) -> String {
        """
        SELECT \(columns) FROM devices JOIN series ON series.device = devices.id
        CROSS JOIN LATERAL (
            SELECT time, value, score, model, reason FROM readings
            WHERE result = 1 AND series = series.id AND time >= $1 AND time < $2
            ORDER BY time DESC, value LIMIT $3) AS one
        WHERE devices.name = \(device) \(metric)
        ORDER BY one.time DESC, series.id, one.value LIMIT $3
        """
    }

    /// Each look-up ends at the anomaly after it, whose answer is known: a series is walked once, however many of its
    /// readings are anomalous.
    private static let withNormalAfter = """
        steps AS (
            SELECT found.*, lag(time) OVER (PARTITION BY id ORDER BY time DESC, value) AS later FROM found),
        nearer AS (
            SELECT steps.*, (
                SELECT normal.time FROM readings AS normal
                WHERE normal.series = steps.id AND normal.time > steps.time
                    AND normal.time <= coalesce(steps.later, 'infinity') AND normal.result = 0
                ORDER BY normal.time LIMIT 1) AS normal
            FROM steps)
        SELECT devices.name, nearer.metric, nearer.time, nearer.value, nearer.score, model_ids.name, model_ids.version,
            min(nearer.normal) OVER (PARTITION BY nearer.id ORDER BY nearer.time DESC, nearer.value), nearer.reason
        FROM nearer JOIN devices ON devices.id = nearer.device LEFT JOIN model_ids ON model_ids.id = nearer.model
        ORDER BY nearer.time DESC, nearer.id, nearer.value
        """
}
