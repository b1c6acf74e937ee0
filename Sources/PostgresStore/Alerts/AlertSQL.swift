import Ports
import Telemetry

/// The table `alerts`.
enum AlertSQL {
    private static let columns = """
        id, kind, cause, device, metric, start, through, peak, ended, score, value, reason, model, model_version, devices,
        fate
        """

    /// In the order of their ids, by every node, so that none waits in a circle.
    static func record(_ change: AlertChange, _ link: Link) throws(Failure) -> Set<AlertDelivery.Key> {
        var alerts: [String: Alert] = [:]
        for alert in change.alerts where SafeText.isStorable(alert.episode.series.device.text) {
            alerts[alert.id] = alert
        }
        let deliveries = change.deliveries.sorted { $0.key < $1.key }
        return try link.transaction { link throws(Failure) in
            let answers = try link.pipeline(
                [
                    DeletionLock.keepOut, upsert(alerts.values.sorted { $0.id < $1.id }),
                    DeliverySQL.insert(deliveries.filter { !change.known.contains($0.key) }),
                    DeliverySQL.update(deliveries),
                ] + forgetOld)
            return DeliverySQL.keys(answers[2])
        }
    }

    private static func upsert(_ alerts: [Alert]) -> Link.Statement {
        let episodes = alerts.map(\.episode)
        return .init(
            """
            INSERT INTO alerts (\(columns))
            SELECT given.id, given.kind, given.cause, given.device, given.metric, given.start, given.through, given.peak,
                CASE WHEN given.over THEN given.ended END, given.score, given.value, given.reason, given.model,
                given.model_version, given.devices, given.fate
            FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) AS given (
                id, kind, cause, device, metric, start, through, peak, over, ended, score, value, reason, model,
                model_version, devices, fate)
            ORDER BY given.id
            ON CONFLICT (id) DO UPDATE SET
                through = excluded.through, peak = excluded.peak, ended = excluded.ended, score = excluded.score,
                value = excluded.value, reason = excluded.reason, model = excluded.model,
                model_version = excluded.model_version, devices = excluded.devices
            WHERE alerts.ended IS NULL
            """,
            [
                .texts(alerts.map(\.id)), .texts(episodes.map(\.kind.rawValue)), .texts(alerts.map(\.cause.rawValue)),
                .texts(episodes.map(\.series.device.text)), .texts(episodes.map(\.series.metric.text)),
                .times(episodes.map(\.start)), .times(alerts.map(\.through)), .times(episodes.map(\.peak)),
                .bools(episodes.map { $0.end != nil }), .times(episodes.map { $0.end ?? .epoch }),
                .doubles(episodes.map { $0.score.isNaN ? 0 : $0.score }),
                .doubles(episodes.map { $0.value.isNaN ? 0 : $0.value }), .texts(episodes.map(\.reason)),
                .texts(episodes.map(\.model.name)), .int64s(episodes.map { Int64($0.model.version) }),
                .int64s(alerts.map { Int64($0.devices) }), .int16s(alerts.map { Int16($0.fate.rawValue) }),
            ])
    }

    /// By the server's clock.
    private static let forgetOld: [Link.Statement] = [
        ("alerts", "ended", AlertKeeping.alertsKept), ("deliveries", "created", AlertKeeping.deliveriesKept),
    ].map { table, column, kept in
        .init(
            """
            DELETE FROM \(table) WHERE ctid = ANY (ARRAY (
                SELECT ctid FROM \(table) WHERE \(column) < now() - interval '\(kept / 1_000_000) seconds'
                ORDER BY \(column) LIMIT \(AlertKeeping.forgottenMax) FOR UPDATE SKIP LOCKED))
            """)
    }

    /// What is said of devices, and what was to be said.
    static func forget(_ devices: [DeviceID]) -> [Link.Statement] {
        let names = [Parameter.texts(devices.map(\.text))]
        let condition = "device = ANY ($1) AND kind <> 'fleet'"
        return [
            .init("DELETE FROM deliveries WHERE alert IN (SELECT id FROM alerts WHERE \(condition))", names),
            .init("DELETE FROM alerts WHERE \(condition)", names),
        ]
    }

    // MARK: Reading

    static func read(endedSince time: Instant, limit: Int, _ link: Link) throws(Failure) -> [Alert] {
        let limit = min(max(0, limit), PostgresLimits.answerRowsMax)
        return rows(
            try link.query(
                """
                SELECT \(columns) FROM alerts WHERE ended IS NULL OR ended >= $1 ORDER BY start DESC, id LIMIT $2
                """, [.time(time), .int64(Int64(limit))]))
    }

    static func incidents(_ query: AnomalyQuery, _ link: Link) throws(Failure) -> [Alert] {
        let limit = min(query.limit, PostgresLimits.answerRowsMax)
        guard limit > 0, query.from < query.to else { return [] }
        var parameters: [Parameter] = [.time(query.from), .time(query.to), .int64(Int64(limit))]
        var conditions = ""
        for (column, text) in [("device", query.device?.text), ("metric", query.metric?.text)] {
            guard let text else { continue }
            parameters.append(.text(text))
            conditions += " AND \(column) = $\(parameters.count)"
        }
        return rows(
            try link.query(
                """
                SELECT \(columns) FROM alerts
                WHERE kind = 'fleet' AND start < $2 AND (ended IS NULL OR ended >= $1)\(conditions)
                ORDER BY start DESC, id LIMIT $3
                """, parameters))
    }

    /// Without what this program cannot name: a newer one wrote it.
    private static func rows(_ rows: Rows) -> [Alert] {
        rows.indices.compactMap { row in
            guard let kind = AnomalyEpisode.Kind(rawValue: rows.text(row, 1)),
                let cause = AnomalyEpisode.Kind(rawValue: rows.text(row, 2)),
                let fate = UInt8(exactly: rows.int16(row, 15)).flatMap(Alert.Fate.init(rawValue:))
            else { return nil }
            let episode = AnomalyEpisode(
                id: rows.text(row, 0), kind: kind,
                series: Series(
                    device: DeviceID(unchecked: rows.text(row, 3)), metric: Metric(unchecked: rows.text(row, 4))),
                start: rows.time(row, 5), peak: rows.time(row, 7), end: rows.timeIfAny(row, 8),
                score: rows.double(row, 9), value: rows.double(row, 10), reason: rows.text(row, 11),
                model: rows.model(row, 12, 13))
            return Alert(
                episode, cause: cause, through: rows.time(row, 6), devices: Int(clamping: rows.int64(row, 14)),
                fate: fate)
        }
    }
}
