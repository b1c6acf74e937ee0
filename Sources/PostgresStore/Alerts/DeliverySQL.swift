import Ports
import Telemetry

/// The table `deliveries`.
enum DeliverySQL {
    private static func keys(of deliveries: [AlertDelivery]) -> [Parameter] {
        [
            .texts(deliveries.map(\.key.alert)), .int16s(deliveries.map { Int16($0.key.event.rawValue) }),
            .texts(deliveries.map(\.key.target)),
        ]
    }

    private static func changes(of deliveries: [AlertDelivery]) -> [Parameter] {
        [
            .int16s(deliveries.map { Int16($0.state.rawValue) }), .int64s(deliveries.map { Int64($0.attempts) }),
            .times(deliveries.map(\.next)),
        ]
    }

    /// Answers with the keys of those that were not known.
    static func insert(_ deliveries: [AlertDelivery]) -> Link.Statement {
        .init(
            """
            INSERT INTO deliveries (alert, event, target, state, attempts, next, body, created)
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT DO NOTHING RETURNING alert, event, target
            """,
            keys(of: deliveries) + changes(of: deliveries) + [
                .byteStrings(deliveries.map(\.body)), .times(deliveries.map(\.created)),
            ])
    }

    static func update(_ deliveries: [AlertDelivery]) -> Link.Statement {
        .init(
            """
            UPDATE deliveries SET state = given.state, attempts = given.attempts, next = given.next
            FROM (
                SELECT deliveries.alert, deliveries.event, deliveries.target, given.state, given.attempts, given.next
                FROM unnest($1, $2, $3, $4, $5, $6) AS given (alert, event, target, state, attempts, next)
                JOIN deliveries ON deliveries.alert = given.alert AND deliveries.event = given.event
                    AND deliveries.target = given.target
                WHERE deliveries.state = 0 AND deliveries.attempts <= given.attempts
                ORDER BY deliveries.alert, deliveries.event, deliveries.target
                FOR NO KEY UPDATE OF deliveries) AS given
            WHERE deliveries.alert = given.alert AND deliveries.event = given.event
                AND deliveries.target = given.target AND deliveries.state = 0
            """, keys(of: deliveries) + changes(of: deliveries))
    }

    static func keys(_ rows: Rows) -> Set<AlertDelivery.Key> {
        Set(rows.indices.compactMap { key(rows, $0) })
    }

    private static func key(_ rows: Rows, _ row: Int) -> AlertDelivery.Key? {
        UInt8(exactly: rows.int16(row, 1)).flatMap(AlertDelivery.Event.init(rawValue:)).map { event in
            AlertDelivery.Key(alert: rows.text(row, 0), event: event, target: rows.text(row, 2))
        }
    }

    static func pending(
        to targets: [String], after time: Instant, limit: Int, _ link: Link
    ) throws(Failure) -> [AlertDelivery] {
        let limit = min(max(0, limit), PostgresLimits.answerRowsMax)
        let rows = try link.query(
            """
            SELECT alert, event, target, body, created, attempts, next FROM deliveries
            WHERE state = 0 AND created > $1 AND target = ANY ($2)
            ORDER BY created, alert, event, target LIMIT $3
            """, [.time(time), .texts(targets), .int64(Int64(limit))])
        return rows.indices.compactMap { row in
            key(rows, row).map { key in
                AlertDelivery(
                    key: key, body: rows.bytes(row, 3), created: rows.time(row, 4),
                    attempts: Int(clamping: rows.int64(row, 5)), next: rows.time(row, 6))
            }
        }
    }
}

/// The table `mutes`: an empty name is every name.
enum MuteSQL {
    static func mute(_ mute: Mute, _ link: Link) throws(Failure) -> Bool {
        try link.transaction { link throws(Failure) in
            try link.query("DELETE FROM mutes WHERE until <= $1", [.time(mute.since)])
            let count = try link.query("SELECT count(*) FROM mutes").int64(0, 0)
            guard count < Int64(Mute.countMax) else { return false }
            try link.query(
                """
                INSERT INTO mutes (device, metric, since, until, reason) VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (device, metric) DO UPDATE SET
                    since = excluded.since, until = excluded.until, reason = excluded.reason
                """,
                names(of: mute.scope) + [.time(mute.since), .time(orNull: mute.until), .text(mute.reason)])
            return true
        }
    }

    static func unmute(_ scope: Mute.Scope, _ link: Link) throws(Failure) -> Bool {
        try link.query("DELETE FROM mutes WHERE device = $1 AND metric = $2", names(of: scope)).affected > 0
    }

    private static func names(of scope: Mute.Scope) -> [Parameter] {
        [.text(scope.device?.text ?? ""), .text(scope.metric?.text ?? "")]
    }

    static func read(_ link: Link) throws(Failure) -> [Mute] {
        let rows = try link.query(
            """
            SELECT device, metric, since, until, reason FROM mutes ORDER BY until NULLS LAST, device, metric LIMIT $1
            """, [.int64(Int64(Mute.countMax))])
        return rows.indices.map { row in
            Mute(
                scope: Mute.Scope(device: DeviceID(rows.text(row, 0)), metric: Metric(rows.text(row, 1))),
                since: rows.time(row, 2), until: rows.timeIfAny(row, 3), reason: rows.text(row, 4))
        }
    }
}
