import Ports
import Telemetry

/// How many readings each series got, beside `series.readings`.
///
/// A commit writes one row of two arrays instead of a counter in each of its thousand series: that would cost as much
/// as its readings, and two nodes with the same series would wait for each other's commits.
enum ReadingCounts {
    /// What a commit adds.
    static func statements(_ counts: [Int64: Int64]) -> [Link.Statement] {
        guard !counts.isEmpty else { return [] }
        let sorted = counts.sorted { $0.key < $1.key }
        return [
            .init(
                "INSERT INTO reading_counts (series, readings) VALUES ($1, $2)",
                [.int64s(sorted.map(\.key)), .int64s(sorted.map(\.value))])
        ]
    }

    /// Moves what came together into `series.readings`, unless another node is at it. Series that were deleted
    /// meanwhile are not there and stay so.
    static func settle(_ link: Link) throws(Failure) {
        try link.transaction { link throws(Failure) in
            let turn = try link.query("SELECT pg_try_advisory_xact_lock($1)", [AdvisoryLock.settling])
            guard turn.bool(0, 0) else { return }
            try link.query(
                """
                WITH gone AS (
                    DELETE FROM reading_counts
                    WHERE id IN (SELECT id FROM reading_counts ORDER BY id LIMIT $1)
                    RETURNING series, readings),
                sums AS (
                    SELECT one.series, sum(one.readings)::bigint AS readings
                    FROM gone, unnest(gone.series, gone.readings) AS one (series, readings)
                    GROUP BY one.series)
                UPDATE series SET readings = series.readings + sums.readings FROM sums WHERE series.id = sums.series
                """, [.int64(PostgresLimits.settledCountsMax)])
        }
    }

    /// What is not in `series.readings` yet, by series: a table expression named `pending`.
    static let pending = pending("")

    /// Of the series of devices whose `id` is in `page`, a table expression before it.
    static let pendingOfPage = pending(
        "WHERE one.series IN (SELECT series.id FROM page JOIN series ON series.device = page.id)")

    private static func pending(_ chosen: String) -> String {
        """
        pending AS (
            SELECT one.series, sum(one.readings)::bigint AS readings
            FROM reading_counts, unnest(reading_counts.series, reading_counts.readings) AS one (series, readings)
            \(chosen) GROUP BY one.series)
        """
    }
}
