import Ports
import Telemetry

/// See `ReadingStore.outline`. Both ends of the range, and what is too new for an outline, are read as they are.
struct OutlineQuery: Sendable {
    let series: Series
    let from: Instant
    let to: Instant
    let points: Int

    /// The stretches that outlines are used for.
    private struct Span {
        let id: Int64
        let stretches: Range<Int64>

        var start: Instant { Outline.start(of: stretches.lowerBound) }
        var end: Instant { Outline.start(of: stretches.upperBound) }
    }

    func run(_ link: Link) throws(Failure) -> [HistoryPoint]? {
        guard let span = try span(link) else { return nil }
        var rows = try known(of: span, link)
        for gap in OutlineMaker.gaps(in: span.stretches, between: rows.map(\.stretch)) {
            rows += try OutlineMaker.make(gap, of: span.id, link)
        }
        var found = rows.flatMap(\.extremes)
        if let anomalies = try anomalies(of: span, link) {
            found += anomalies
        } else {
            found += rows.compactMap(\.peak)
        }
        for end in [from..<max(from, span.start), min(span.end, to)..<to] {
            found += try whole(end, link)
        }
        return found.sorted { ($0.time, $0.value) < ($1.time, $1.value) }
    }

    /// Where there are readings at all, and no newer ones than outlines are made of.
    /// - Returns: nil if there are so few stretches that the chart would be coarse.
    private func span(_ link: Link) throws(Failure) -> Span? {
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
        let closed = found.time(0, 3).advanced(byMicroseconds: -PostgresLimits.outlinedAfterMicroseconds)
        let first = max(Outline.firstStretch(from: from), Outline.stretch(of: found.time(0, 1)))
        let end = min(
            Outline.stretch(of: to), Outline.stretch(of: found.time(0, 2)) + 1, Outline.stretch(of: closed))
        guard end > first, end - first <= PostgresLimits.outlineStretchesMax, 2 * (end - first) >= Int64(points) else {
            return nil
        }
        return Span(id: found.int64(0, 0), stretches: first..<end)
    }

    private func known(of span: Span, _ link: Link) throws(Failure) -> [Outline.Row] {
        let rows = try link.query(
            """
            SELECT \(Outline.columns) FROM outlines
            WHERE series = $1 AND stretch >= $2 AND stretch < $3 ORDER BY stretch
            """, [.int64(span.id), .time(span.start), .time(span.end)])
        return rows.indices.map { Outline.Row(rows, $0) }
    }

    /// Every anomaly; nil if there are more than the chart has points.
    private func anomalies(of span: Span, _ link: Link) throws(Failure) -> [HistoryPoint]? {
        let rows = try link.query(
            """
            SELECT time, value, score FROM readings
            WHERE series = $1 AND time >= $2 AND time < $3 AND result = 1 ORDER BY time LIMIT $4
            """, [.int64(span.id), .time(span.start), .time(span.end), .int64(Int64(points) + 1)])
        guard rows.count <= points else { return nil }
        return rows.indices.map { row in
            HistoryPoint(
                time: rows.time(row, 0), value: rows.double(row, 1), score: rows.double(row, 2), result: .anomaly)
        }
    }

    private func whole(_ range: Range<Instant>, _ link: Link) throws(Failure) -> [HistoryPoint] {
        var points: [HistoryPoint] = []
        while true {
            let page = try HistoryQuery(
                series: series, from: range.lowerBound, to: range.upperBound, after: points.last,
                limit: PostgresLimits.answerRowsMax
            ).run(link)
            points += page
            guard page.count == PostgresLimits.answerRowsMax else { return points }
        }
    }
}
