import Ports
import Telemetry

/// A page of one series.
struct HistoryQuery: Sendable {
    let series: Series
    let from: Instant
    let to: Instant
    let after: HistoryPoint?
    let limit: Int

    func run(_ link: Link) throws(Failure) -> [HistoryPoint] {
        let found = try link.query(
            """
            SELECT series.id FROM devices JOIN series ON series.device = devices.id
            WHERE devices.name = $1 AND series.metric = $2
            """, [.text(series.device.text), .text(series.metric.text)])
        guard found.count > 0 else {
            throw .store(
                StoreError(.unknownSeries, "no reading of \(series.metric) by \(series.device) was ever stored"))
        }
        let limit = min(limit, PostgresLimits.answerRowsMax)
        guard limit > 0, from < to else { return [] }
        var parameters: [Parameter] = [
            .int64(found.int64(0, 0)), .time(max(from, after?.time ?? from)), .time(to), .int64(Int64(limit)),
        ]
        if let after { parameters += [.time(after.time), .double(after.value)] }
        let rows = try link.query(
            """
            SELECT time, value, score, result FROM readings
            WHERE series = $1 AND time >= $2 AND time < $3 \(after == nil ? "" : "AND (time, value) > ($5, $6)")
            ORDER BY time, value LIMIT $4
            """, parameters)
        return rows.indices.map { row in
            HistoryPoint(
                time: rows.time(row, 0), value: rows.double(row, 1), score: rows.double(row, 2),
                result: rows.result(row, 3))
        }
    }
}
