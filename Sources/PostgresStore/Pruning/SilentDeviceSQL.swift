import Ports
import Telemetry

/// Devices by when they were heard last.
///
/// Each question reads the table `devices` from end to end: an index on when they were heard would have to be written
/// with every flush. Readings are never looked at.
enum SilentDeviceSQL {
    /// For the pruner, a device that was restored counts as heard then. (No argument that is NULL is the greatest.)
    private static let heard = "greatest(devices.last_heard, devices.restored)"

    static func census(_ query: CensusQuery, _ link: Link) throws(Failure) -> Census {
        let approved = query.approved ?? .distantPast
        let quick = try link.query(
            "SELECT count(*) FILTER (WHERE \(heard) > $1), count(*) FROM devices WHERE \(heard) > $2",
            [.time(query.recent), .time(approved)])
        let (heardCount, all) = (Int(quick.int64(0, 0)), Int(quick.int64(0, 1)))
        guard all > 2 * heardCount else { return Census(heard: heardCount, fellSilent: all - heardCount) }
        return try byRhythm(query, approved, link)
    }

    /// By the usual interval of the series that reports most often: the rows `latest` of who is not heard are read.
    private static func byRhythm(
        _ query: CensusQuery, _ approved: Instant, _ link: Link
    ) throws(Failure) -> Census {
        let rows = try link.query(
            """
            SELECT \(heard), min(latest.usual_interval) FILTER (WHERE latest.usual_interval > 0)
            FROM devices LEFT JOIN series ON series.device = devices.id LEFT JOIN latest ON latest.series = series.id
            WHERE \(heard) > $1 GROUP BY devices.id
            """, [.time(approved)])
        var census = Census()
        for row in rows.indices {
            let interval = rows.isNull(row, 1) ? 0 : rows.int64(row, 1)
            census.count(query.standing(heard: rows.time(row, 0), usualInterval: interval))
        }
        return census
    }

    static func silent(
        heardThrough time: Instant, isHidden: Bool?, limit: Int, _ link: Link
    ) throws(Failure) -> [SilentDevice] {
        let limit = min(limit, PostgresLimits.answerRowsMax)
        guard limit > 0 else { return [] }
        let wanted = isHidden.map { " AND hidden = \($0)" } ?? ""
        let page = """
            SELECT id, name, hidden, \(heard) AS heard FROM devices WHERE \(heard) <= $1\(wanted)
            ORDER BY heard, name LIMIT $2
            """
        let rows = try counted(page, [.time(time), .int64(Int64(limit))], link)
        return rows.indices.map { device(rows, $0) }
    }

    /// Those of `devices` that are as they were, with their ids, and the server's time.
    static func unchanged(
        _ devices: [SilentDevice], _ link: Link
    ) throws(Failure) -> [(id: Int64, device: SilentDevice, now: Instant)] {
        var asked: [DeviceID: SilentDevice] = [:]
        for one in devices { asked[one.device] = one }
        let page = "SELECT id, name, hidden, \(heard) AS heard FROM devices WHERE name = ANY ($1)"
        let rows = try counted(page, [.texts(asked.keys.map(\.text))], link)
        return rows.indices.compactMap { row in
            let found = device(rows, row)
            guard let asked = asked[found.device], asked.lastHeard == found.lastHeard,
                asked.readings == found.readings
            else { return nil }
            return (rows.int64(row, 4), found, rows.time(row, 5))
        }
    }

    /// With the readings of each, those that are not added up yet too.
    private static func counted(_ page: String, _ parameters: [Parameter], _ link: Link) throws(Failure) -> Rows {
        try link.query(
            """
            WITH page AS MATERIALIZED (\(page)), \(ReadingCounts.pendingOfPage)
            SELECT page.name, page.heard,
                coalesce(sum(coalesce(series.readings, 0) + coalesce(pending.readings, 0)), 0)::bigint,
                page.hidden, page.id, clock_timestamp()
            FROM page LEFT JOIN series ON series.device = page.id LEFT JOIN pending ON pending.series = series.id
            GROUP BY page.id, page.name, page.heard, page.hidden ORDER BY page.heard, page.name
            """, parameters)
    }

    private static func device(_ rows: Rows, _ row: Int) -> SilentDevice {
        SilentDevice(
            device: DeviceID(unchecked: rows.text(row, 0)), lastHeard: rows.time(row, 1),
            readings: UInt64(clamping: rows.int64(row, 2)), isHidden: rows.bool(row, 3))
    }

    /// In the order of the ids, as flushes go. One that a flush has just heard is looked at again and left alone.
    static func hide(
        heardThrough time: Instant, limit: Int, reason: String, _ token: FencingToken, _ link: Link
    ) throws(Failure) -> [DeviceID] {
        try Fence.transaction(token, link) { link throws(Failure) in
            let limit = min(max(0, limit), PostgresLimits.hiddenAtOnceMax)
            let rows = try link.query(
                """
                WITH silent AS MATERIALIZED (
                    SELECT id FROM devices WHERE NOT hidden AND \(heard) <= $1 ORDER BY id LIMIT $2 FOR NO KEY UPDATE),
                gone AS (
                    UPDATE devices SET hidden = true FROM silent WHERE devices.id = silent.id RETURNING devices.name)
                SELECT name FROM gone ORDER BY name
                """, [.time(time), .int64(Int64(limit))])
            let devices = rows.indices.map { DeviceID(unchecked: rows.text($0, 0)) }
            if !devices.isEmpty { try AuditSQL.add(.hide, of: devices, reason, token, link) }
            return devices
        }
    }

    static func delete(
        _ devices: [SilentDevice], reason: String, _ token: FencingToken, _ link: Link
    ) throws(Failure) -> [Tombstone] {
        let devices = devices.prefix(PostgresLimits.deletedAtOnceMax).filter { SafeText.isStorable($0.device.text) }
        return try link.retryingLocks(PostgresLimits.deletionLockAttemptsMax) { link throws(Failure) in
            try Fence.transaction(token, link) { link throws(Failure) in
                try DeletionSQL.takeTurn(link)
                let gone = try unchanged(devices, link)
                guard !gone.isEmpty else { return [] }
                try DeletionSQL.forget(gone.map { ($0.id, $0.device.device) }, link)
                let times = try DeletionSQL.leave(gone.map { $0.device.tombstone(at: $0.now) }, link)
                try AuditSQL.add(.delete, of: gone.map(\.device.device), reason, token, link)
                return gone.compactMap { one in
                    times[one.device.device].map { Tombstone(device: one.device.device, time: $0) }
                }
            }
        }
    }

    /// Apart from deletions, which must not miss that it counts as heard.
    static func restore(_ device: DeviceID, _ link: Link) throws(Failure) -> Instant? {
        guard SafeText.isStorable(device.text) else { return nil }
        return try link.transaction { link throws(Failure) in
            try link.query(DeletionLock.keepOut.sql)
            let rows = try link.query(
                """
                UPDATE devices SET hidden = false, restored = clock_timestamp() WHERE name = $1 RETURNING restored
                """, [.text(device.text)])
            guard rows.count > 0 else { return nil }
            try AuditSQL.add(.restore, of: device, "an operator asked for it", nil, link)
            return rows.time(0, 0)
        }
    }
}
