import Ports
import Telemetry

/// See `ReadingStore.outline`. Both ends of the range, and what is too new for an outline, are read as they are.
struct OutlineQuery: Sendable {
    let series: Series
    let from: Instant
    let to: Instant
    let points: Int

    /// What is known, and what is to be made first.
    struct Plan: Sendable {
        let id: Int64
        /// The stretches that outlines are used for.
        let stretches: Range<Int64>
        let known: [Outline.Row]

        var gaps: [Range<Int64>] { OutlineMaker.gaps(in: stretches, between: known.map(\.stretch)) }
        var start: Instant { Outline.start(of: stretches.lowerBound) }
        var end: Instant { Outline.start(of: stretches.upperBound) }
    }

    /// - Returns: nil if reading all is as good.
    func plan(_ link: Link) throws(Failure) -> Plan? {
        guard let (id, stretches) = try span(link) else { return nil }
        let rows = try link.query(
            """
            SELECT \(Outline.columns) FROM outlines
            WHERE series = $1 AND stretch >= $2 AND stretch < $3 ORDER BY stretch
            """,
            [
                .int64(id), .time(Outline.start(of: stretches.lowerBound)),
                .time(Outline.start(of: stretches.upperBound)),
            ])
        return Plan(id: id, stretches: stretches, known: rows.indices.map { Outline.Row(rows, $0) })
    }

    /// - Parameter rows: of all stretches of the plan.
    /// - Returns: nil if so many readings are too new for outlines that they are better read page by page.
    func points(of plan: Plan, _ rows: [Outline.Row], _ link: Link) throws(Failure) -> [HistoryPoint]? {
        var found = rows.flatMap(\.extremes)
        if let anomalies = try anomalies(of: plan, link) {
            found += anomalies
        } else {
            found += rows.compactMap(\.peak)
        }
        for end in [from..<max(from, plan.start), min(plan.end, to)..<to] {
            guard let points = try whole(end, link) else { return nil }
            found += points
        }
        return found.sorted { ($0.time, $0.value) < ($1.time, $1.value) }
    }

    /// Where there are readings at all, and no newer ones than outlines are made of.
    /// - Returns: nil if there are so few stretches that the chart would be coarse.
    private func span(_ link: Link) throws(Failure) -> (id: Int64, stretches: Range<Int64>)? {
        guard from < to else { return nil }
        let found = try link.query(
            """
            SELECT id, (SELECT min(time) FROM readings WHERE readings.series = id AND time >= $3 AND time < $4),
                (SELECT max(time) FROM readings WHERE readings.series = id AND time >= $3 AND time < $4), now()
            FROM (
                SELECT series.id FROM devices JOIN series ON series.device = devices.id
                WHERE devices.name = $1 AND series.metric = $2) AS asked
            """,
            [.text(series.device.text), .text(series.metric.text), .time(from), .time(to)])
        guard found.count > 0 else {
            throw .store(
                StoreError(.unknownSeries, "no reading of \(series.metric) by \(series.device) was ever stored"))
        }
        guard !found.isNull(0, 1) else { return nil }
        let all = Outline.stretches(from: found.time(0, 1), through: found.time(0, 2), now: found.time(0, 3))
        let first = max(Outline.firstStretch(from: from), all.lowerBound)
        let end = min(Outline.stretch(of: to), all.upperBound)
        guard end > first, end - first <= PostgresLimits.outlineStretchesMax, 2 * (end - first) >= Int64(points) else {
            return nil
        }
        return (found.int64(0, 0), first..<end)
    }

    /// Every anomaly; nil if there are more than the chart has points.
    private func anomalies(of plan: Plan, _ link: Link) throws(Failure) -> [HistoryPoint]? {
        let rows = try link.query(
            """
            SELECT time, value, score FROM readings
            WHERE series = $1 AND time >= $2 AND time < $3 AND result = 1 ORDER BY time LIMIT $4
            """, [.int64(plan.id), .time(plan.start), .time(plan.end), .int64(Int64(points) + 1)])
        guard rows.count <= points else { return nil }
        return rows.indices.map { row in
            HistoryPoint(
                time: rows.time(row, 0), value: rows.double(row, 1), score: rows.double(row, 2), result: .anomaly)
        }
    }

    private func whole(_ range: Range<Instant>, _ link: Link) throws(Failure) -> [HistoryPoint]? {
        let points = try HistoryQuery(
            series: series, from: range.lowerBound, to: range.upperBound, after: nil,
            limit: PostgresLimits.answerRowsMax
        ).run(link)
        return points.count < PostgresLimits.answerRowsMax ? points : nil
    }
}
