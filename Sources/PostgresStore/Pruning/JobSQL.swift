import Ports
import Telemetry

/// The tables `jobs` and `ticks`.
enum JobSQL {
    static let job = "prune"

    static func elect(_ holder: String, _ link: Link) throws(Failure) -> FencingToken {
        let (attempts, time) = (PostgresLimits.electionAttemptsMax, PostgresLimits.electionMicroseconds)
        return try link.retryingLocks(attempts, within: time) { link throws(Failure) in
            try Fence.held(link) { link throws(Failure) in
                let rows = try link.query(
                    """
                    INSERT INTO jobs (job, token, holder) VALUES ($1, 1, $2)
                    ON CONFLICT (job) DO UPDATE SET token = jobs.token + 1, holder = excluded.holder RETURNING token
                    """, [.text(job), .text(holder)])
                guard rows.count == 1 else {
                    throw .store(StoreError(.unusable, "no token was written: look for triggers on the table jobs"))
                }
                return FencingToken(rows.bits(0, 0))
            }
        }
    }

    /// By the clock behind all waiting.
    static func begin(_ token: FencingToken, every period: Int64, _ link: Link) throws(Failure) -> RunTurn {
        try Fence.transaction(token, link) { link throws(Failure) in
            let row = try link.query(
                """
                SELECT clock_timestamp(), last_run, approved_heard_through, approved_members FROM jobs WHERE job = $1
                """, [.text(job)])
            let now = row.time(0, 0)
            if let wait = RunTurn.wait(since: row.timeIfAny(0, 1), now: now, period: period) { return .early(wait) }
            try link.query("UPDATE jobs SET last_run = $1 WHERE job = $2", [.time(now), .text(job)])
            return .begun(RunStart(time: now, lastTick: try lastTick(link), approved: approval(row, 2).ifAny))
        }
    }

    static func end(_ result: String, _ waiting: Waiting?, _ token: FencingToken, _ link: Link) throws(Failure) {
        try Fence.transaction(token, link) { link throws(Failure) in
            let known = try link.query("SELECT waiting FROM jobs WHERE job = $1", [.text(job)]).textIfAny(0, 0)
            try link.query(
                """
                UPDATE jobs SET last_result = $2, waiting = $3, waiting_heard_through = $4, waiting_members = $5
                WHERE job = $1
                """,
                [
                    .text(job), .text(result), .text(orNull: waiting?.reason),
                    .time(orNull: waiting?.approval.heardThrough),
                    .text(MemberLines.text(waiting?.approval.members ?? [])),
                ])
            if let waiting, SafeText.storable(waiting.reason) != known {
                try AuditSQL.add(.wait, waiting.reason, token, link)
            }
            try AuditSQL.forget(link)
        }
    }

    static func fail(_ result: String, _ token: FencingToken, _ link: Link) throws(Failure) {
        try Fence.transaction(token, link) { link throws(Failure) in
            _ = try link.query("UPDATE jobs SET last_result = $2 WHERE job = $1", [.text(job), .text(result)])
        }
    }

    static func revoke(_ members: [String], _ token: FencingToken, _ link: Link) throws(Failure) {
        try Fence.transaction(token, link) { link throws(Failure) in
            let known = try link.query("SELECT approved_members FROM jobs WHERE job = $1", [.text(job)]).text(0, 0)
            try link.query(
                "UPDATE jobs SET approved_members = $2 WHERE job = $1",
                [.text(job), .text(MemberLines.removing(members, from: known))])
            for member in members { try AuditSQL.add(.revoke, AuditRow.revocation(of: member), token, link) }
        }
    }

    static func approve(_ reason: String?, _ link: Link) throws(Failure) -> Waiting? {
        try link.retryingLocks(PostgresLimits.electionAttemptsMax) { link throws(Failure) in
            try approveOnce(reason, link)
        }
    }

    private static func approveOnce(_ reason: String?, _ link: Link) throws(Failure) -> Waiting? {
        try Fence.held(link) { link throws(Failure) in
            let row = try link.query(
                """
                SELECT waiting, waiting_heard_through, waiting_members, approved_members FROM jobs
                WHERE job = $1 FOR UPDATE
                """, [.text(job)])
            guard row.count > 0, let waiting = waiting(row, 0), waiting.approval.ifAny != nil else { return nil }
            guard reason ?? waiting.reason == waiting.reason else { return waiting }
            try link.query(
                """
                UPDATE jobs SET approved_heard_through = greatest(approved_heard_through, waiting_heard_through),
                    approved_members = $2 WHERE job = $1
                """, [.text(job), .text(MemberLines.adding(row.text(0, 2), to: row.text(0, 3)))])
            try AuditSQL.add(.approve, waiting.reason, nil, link)
            return waiting
        }
    }

    static func row(_ link: Link) throws(Failure) -> JobRow? {
        let answers = try link.query(
            """
            SELECT token, holder, last_run, last_result, waiting, waiting_heard_through, waiting_members,
                (SELECT through FROM ticks ORDER BY id DESC LIMIT 1),
                (SELECT total FROM ticks ORDER BY id DESC LIMIT 1)
            FROM jobs WHERE job = $1
            """, [.text(job)])
        guard answers.count > 0 else { return nil }
        let tick = answers.timeIfAny(0, 7).map { Tick(through: $0, total: answers.int64(0, 8)) }
        return JobRow(
            token: FencingToken(answers.bits(0, 0)), holder: answers.text(0, 1), lastRun: answers.timeIfAny(0, 2),
            lastResult: answers.textIfAny(0, 3), waiting: waiting(answers, 4), lastTick: tick)
    }

    private static func waiting(_ rows: Rows, _ column: Int32) -> Waiting? {
        rows.textIfAny(0, column).map { Waiting(reason: $0, approval: approval(rows, column + 1)) }
    }

    private static func approval(_ rows: Rows, _ column: Int32) -> Approval {
        Approval(
            heardThrough: rows.timeIfAny(0, column), members: MemberLines.members(in: rows.text(0, column + 1)))
    }

    // MARK: Ticks

    private static func lastTick(_ link: Link) throws(Failure) -> Tick? {
        tick(try link.query("SELECT through, total FROM ticks ORDER BY id DESC LIMIT 1"))
    }

    static func tick(atMost total: Int64, _ link: Link) throws(Failure) -> Tick? {
        tick(
            try link.query(
                "SELECT through, total FROM ticks WHERE total <= $1 ORDER BY total DESC, id DESC LIMIT 1",
                [.int64(total)]))
    }

    private static func tick(_ rows: Rows) -> Tick? {
        rows.count > 0 ? Tick(through: rows.time(0, 0), total: rows.int64(0, 1)) : nil
    }

    static func write(
        _ tick: Tick, keepingFrom oldest: Int64, _ token: FencingToken, _ link: Link
    ) throws(Failure) {
        try Fence.transaction(token, link) { link throws(Failure) in
            try link.query(
                "INSERT INTO ticks (through, total) VALUES ($1, $2)", [.time(tick.through), .int64(tick.total)])
            try link.query(
                """
                DELETE FROM ticks WHERE id IN (
                    SELECT id FROM ticks
                    WHERE total < $1 AND id < (
                        SELECT id FROM ticks WHERE total < $1 ORDER BY total DESC, id DESC LIMIT 1)
                    ORDER BY total, id LIMIT $2)
                """, [.int64(oldest), .int64(PostgresLimits.forgottenTicksMax)])
        }
    }

    static func takeBackTicks(after time: Instant, _ token: FencingToken, _ link: Link) throws(Failure) {
        try Fence.transaction(token, link) { link throws(Failure) in
            _ = try link.query("DELETE FROM ticks WHERE through > $1", [.time(time)])
        }
    }
}
