import Ports
import Telemetry

/// Makes outlines: those that a chart lacks, and ahead of any chart those of series with many readings.
enum OutlineMaker {
    /// The stretches that are missing, each gap no longer than one transaction may make.
    /// - Parameter known: rising.
    static func gaps(in all: Range<Int64>, between known: [Int64]) -> [Range<Int64>] {
        var gaps: [Range<Int64>] = []
        var next = all.lowerBound
        for stretch in known + [all.upperBound] {
            while next < stretch {
                let end = min(stretch, next + PostgresLimits.outlinedAtOnceMax)
                gaps.append(next..<end)
                next = end
            }
            next = max(next, stretch + 1)
        }
        return gaps
    }

    /// Makes outlines, and keeps them if nobody is storing old readings at this moment.
    static func make(_ gap: Range<Int64>, of id: Int64, _ link: Link) throws(Failure) -> [Outline.Row] {
        let parameters: [Parameter] = [
            .int64(id), .time(Outline.start(of: gap.lowerBound)), .time(Outline.start(of: gap.upperBound)),
        ]
        return try link.transaction { link throws(Failure) in
            let isAlone = try link.query("SELECT pg_try_advisory_xact_lock($1)", [AdvisoryLock.outlining]).bool(0, 0)
            let rows = try link.query(
                isAlone
                    ? """
                    WITH made AS MATERIALIZED (\(Outline.made)),
                    kept AS (
                        INSERT INTO outlines (series, \(Outline.columns))
                        SELECT $1, made.* FROM made WHERE EXISTS (SELECT 1 FROM series WHERE id = $1)
                        ON CONFLICT DO NOTHING)
                    SELECT \(Outline.columns) FROM made
                    """ : Outline.made, parameters)
            return rows.indices.map { Outline.Row(rows, $0) }
        }
    }

    /// Makes what a series lacks, the oldest first.
    /// - Returns: true if the time was over before all was made.
    static func fill(_ id: Int64, until deadline: Moment, _ link: Link) throws(Failure) -> Bool {
        let found = try link.query(
            "SELECT min(time), max(time), now() FROM readings WHERE series = $1", [.int64(id)])
        guard found.count == 1, !found.isNull(0, 0) else { return false }
        let all = Outline.stretches(from: found.time(0, 0), through: found.time(0, 1), now: found.time(0, 2))
        guard !all.isEmpty, all.count <= PostgresLimits.outlineStretchesMax else { return false }
        let known = try link.query(
            "SELECT stretch FROM outlines WHERE series = $1 AND stretch >= $2 ORDER BY stretch",
            [.int64(id), .time(Outline.start(of: all.lowerBound))])
        let stretches = known.indices.map { Outline.stretch(of: known.time($0, 0)) }
        for gap in gaps(in: all, between: stretches) {
            guard MachineClock.monotonic() < deadline else { return true }
            _ = try make(gap, of: id, link)
        }
        return false
    }
}
