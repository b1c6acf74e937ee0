import Ports
import Telemetry

extension Writer {
    /// One transaction of the holder of `token`, if it is the newest. A write transaction has the file alone, so that a
    /// newer token is minted before it or after it.
    func fenced<T>(
        _ token: FencingToken, _ doing: String, _ body: (WriteSession, Connection) throws(StoreError) -> T
    ) throws(StoreError) -> T {
        try transaction(doing) { session, connection throws(StoreError) in
            let select = try session.statement("SELECT token FROM jobs WHERE job = '\(JobTable.job)'", connection)
            let newest = FencingToken(try select.step() ? UInt64(bitPattern: select.int64(0)) : 0)
            select.reset()
            guard token == newest else { throw .fenced(token, newest: newest) }
            return try body(session, connection)
        }
    }

    /// A decision about the whole fleet, or about a device.
    /// - Parameter token: nil if a person made it.
    func tell(
        _ decision: AuditRow.Decision, job: String = JobTable.job, of device: DeviceID? = nil, _ reason: String,
        _ token: FencingToken?, _ session: WriteSession, _ connection: Connection
    ) throws(StoreError) {
        let insert = try session.statement(AuditTable.insert, connection)
        try insert.bind(clock().microseconds, 1)
        try insert.bind(job, 2)
        try insert.bind(orNull: device?.text, 3)
        try insert.bind(decision.rawValue, 4)
        try insert.bind(reason, 5)
        try insert.bind(orNull: token.map { Int64(bitPattern: $0.number) }, 6)
        try insert.run()
    }
}

/// The table `audit`: in the order of its ids, which is that of the decisions.
enum AuditTable {
    static let insert =
        "INSERT INTO audit (time, job, device, decision, reason, fencing_token) VALUES (?, ?, ?, ?, ?, ?)"

    /// Two look-ups as long as there are few rows.
    static func forget(_ session: WriteSession, _ connection: Connection) throws(StoreError) {
        let span = try session.statement(
            "SELECT (SELECT MAX(id) FROM audit) - (SELECT MIN(id) FROM audit) + 1", connection)
        let count = try span.step() ? span.int64(0) : 0
        span.reset()
        guard count > StoreLimits.auditCountMax + StoreLimits.auditCountOver else { return }
        let delete = try session.statement(
            """
            DELETE FROM audit WHERE id IN (
                SELECT id FROM audit WHERE id < (SELECT id FROM audit ORDER BY id DESC LIMIT 1 OFFSET ?1)
                ORDER BY id LIMIT ?2)
            """, connection)
        try delete.bind(StoreLimits.auditCountMax - 1, 1)
        try delete.bind(StoreLimits.forgottenAuditMax, 2)
        try delete.run()
    }

    /// Newest first. A decision of a newer program, which this one cannot name, is left out.
    static func read(limit: Int, _ connection: Connection) throws(StoreError) -> [AuditRow] {
        let limit = min(limit, StoreLimits.answerRowsMax)
        guard limit > 0 else { return [] }
        let names = AuditRow.Decision.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
        let select = try connection.prepare(
            """
            SELECT time, job, device, decision, reason, fencing_token FROM audit WHERE decision IN (\(names))
            ORDER BY id DESC LIMIT ?
            """)
        try select.bind(Int64(limit), 1)
        var rows: [AuditRow] = []
        while try select.step() {
            guard let decision = AuditRow.Decision(rawValue: select.text(3)) else { continue }
            rows.append(
                AuditRow(
                    time: select.time(0), job: select.text(1),
                    device: select.textIfAny(2).map(DeviceID.init(unchecked:)), decision: decision,
                    reason: select.text(4),
                    token: select.isNull(5) ? nil : FencingToken(UInt64(bitPattern: select.int64(5)))))
        }
        return rows
    }
}
