import Ports
import Telemetry

/// A page of one series.
struct HistoryQuery: Sendable {
    let series: Series
    let from: Instant
    let to: Instant
    let after: HistoryPoint?
    let limit: Int

    func run(_ connection: Connection) throws(StoreError) -> [HistoryPoint] {
        guard let id = try SeriesLookUp.id(of: series, try connection.prepare(SeriesLookUp.sql)) else {
            throw StoreError(.unknownSeries, "no reading of \(series.metric) by \(series.device) was ever stored")
        }
        let limit = min(limit, StoreLimits.answerRowsMax)
        guard limit > 0 else { return [] }
        let page = after == nil ? "" : "AND (time, value) > (?5, ?6)"
        let select = try connection.prepare(
            """
            SELECT time, value, score, result FROM readings
            WHERE series = ?1 AND time >= ?2 AND time < ?3 \(page)
            ORDER BY time, value LIMIT ?4
            """)
        try select.bind(id, 1)
        try select.bind(max(from, after?.time ?? from).microseconds, 2)
        try select.bind(to.microseconds, 3)
        try select.bind(Int64(limit), 4)
        if let after {
            try select.bind(after.time.microseconds, 5)
            try select.bind(after.value, 6)
        }
        var points: [HistoryPoint] = []
        while try select.step() {
            points.append(
                HistoryPoint(
                    time: Instant(microseconds: select.int64(0)), value: select.double(1), score: select.double(2),
                    result: select.result(3)))
        }
        return points
    }
}
