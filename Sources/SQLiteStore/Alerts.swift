import GRDBSQLite
import Ports
import Telemetry

extension Writer {
    func record(_ change: AlertChange) throws(StoreError) -> Set<AlertDelivery.Key> {
        let now = clock()
        return try transaction("writing alerts") { session, connection throws(StoreError) in
            let upsert = try session.statement(AlertTable.upsert, connection)
            for alert in change.alerts {
                try AlertTable.bind(alert, upsert)
                try upsert.run()
            }
            let insert = try session.statement(DeliveryTable.insert, connection)
            let update = try session.statement(DeliveryTable.update, connection)
            var fresh: Set<AlertDelivery.Key> = []
            for delivery in change.deliveries {
                if !change.known.contains(delivery.key) {
                    try DeliveryTable.bind(delivery, insert)
                    try insert.run()
                    if sqlite3_changes(connection.pointer) > 0 {
                        fresh.insert(delivery.key)
                        continue
                    }
                }
                try DeliveryTable.bindChange(delivery, update)
                try update.run()
            }
            try Self.forgetAlerts(before: now, session, connection)
            return fresh
        }
    }

    private static func forgetAlerts(
        before now: Instant, _ session: WriteSession, _ connection: Connection
    ) throws(StoreError) {
        for (sql, kept) in [
            (AlertTable.forget, AlertKeeping.alertsKept), (DeliveryTable.forget, AlertKeeping.deliveriesKept),
        ] {
            let delete = try session.statement(sql, connection)
            try delete.bind(now.advanced(byMicroseconds: -kept).microseconds, 1)
            try delete.bind(Int64(AlertKeeping.forgottenMax), 2)
            try delete.run()
        }
    }

    // MARK: Mutes

    func mute(_ mute: Mute) throws(StoreError) -> Bool {
        try transaction("muting") { session, connection throws(StoreError) in
            let forget = try session.statement("DELETE FROM mutes WHERE until <= ?", connection)
            try forget.bind(mute.since.microseconds, 1)
            try forget.run()
            let count = try session.statement("SELECT COUNT(*) FROM mutes", connection)
            let isFull = try count.step() && count.int64(0) >= Int64(Mute.countMax)
            count.reset()
            guard !isFull else { return false }
            let upsert = try session.statement(
                "INSERT OR REPLACE INTO mutes (device, metric, since, until, reason) VALUES (?, ?, ?, ?, ?)",
                connection)
            try upsert.bind(mute.scope.device?.text ?? "", 1)
            try upsert.bind(mute.scope.metric?.text ?? "", 2)
            try upsert.bind(mute.since.microseconds, 3)
            try upsert.bind(orNull: mute.until?.microseconds, 4)
            try upsert.bind(mute.reason, 5)
            try upsert.run()
            return true
        }
    }

    func unmute(_ scope: Mute.Scope) throws(StoreError) -> Bool {
        try transaction("lifting a mute") { session, connection throws(StoreError) in
            let delete = try session.statement("DELETE FROM mutes WHERE device = ? AND metric = ?", connection)
            try delete.bind(scope.device?.text ?? "", 1)
            try delete.bind(scope.metric?.text ?? "", 2)
            try delete.run()
            return sqlite3_changes(connection.pointer) > 0
        }
    }
}

/// The table `alerts`.
enum AlertTable {
    private static let columns = """
        id, kind, cause, device, metric, start, through, peak, ended, score, value, reason, model, model_version, devices,
        fate
        """

    static let upsert = """
        INSERT INTO alerts (\(columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET
            through = excluded.through, peak = excluded.peak, ended = excluded.ended, score = excluded.score,
            value = excluded.value, reason = excluded.reason, model = excluded.model,
            model_version = excluded.model_version, devices = excluded.devices
        WHERE alerts.ended IS NULL
        """

    static let forget = """
        DELETE FROM alerts WHERE id IN (
            SELECT id FROM alerts INDEXED BY alerts_by_end WHERE ended < ? ORDER BY ended LIMIT ?)
        """

    /// What is said of a device, and what was to be said.
    static let forgetDevice = [
        "DELETE FROM deliveries WHERE alert IN (SELECT id FROM alerts WHERE device = ? AND kind <> 'fleet')",
        "DELETE FROM alerts WHERE device = ? AND kind <> 'fleet'",
    ]

    static func bind(_ alert: Alert, _ statement: PreparedStatement) throws(StoreError) {
        let episode = alert.episode
        try statement.bind(episode.id, 1)
        try statement.bind(episode.kind.rawValue, 2)
        try statement.bind(alert.cause.rawValue, 3)
        try statement.bind(episode.series.device.text, 4)
        try statement.bind(episode.series.metric.text, 5)
        try statement.bind(episode.start.microseconds, 6)
        try statement.bind(alert.through.microseconds, 7)
        try statement.bind(episode.peak.microseconds, 8)
        try statement.bind(orNull: episode.end?.microseconds, 9)
        // SQLite has no NaN: it would be NULL.
        try statement.bind(episode.score.isNaN ? 0 : episode.score, 10)
        try statement.bind(episode.value.isNaN ? 0 : episode.value, 11)
        try statement.bind(episode.reason, 12)
        try statement.bind(episode.model.name, 13)
        try statement.bind(Int64(episode.model.version), 14)
        try statement.bind(Int64(alert.devices), 15)
        try statement.bind(Int64(alert.fate.rawValue), 16)
    }

    /// - Returns: nil for what this program cannot name: a newer one wrote it.
    private static func row(_ select: PreparedStatement) -> Alert? {
        guard let kind = AnomalyEpisode.Kind(rawValue: select.text(1)),
            let cause = AnomalyEpisode.Kind(rawValue: select.text(2)),
            let fate = UInt8(exactly: select.int64(15)).flatMap(Alert.Fate.init(rawValue:))
        else { return nil }
        let episode = AnomalyEpisode(
            id: select.text(0), kind: kind,
            series: Series(device: DeviceID(unchecked: select.text(3)), metric: Metric(unchecked: select.text(4))),
            start: select.time(5), peak: select.time(7), end: select.timeIfAny(8), score: select.double(9),
            value: select.double(10), reason: select.text(11), model: select.model(12, 13))
        return Alert(
            episode, cause: cause, through: select.time(6), devices: Int(clamping: select.int64(14)), fate: fate)
    }

    private static func rows(_ select: PreparedStatement) throws(StoreError) -> [Alert] {
        var rows: [Alert] = []
        while try select.step() { if let row = row(select) { rows.append(row) } }
        return rows
    }

    static func read(endedSince time: Instant, limit: Int, _ connection: Connection) throws(StoreError) -> [Alert] {
        let select = try connection.prepare(
            """
            SELECT \(columns) FROM alerts INDEXED BY alerts_open WHERE ended IS NULL
            UNION ALL
            SELECT \(columns) FROM alerts INDEXED BY alerts_by_end WHERE ended >= ?1
            ORDER BY start DESC, id LIMIT ?2
            """)
        try select.bind(time.microseconds, 1)
        try select.bind(Int64(min(max(0, limit), StoreLimits.answerRowsMax)), 2)
        return try rows(select)
    }

    static func incidents(_ query: AnomalyQuery, _ connection: Connection) throws(StoreError) -> [Alert] {
        guard query.from < query.to else { return [] }
        let select = try connection.prepare(
            """
            SELECT \(columns) FROM alerts INDEXED BY incidents_by_start
            WHERE kind = 'fleet' AND start < ?2 AND (ended IS NULL OR ended >= ?1)
                AND (?4 IS NULL OR device = ?4) AND (?5 IS NULL OR metric = ?5)
            ORDER BY start DESC, id LIMIT ?3
            """)
        try select.bind(query.from.microseconds, 1)
        try select.bind(query.to.microseconds, 2)
        try select.bind(Int64(min(max(0, query.limit), StoreLimits.answerRowsMax)), 3)
        try select.bind(orNull: query.device?.text, 4)
        try select.bind(orNull: query.metric?.text, 5)
        return try rows(select)
    }
}

/// The table `deliveries`.
enum DeliveryTable {
    static let insert = """
        INSERT OR IGNORE INTO deliveries (alert, event, target, body, created, state, attempts, next)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """
    static let update = """
        UPDATE deliveries SET state = ?, attempts = ?, next = ?
        WHERE alert = ? AND event = ? AND target = ? AND state = 0 AND attempts <= ?2
        """
    static let forget = """
        DELETE FROM deliveries WHERE (alert, event, target) IN (
            SELECT alert, event, target FROM deliveries INDEXED BY deliveries_by_age
            WHERE created < ? ORDER BY created LIMIT ?)
        """

    static func bind(_ delivery: AlertDelivery, _ insert: PreparedStatement) throws(StoreError) {
        try insert.bind(delivery.key.alert, 1)
        try insert.bind(Int64(delivery.key.event.rawValue), 2)
        try insert.bind(delivery.key.target, 3)
        try insert.bind(delivery.body, 4)
        try insert.bind(delivery.created.microseconds, 5)
        try insert.bind(Int64(delivery.state.rawValue), 6)
        try insert.bind(Int64(delivery.attempts), 7)
        try insert.bind(delivery.next.microseconds, 8)
    }

    static func bindChange(_ delivery: AlertDelivery, _ update: PreparedStatement) throws(StoreError) {
        try update.bind(Int64(delivery.state.rawValue), 1)
        try update.bind(Int64(delivery.attempts), 2)
        try update.bind(delivery.next.microseconds, 3)
        try update.bind(delivery.key.alert, 4)
        try update.bind(Int64(delivery.key.event.rawValue), 5)
        try update.bind(delivery.key.target, 6)
    }

    static func pending(
        to targets: [String], after time: Instant, limit: Int, _ connection: Connection
    ) throws(StoreError) -> [AlertDelivery] {
        guard !targets.isEmpty else { return [] }
        let places = targets.indices.map { "?\($0 + 3)" }.joined(separator: ", ")
        let select = try connection.prepare(
            """
            SELECT alert, event, target, body, created, attempts, next
            FROM deliveries INDEXED BY deliveries_pending WHERE state = 0 AND created > ?1
            AND target IN (\(places)) ORDER BY created, alert, event, target LIMIT ?2
            """)
        try select.bind(time.microseconds, 1)
        try select.bind(Int64(min(max(0, limit), StoreLimits.answerRowsMax)), 2)
        for (place, target) in zip(Int32(3)..., targets) { try select.bind(target, place) }
        var rows: [AlertDelivery] = []
        while try select.step() {
            guard let event = UInt8(exactly: select.int64(1)).flatMap(AlertDelivery.Event.init(rawValue:)) else {
                continue
            }
            let key = AlertDelivery.Key(alert: select.text(0), event: event, target: select.text(2))
            rows.append(
                AlertDelivery(
                    key: key, body: select.bytes(3), created: select.time(4), attempts: Int(clamping: select.int64(5)),
                    next: select.time(6)))
        }
        return rows
    }
}

/// The table `mutes`: an empty name is every name.
enum MuteTable {
    static func read(_ connection: Connection) throws(StoreError) -> [Mute] {
        let select = try connection.prepare(
            """
            SELECT device, metric, since, until, reason FROM mutes
            ORDER BY until IS NULL, until, device, metric LIMIT \(Mute.countMax)
            """)
        var rows: [Mute] = []
        while try select.step() {
            let scope = Mute.Scope(device: DeviceID(select.text(0)), metric: Metric(select.text(1)))
            rows.append(
                Mute(scope: scope, since: select.time(2), until: select.timeIfAny(3), reason: select.text(4)))
        }
        return rows
    }
}
