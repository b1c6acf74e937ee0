import Ports
import Telemetry

/// Readings that are too old: whole chunks of them where there are chunks, else those of one series after the other.
///
/// Outlines stay right: those of stretches that lose readings go in the same transaction, behind whoever makes outlines
/// (docs/decisions/0014). Commits and sweeps have `readings` first and the lock of outlines after it; so do these.
struct RetentionSQL {
    static let job = "retention"

    let time: Instant
    let cursor: RetentionCursor?
    let token: FencingToken
    let hasChunks: Bool

    private var after: Int64 { cursor?.series ?? 0 }
    /// Whole stretches of outlines.
    private var cut: Instant { Outline.start(of: Outline.stretch(of: time)) }

    func run(_ link: Link) throws(Failure) -> RetentionPart {
        try link.retryingLocks(PostgresLimits.deletionLockAttemptsMax) { link throws(Failure) in
            try Fence.transaction(token, link) { link throws(Failure) in
                if cursor == nil { try SilenceSQL.forget(endedBefore: time, link) }
                return hasChunks ? try chunks(link) : try rows(link)
            }
        }
    }

    /// A place in the middle of all series.
    private func next(_ series: Int64, isTold: Bool) -> RetentionCursor {
        RetentionCursor(series: series, isTold: isTold || cursor?.isTold == true)
    }

    /// The series of this part, in their order: where a part ends in the middle, all series before its last are done.
    /// A subquery and no common table expression, so that the planner knows the order and goes no further than it must.
    private static let piece = "(SELECT id FROM series WHERE id > $1 ORDER BY id LIMIT $2) AS piece"

    private func lastOfPiece(_ link: Link) throws(Failure) -> (series: Int64, isEnd: Bool) {
        let row = try link.query(
            "SELECT coalesce(max(id), $1), count(*) FROM \(Self.piece)",
            [.int64(after), .int64(PostgresLimits.retentionSeriesMax)])
        return (row.int64(0, 0), row.int64(0, 1) < PostgresLimits.retentionSeriesMax)
    }

    private func waitForOutlines(_ link: Link) throws(Failure) {
        try link.query("SELECT 1 FROM (SELECT pg_advisory_xact_lock($1)) AS turn", [AdvisoryLock.outlining])
    }

    /// Removes outlines that begin before `end`, of this part's series or of all, with few look-ups: a plan that reads
    /// the whole table would be chosen where the statistics are old.
    /// - Returns: the series in whose middle it ended; nil if all are gone.
    private func removeOutlines(before end: Instant, ofAll: Bool, _ link: Link) throws(Failure) -> Int64? {
        let limit = PostgresLimits.retentionOutlinesMax
        let gone = try link.query(
            """
            WITH gone AS (
                DELETE FROM outlines WHERE ctid = ANY (ARRAY (
                    SELECT old.place FROM \(Self.piece) CROSS JOIN LATERAL (
                        SELECT ctid AS place FROM outlines WHERE series = piece.id AND stretch < $3
                        ORDER BY stretch LIMIT $4) AS old
                    ORDER BY piece.id LIMIT $4))
                RETURNING series)
            SELECT count(*), max(series) FROM gone
            """,
            [
                .int64(ofAll ? 0 : after), .int64(ofAll ? .max : PostgresLimits.retentionSeriesMax), .time(end),
                .int64(limit),
            ])
        return gone.int64(0, 0) < limit ? nil : gone.int64(0, 1)
    }

    // MARK: Without chunks

    private func rows(_ link: Link) throws(Failure) -> RetentionPart {
        let last = try lastOfPiece(link)
        let gone = try link.query(
            """
            WITH gone AS (
                DELETE FROM readings WHERE ctid = ANY (ARRAY (
                    SELECT old.place FROM \(Self.piece) CROSS JOIN LATERAL (
                        SELECT ctid AS place FROM readings WHERE series = piece.id AND time < $3
                        ORDER BY time, value LIMIT $4) AS old
                    ORDER BY piece.id LIMIT $4))
                RETURNING series, time)
            SELECT series, date_bin(\(Outline.stretchInterval), time, 'epoch') AS stretch, count(*) FROM gone
            GROUP BY series, stretch
            """,
            [
                .int64(after), .int64(PostgresLimits.retentionSeriesMax), .time(cut),
                .int64(PostgresLimits.retentionRowsMax),
            ])
        let dropped = gone.indices.reduce(0) { $0 + gone.int64($1, 2) }
        // Mostly there is nothing to do, and then nobody is waited for.
        let isMore = dropped > 0 ? true : try hasOutlines(link)
        guard isMore else {
            return RetentionPart(dropped: 0, next: last.isEnd ? nil : next(last.series, isTold: false))
        }
        try waitForOutlines(link)
        // Of what is gone; where a part comes to its end, of stretches without readings too.
        var middle: Int64?
        if dropped < PostgresLimits.retentionRowsMax {
            middle = try removeOutlines(before: cut, ofAll: false, link)
        } else {
            let series = gone.indices.map { gone.int64($0, 0) }
            middle = series.max()
            let removal = Outline.removal(of: series, gone.indices.map { gone.time($0, 1) })
            try link.query(removal.sql, removal.parameters)
        }
        if dropped > 0, cursor?.isTold != true { try tell("readings of before \(cut) are dropped", link) }
        guard middle != nil || !last.isEnd else { return RetentionPart(dropped: Int(dropped), next: nil) }
        let done = middle.map { $0 - 1 } ?? last.series
        return RetentionPart(dropped: Int(dropped), next: next(done, isTold: dropped > 0))
    }

    private func hasOutlines(_ link: Link) throws(Failure) -> Bool {
        try link.query(
            """
            SELECT EXISTS (
                SELECT 1 FROM \(Self.piece) CROSS JOIN LATERAL (
                    SELECT 1 FROM outlines WHERE series = piece.id AND stretch < $3 ORDER BY stretch LIMIT 1) AS old)
            """, [.int64(after), .int64(PostgresLimits.retentionSeriesMax), .time(cut)]
        ).bool(0, 0)
    }

    // MARK: Chunks

    /// Parts before the last take outlines away, of which there may be very many; the last one takes the chunks with
    /// what outlines were made meanwhile. Until then a chart that needs the others makes them again.
    private func chunks(_ link: Link) throws(Failure) -> RetentionPart {
        let found = try link.query(
            """
            SELECT max(range_end), count(*) FROM (
                SELECT range_end FROM timescaledb_information.chunks
                WHERE hypertable_schema = current_schema() AND hypertable_name = 'readings' AND range_end <= $1
                ORDER BY range_end LIMIT $2) AS oldest
            """, [.time(time), .int64(PostgresLimits.retentionChunksMax)])
        guard let end = found.timeIfAny(0, 0) else { return RetentionPart(dropped: 0, next: nil) }
        let last = try lastOfPiece(link)
        if !last.isEnd {
            try waitForOutlines(link)
            let middle = try removeOutlines(before: end, ofAll: false, link)
            return RetentionPart(dropped: 0, next: next(middle.map { $0 - 1 } ?? last.series, isTold: false))
        }
        // Readers take chunks in an order of their own. Should they and this wait for each other, this gives way, before
        // the server looks for somebody to be ended.
        try link.script("SET LOCAL lock_timeout = \(PostgresLimits.chunkLockMilliseconds)")
        // Nobody stores or sweeps from here on: they would wait for outlines with a chunk in their hands. Whoever makes
        // outlines only reads, and ends.
        try link.query("LOCK TABLE ONLY readings IN SHARE MODE")
        try waitForOutlines(link)
        if try removeOutlines(before: end, ofAll: true, link) != nil {
            return RetentionPart(dropped: 0, next: next(after, isTold: false))
        }
        let dropped = try link.query("SELECT count(*) FROM drop_chunks('readings', older_than => $1)", [.time(end)])
        let count = Int(dropped.int64(0, 0))
        let isLast = found.int64(0, 1) < PostgresLimits.retentionChunksMax
        // Averages have longer chunks: they go when the whole of one is too old.
        for view in Timescale.averages where try Opening.hasTable(view, link) {
            try link.query(
                "SELECT count(*) FROM drop_chunks($1::regclass, older_than => $2)",
                [.text(view), .time(isLast ? time : end)])
        }
        if count > 0 { try tell("\(count) chunks of readings of before \(end) are dropped", link) }
        return RetentionPart(dropped: count, next: isLast ? nil : RetentionCursor(series: 0))
    }

    private func tell(_ reason: String, _ link: Link) throws(Failure) {
        try AuditSQL.add(.drop, job: Self.job, reason, token, link)
    }
}
