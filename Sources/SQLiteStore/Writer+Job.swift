import Ports
import Telemetry

extension Writer {
    func elect(_ holder: String) throws(StoreError) -> FencingToken {
        try transaction("electing \(holder)") { session, connection throws(StoreError) in
            let upsert = try session.statement(
                """
                INSERT INTO jobs (job, token, holder) VALUES ('\(JobTable.job)', 1, ?)
                ON CONFLICT (job) DO UPDATE SET token = token + 1, holder = excluded.holder RETURNING token
                """, connection)
            try upsert.bind(holder, 1)
            guard try upsert.step() else { throw StoreError(.unusable, "no token was written: the file is damaged") }
            let token = FencingToken(UInt64(bitPattern: upsert.int64(0)))
            // To its end: a statement that returns rows has done its work only then.
            while try upsert.step() {}
            upsert.reset()
            return token
        }
    }

    func beginRun(_ token: FencingToken, every period: Int64) throws(StoreError) -> RunTurn {
        try fenced(token, "beginning a run") { session, connection throws(StoreError) in
            let now = clock()
            let job = try JobTable.read(connection)
            if let wait = RunTurn.wait(since: job?.row.lastRun, now: now, period: period) { return .early(wait) }
            let update = try session.statement(
                "UPDATE jobs SET last_run = ? WHERE job = '\(JobTable.job)'", connection)
            try update.bind(now.microseconds, 1)
            try update.run()
            return .begun(RunStart(time: now, lastTick: job?.row.lastTick, approved: job?.approved.ifAny))
        }
    }

    func endRun(_ result: String, waiting: Waiting?, _ token: FencingToken) throws(StoreError) {
        try fenced(token, "ending a run") { session, connection throws(StoreError) in
            let known = try JobTable.read(connection)?.row.waiting?.reason
            let update = try session.statement(
                """
                UPDATE jobs SET last_result = ?, waiting = ?, waiting_heard_through = ?, waiting_members = ?
                WHERE job = '\(JobTable.job)'
                """, connection)
            try update.bind(result, 1)
            try update.bind(orNull: waiting?.reason, 2)
            try update.bind(orNull: waiting?.approval.heardThrough?.microseconds, 3)
            try update.bind(MemberLines.text(waiting?.approval.members ?? []), 4)
            try update.run()
            if let waiting, waiting.reason != known {
                try tell(.wait, waiting.reason, token, session, connection)
            }
            try AuditTable.forget(session, connection)
        }
    }

    func failRun(_ result: String, _ token: FencingToken) throws(StoreError) {
        try fenced(token, "noting a failed run") { session, connection throws(StoreError) in
            let update = try session.statement(
                "UPDATE jobs SET last_result = ? WHERE job = '\(JobTable.job)'", connection)
            try update.bind(result, 1)
            try update.run()
        }
    }

    func revoke(_ members: [String], _ token: FencingToken) throws(StoreError) {
        try fenced(token, "ending approvals") { session, connection throws(StoreError) in
            let known = MemberLines.text(try JobTable.read(connection)?.approved.members ?? [])
            let update = try session.statement(
                "UPDATE jobs SET approved_members = ? WHERE job = '\(JobTable.job)'", connection)
            try update.bind(MemberLines.removing(members, from: known), 1)
            try update.run()
            for member in members {
                try tell(.revoke, AuditRow.revocation(of: member), token, session, connection)
            }
        }
    }

    func approve(_ reason: String?) throws(StoreError) -> Waiting? {
        try transaction("approving") { session, connection throws(StoreError) in
            guard let waiting = try JobTable.read(connection)?.row.waiting, waiting.approval.ifAny != nil else {
                return nil
            }
            guard reason ?? waiting.reason == waiting.reason else { return waiting }
            let lines = try connection.prepare("SELECT waiting_members, approved_members FROM jobs WHERE job = ?")
            try lines.bind(JobTable.job, 1)
            _ = try lines.step()
            let members = MemberLines.adding(lines.text(0), to: lines.text(1))
            lines.reset()
            let update = try session.statement(
                """
                UPDATE jobs SET approved_members = ?, approved_heard_through = NULLIF(MAX(
                    IFNULL(approved_heard_through, \(Int64.min)), IFNULL(waiting_heard_through, \(Int64.min))),
                    \(Int64.min))
                WHERE job = '\(JobTable.job)'
                """, connection)
            try update.bind(members, 1)
            try update.run()
            try tell(.approve, waiting.reason, nil, session, connection)
            return waiting
        }
    }

    func write(_ tick: Tick, keepingFrom oldest: Int64, _ token: FencingToken) throws(StoreError) {
        try fenced(token, "writing a tick") { session, connection throws(StoreError) in
            let insert = try session.statement("INSERT INTO ticks (through, total) VALUES (?, ?)", connection)
            try insert.bind(tick.through.microseconds, 1)
            try insert.bind(tick.total, 2)
            try insert.run()
            let delete = try session.statement(
                """
                DELETE FROM ticks WHERE id IN (
                    SELECT id FROM ticks
                    WHERE total < ?1 AND id < (
                        SELECT id FROM ticks WHERE total < ?1 ORDER BY total DESC, id DESC LIMIT 1)
                    ORDER BY total, id LIMIT ?2)
                """, connection)
            try delete.bind(oldest, 1)
            try delete.bind(StoreLimits.forgottenTicksMax, 2)
            try delete.run()
        }
    }

    func takeBackTicks(after time: Instant, _ token: FencingToken) throws(StoreError) {
        try fenced(token, "taking ticks back") { session, connection throws(StoreError) in
            let delete = try session.statement("DELETE FROM ticks WHERE through > ?", connection)
            try delete.bind(time.microseconds, 1)
            try delete.run()
        }
    }
}

/// The tables `jobs` and `ticks`.
enum JobTable {
    static let job = "prune"

    static func read(_ connection: Connection) throws(StoreError) -> (row: JobRow, approved: Approval)? {
        let select = try connection.prepare(
            """
            SELECT token, holder, last_run, last_result, waiting, waiting_heard_through, waiting_members,
                approved_heard_through, approved_members
            FROM jobs WHERE job = ?
            """)
        try select.bind(job, 1)
        guard try select.step() else { return nil }
        let waiting = select.textIfAny(4).map { Waiting(reason: $0, approval: approval(select, 5)) }
        let last = try connection.prepare("SELECT through, total FROM ticks ORDER BY id DESC LIMIT 1")
        let row = JobRow(
            token: FencingToken(UInt64(bitPattern: select.int64(0))), holder: select.text(1),
            lastRun: select.timeIfAny(2), lastResult: select.textIfAny(3), waiting: waiting, lastTick: try tick(last))
        return (row, approval(select, 7))
    }

    private static func approval(_ select: PreparedStatement, _ column: Int32) -> Approval {
        Approval(heardThrough: select.timeIfAny(column), members: MemberLines.members(in: select.text(column + 1)))
    }

    private static func tick(_ select: PreparedStatement) throws(StoreError) -> Tick? {
        try select.step() ? Tick(through: select.time(0), total: select.int64(1)) : nil
    }

    static func tick(atMost total: Int64, _ connection: Connection) throws(StoreError) -> Tick? {
        let select = try connection.prepare(
            "SELECT through, total FROM ticks WHERE total <= ? ORDER BY total DESC, id DESC LIMIT 1")
        try select.bind(total, 1)
        return try tick(select)
    }
}
