import HashRing
import Ports
import Telemetry

enum DeletionSQL {
    /// Makes the device unknown, at once and whole: its names are gone, so nothing leads to its readings any more. The
    /// readings themselves, which may be millions, are left to `sweep`; ids are never reused, so what the device sends
    /// afterwards cannot meet them.
    /// - Returns: the tombstone's time; nil if there is no such device, here or elsewhere.
    static func entomb(_ device: DeviceID, isKnown: Bool, _ link: Link) throws(Failure) -> Instant? {
        guard SafeText.isStorable(device.text) else { return nil }
        return try link.retryingLocks(PostgresLimits.deletionLockAttemptsMax) { link throws(Failure) in
            try tryToEntomb(device, isKnown: isKnown, link)
        }
    }

    private static func tryToEntomb(_ device: DeviceID, isKnown: Bool, _ link: Link) throws(Failure) -> Instant? {
        try link.transaction { link throws(Failure) in
            try link.script("SET LOCAL lock_timeout = \(PostgresLimits.deletionLockMilliseconds)")
            try takeTurn(link)
            let found = try link.query(
                "SELECT clock_timestamp(), (SELECT id FROM devices WHERE name = $1)", [.text(device.text)])
            let isHere = !found.isNull(0, 1)
            guard isHere || isKnown else { return nil }
            if isHere { try forget([(found.int64(0, 1), device)], link) } else { try link.query(countDeletion) }
            try AuditSQL.add(
                .delete, job: AuditRow.operatorJob, of: device, "an operator asked for it", nil, link)
            return try leave([Tombstone(device: device, time: found.time(0, 0))], link)[device]
        }
    }

    // MARK: The inside of every deletion

    /// From here to the transaction's end nobody else writes.
    static func takeTurn(_ link: Link) throws(Failure) {
        // Before the other lock: who adds counts up has this one alone, and rows of many series.
        try link.query("SELECT 1 FROM (SELECT pg_advisory_xact_lock($1)) AS turn", [AdvisoryLock.settling])
        try link.query(DeletionLock.take.sql)
    }

    static func forget(_ devices: [(id: Int64, name: DeviceID)], _ link: Link) throws(Failure) {
        let ofSeries = "series IN (SELECT id FROM series WHERE device = ANY ($1))"
        let ofDevices = [
            """
            INSERT INTO deleted_series (series) SELECT id FROM series WHERE device = ANY ($1) ON CONFLICT DO NOTHING
            """,
            "DELETE FROM latest WHERE \(ofSeries)",
            "DELETE FROM silences WHERE \(ofSeries)",
            "DELETE FROM shadow_scores WHERE \(ofSeries)",
            "DELETE FROM series WHERE device = ANY ($1)",
            "DELETE FROM devices WHERE id = ANY ($1)",
        ]
        let ids = devices.map(\.id)
        _ = try link.pipeline(
            ofDevices.map { .init($0, [.int64s(ids)]) } + [
                .init("DELETE FROM quarantine WHERE device = ANY ($1)", [.texts(devices.map(\.name.text))])
            ] + AlertSQL.forget(devices.map(\.name)) + [
                .init(countDeletion)
            ])
    }

    /// Caches of names, and owners, look at it.
    private static let countDeletion = "UPDATE flock SET deletions = deletions + 1"

    /// - Parameter tombstones: of different devices, with times by the clock behind all waiting: whatever went in before
    ///   is older. A clock that was set back makes none older than it was.
    /// - Returns: their times.
    static func leave(_ tombstones: [Tombstone], _ link: Link) throws(Failure) -> [DeviceID: Instant] {
        let rows = try link.query(
            """
            INSERT INTO tombstones (device, time, slot) SELECT * FROM unnest($1, $2, $3)
            ON CONFLICT (device) DO UPDATE SET time = greatest(tombstones.time, excluded.time) RETURNING device, time
            """,
            [
                .texts(tombstones.map(\.device.text)), .times(tombstones.map(\.time)),
                .int32s(tombstones.map { Int32(Slot(of: $0.device).number) }),
            ])
        guard rows.count == tombstones.count else {
            throw .store(StoreError(.unusable, "no tombstone was written: look for triggers on its table"))
        }
        var times: [DeviceID: Instant] = [:]
        for row in rows.indices { times[DeviceID(unchecked: rows.text(row, 0))] = rows.time(row, 1) }
        return times
    }

    /// Removes a part of the readings of a deleted series that no other node is at.
    /// - Returns: true if there may be more.
    static func sweep(_ link: Link) throws(Failure) -> Bool {
        try link.transaction { link throws(Failure) in
            // Any of them: one that fails must not hold up the others for ever.
            let next = try link.query(
                "SELECT series FROM deleted_series ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED")
            guard next.count > 0 else { return false }
            let series = Parameter.int64(next.int64(0, 0))
            // Before anything of the table is read: who keeps writers out of it waits for what was read, too.
            try link.query("LOCK TABLE ONLY readings IN ROW EXCLUSIVE MODE")
            // Up to the key of the n-th row; fewer rows than that have no n-th one, then all go. The key is given as a
            // value, and the time alone too: only so does TimescaleDB leave chunks out, and unpack no more of a
            // compressed one than this part.
            let last = try link.query(
                "SELECT time, value FROM readings WHERE series = $1 ORDER BY time, value LIMIT 1 OFFSET $2",
                [series, .int64(Int64(PostgresLimits.sweptRowsPerTransaction - 1))])
            if last.count > 0 {
                try link.query(
                    "DELETE FROM readings WHERE series = $1 AND time <= $2 AND (time, value) <= ($2, $3)",
                    [series, .time(last.time(0, 0)), .double(last.double(0, 1))])
                return true
            }
            let rest = try link.query(
                "WITH gone AS (DELETE FROM readings WHERE series = $1 RETURNING 1) SELECT count(*) FROM gone", [series])
            guard rest.int64(0, 0) == 0 else { return true }
            // The server may be at the averages itself, for long; flushes wait for this.
            try link.script("SET LOCAL lock_timeout = \(PostgresLimits.chunkLockMilliseconds)")
            guard try !Timescale.removeAverages(of: series, link) else { return true }
            // Behind whoever outlines it at this moment; nobody begins any more.
            try link.query("SELECT 1 FROM (SELECT pg_advisory_xact_lock($1)) AS turn", [AdvisoryLock.outlining])
            try link.query("DELETE FROM outlines WHERE series = $1", [series])
            try link.query("DELETE FROM deleted_series WHERE series = $1", [series])
            return true
        }
    }

    /// The newest first.
    static func tombstones(in slots: [Slot], limit: Int, _ link: Link) throws(Failure) -> [Tombstone] {
        let limit = min(max(0, limit), PostgresLimits.answerRowsMax)
        guard limit > 0, !slots.isEmpty else { return [] }
        let rows = try link.query(
            "SELECT device, time FROM tombstones WHERE slot = ANY ($1) ORDER BY time DESC, device LIMIT $2",
            [.int32s(Set(slots).sorted().map { Int32($0.number) }), .int64(Int64(limit))])
        return rows.indices.map { Tombstone(device: DeviceID(unchecked: rows.text($0, 0)), time: rows.time($0, 1)) }
    }
}
