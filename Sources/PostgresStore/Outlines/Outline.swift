import Ports
import Telemetry

/// What stands for all readings of a series on a long chart: of each stretch of ten minutes the lowest and the highest
/// ordinary reading and the anomaly with the highest score, as they are.
///
/// A stretch is outlined when it is first looked at, once it is well past; a commit that still brings a reading of it
/// takes the outline away in its own transaction. So an outline is always right, on every kind of server
/// (docs/decisions/0014).
enum Outline {
    /// Microseconds.
    static let stretch: Int64 = 600_000_000
    /// In SQL.
    static let stretchInterval = "INTERVAL '10 minutes'"

    /// The first stretch that begins at or after `time`.
    static func firstStretch(from time: Instant) -> Int64 {
        let (quotient, rest) = time.microseconds.quotientAndRemainder(dividingBy: stretch)
        return rest > 0 ? quotient + 1 : quotient
    }

    /// The stretch that holds `time`.
    static func stretch(of time: Instant) -> Int64 {
        let (quotient, rest) = time.microseconds.quotientAndRemainder(dividingBy: stretch)
        return rest < 0 ? quotient - 1 : quotient
    }

    static func start(of stretch: Int64) -> Instant {
        Instant(microseconds: stretch.multipliedReportingOverflow(by: Self.stretch).partialValue)
    }

    /// The stretches from one reading to another that are long enough past for outlines.
    /// - Parameter now: by the server.
    static func stretches(from oldest: Instant, through newest: Instant, now: Instant) -> Range<Int64> {
        let closed = now.advanced(byMicroseconds: -PostgresLimits.outlinedAfterMicroseconds)
        let first = stretch(of: oldest)
        return first..<max(first, min(stretch(of: newest) + 1, stretch(of: closed)))
    }

    // MARK: Taking away

    /// What a commit of these rows has to take away: nothing, mostly, for what is new is in no outline.
    /// - Parameter now: by the server, when the transaction began.
    static func removal(for rows: [CommitRow], now: Instant) -> (series: Set<Int64>, statements: [Link.Statement]) {
        let newest = now.advanced(byMicroseconds: -PostgresLimits.outlinedAfterMicroseconds / 2)
        var series: [Int64] = []
        var stretches: [Instant] = []
        // In the order of the key: equal ones are neighbours.
        for row in rows where row.time < newest {
            let start = start(of: stretch(of: row.time))
            if series.last == row.series, stretches.last == start { continue }
            series.append(row.series)
            stretches.append(start)
        }
        guard !series.isEmpty else { return ([], []) }
        let statements: [Link.Statement] = [
            // Until this transaction ends nobody outlines what it cannot see of it.
            .init("SELECT 1 FROM (SELECT pg_advisory_xact_lock_shared($1)) AS turn", [AdvisoryLock.outlining]),
            removal(of: series, stretches),
        ]
        return (Set(series), statements)
    }

    /// Takes outlines away: the n-th series' of the n-th stretch.
    static func removal(of series: [Int64], _ stretches: [Instant]) -> Link.Statement {
        .init(
            """
            DELETE FROM outlines USING unnest($1, $2) AS changed (series, stretch)
            WHERE outlines.series = changed.series AND outlines.stretch = changed.stretch
            """, [.int64s(series), .times(stretches)])
    }

    // MARK: Rows

    static let columns = """
        stretch, low_time, low, low_score, low_result, high_time, high, high_score, high_result,
            peak_time, peak, peak_score
        """

    /// Points of one row of `columns`.
    struct Row {
        let stretch: Int64
        let extremes: [HistoryPoint]
        let peak: HistoryPoint?

        init(_ rows: Rows, _ row: Int) {
            func point(_ column: Int32) -> HistoryPoint? {
                rows.isNull(row, column)
                    ? nil
                    : HistoryPoint(
                        time: rows.time(row, column), value: rows.double(row, column + 1),
                        score: rows.double(row, column + 2), result: rows.result(row, column + 3))
            }
            stretch = Outline.stretch(of: rows.time(row, 0))
            extremes = [point(1), point(5)].compactMap(\.self)
            peak =
                rows.isNull(row, 9)
                ? nil
                : HistoryPoint(
                    time: rows.time(row, 9), value: rows.double(row, 10), score: rows.double(row, 11), result: .anomaly)
        }
    }

    /// Outlines of a series ($1) from one stretch's start ($2) to another's ($3), from its readings. A stretch without
    /// readings has one too, an empty one: it need not be looked at again.
    static let made = """
        SELECT stretches.stretch, low.time AS low_time, low.value AS low, low.score AS low_score,
            low.result AS low_result, high.time AS high_time, high.value AS high, high.score AS high_score,
            high.result AS high_result, peak.time AS peak_time, peak.value AS peak, peak.score AS peak_score
        FROM generate_series($2::timestamptz, $3::timestamptz - \(stretchInterval), \(stretchInterval))
            AS stretches (stretch)
        LEFT JOIN (
            SELECT date_bin(\(stretchInterval), time, 'epoch') AS stretch,
                min(value) FILTER (WHERE result <> 1) AS low, max(value) FILTER (WHERE result <> 1) AS high,
                max(score) FILTER (WHERE result = 1) AS peak
            FROM readings WHERE series = $1 AND time >= $2 AND time < $3 GROUP BY 1) AS found
            ON found.stretch = stretches.stretch
        LEFT JOIN LATERAL (
            SELECT time, value, score, result FROM readings
            WHERE series = $1 AND time >= found.stretch AND time < found.stretch + \(stretchInterval)
                AND value = found.low AND result <> 1
            ORDER BY time LIMIT 1) AS low ON true
        LEFT JOIN LATERAL (
            SELECT time, value, score, result FROM readings
            WHERE series = $1 AND time >= found.stretch AND time < found.stretch + \(stretchInterval)
                AND value = found.high AND result <> 1 AND found.high > found.low
            ORDER BY time LIMIT 1) AS high ON true
        LEFT JOIN LATERAL (
            SELECT time, value, score FROM readings
            WHERE series = $1 AND time >= found.stretch AND time < found.stretch + \(stretchInterval)
                AND result = 1 AND score = found.peak
            ORDER BY time LIMIT 1) AS peak ON true
        ORDER BY stretches.stretch
        """
}
