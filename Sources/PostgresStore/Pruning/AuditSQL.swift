import Ports
import Telemetry

/// The table `audit`: in the order of its ids, which is that of the decisions.
enum AuditSQL {
    /// - Parameter token: nil if a person did it.
    static func add(
        _ decision: AuditRow.Decision, job: String = JobSQL.job, of device: DeviceID? = nil, _ reason: String,
        _ token: FencingToken?, _ link: Link
    ) throws(Failure) {
        try link.query(
            """
            INSERT INTO audit (time, job, device, decision, reason, fencing_token)
            VALUES (clock_timestamp(), $1, $2, $3, $4, $5)
            """,
            [
                .text(job), .text(orNull: device?.text), .text(decision.rawValue), .text(reason),
                .bits(orNull: token?.number),
            ])
    }

    /// One row a device, in their order.
    static func add(
        _ decision: AuditRow.Decision, of devices: [DeviceID], _ reason: String, _ token: FencingToken, _ link: Link
    ) throws(Failure) {
        try link.query(
            """
            INSERT INTO audit (time, job, device, decision, reason, fencing_token)
            SELECT clock_timestamp(), $1, told.device, $2, $3, $4
            FROM unnest($5) WITH ORDINALITY AS told (device, number) ORDER BY told.number
            """,
            [
                .text(JobSQL.job), .text(decision.rawValue), .text(reason), .bits(token.number),
                .texts(devices.map(\.text)),
            ])
    }

    /// Two look-ups as long as there are few rows: ids have gaps, so their span is no count but a bound of it.
    static func forget(_ link: Link) throws(Failure) {
        let span = try link.query("SELECT coalesce(max(id) - min(id) + 1, 0) FROM audit").int64(0, 0)
        guard span > PostgresLimits.auditCountMax + PostgresLimits.auditCountOver else { return }
        try link.query(
            """
            DELETE FROM audit WHERE id IN (
                SELECT id FROM audit WHERE id < (SELECT id FROM audit ORDER BY id DESC OFFSET $1 LIMIT 1)
                ORDER BY id LIMIT $2)
            """, [.int64(PostgresLimits.auditCountMax - 1), .int64(PostgresLimits.forgottenAuditMax)])
    }

    /// Newest first. A decision of a newer program, which this one cannot name, is left out.
    static func read(limit: Int, _ link: Link) throws(Failure) -> [AuditRow] {
        let limit = min(limit, PostgresLimits.answerRowsMax)
        guard limit > 0 else { return [] }
        let rows = try link.query(
            """
            SELECT time, job, device, decision, reason, fencing_token FROM audit
            WHERE decision = ANY ($1) ORDER BY id DESC LIMIT $2
            """, [.texts(AuditRow.Decision.allCases.map(\.rawValue)), .int64(Int64(limit))])
        return rows.indices.compactMap { row in
            AuditRow.Decision(rawValue: rows.text(row, 3)).map { decision in
                AuditRow(
                    time: rows.time(row, 0), job: rows.text(row, 1),
                    device: rows.textIfAny(row, 2).map(DeviceID.init(unchecked:)), decision: decision,
                    reason: rows.text(row, 4), token: rows.isNull(row, 5) ? nil : FencingToken(rows.bits(row, 5)))
            }
        }
    }
}
