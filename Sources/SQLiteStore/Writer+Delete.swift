import GRDBSQLite
import HashRing
import Ports
import Telemetry

extension Writer {
    /// Makes the device unknown, at once and whole: its names are gone, so nothing leads to its readings any more. The
    /// readings themselves, which may be millions, are left to `sweep`; ids are never reused, so what the device sends
    /// afterwards cannot meet them.
    /// - Returns: the tombstone's time; nil if there is no such device, here or elsewhere.
    func entomb(_ device: DeviceID, isKnown: Bool) throws(StoreError) -> Instant? {
        try transaction("deleting device \(device)") { session, connection throws(StoreError) in
            // Behind whoever writes at this moment: what goes in before is older than the tombstone.
            let now = clock()
            let select = try session.statement("SELECT id FROM devices WHERE name = ?", connection)
            try select.bind(device.text, 1)
            let id = try select.step() ? select.int64(0) : nil
            select.reset()
            guard id != nil || isKnown else { return nil }
            if let id {
                try Self.forget(device, id: id, session, connection)
            } else {
                try session.statement(Self.countDeletion, connection).run()
            }
            try tell(
                .delete, job: AuditRow.operatorJob, of: device, "an operator asked for it", nil, session, connection)
            return try Self.leave(Tombstone(device: device, time: now), session, connection)
        }
    }

    // MARK: The inside of every deletion

    static func forget(
        _ device: DeviceID, id: Int64, _ session: WriteSession, _ connection: Connection
    ) throws(StoreError) {
        for sql in [
            "INSERT OR IGNORE INTO deleted_series (series) SELECT id FROM series WHERE device = ?",
            "DELETE FROM latest WHERE series IN (SELECT id FROM series WHERE device = ?)",
            "DELETE FROM silences WHERE series IN (SELECT id FROM series WHERE device = ?)",
            "DELETE FROM shadow_scores WHERE series IN (SELECT id FROM series WHERE device = ?)",
            "DELETE FROM series WHERE device = ?",
            "DELETE FROM devices WHERE id = ?",
        ] {
            let statement = try session.statement(sql, connection)
            try statement.bind(id, 1)
            try statement.run()
        }
        for sql in ["DELETE FROM quarantine WHERE device = ?"] + AlertTable.forgetDevice {
            let statement = try session.statement(sql, connection)
            try statement.bind(device.text, 1)
            try statement.run()
        }
        try session.statement(Self.countDeletion, connection).run()
    }

    /// Caches of names, and owners, look at it.
    private static let countDeletion = "UPDATE flock SET deletions = deletions + 1"

    /// A clock that was set back must not make a tombstone older.
    /// - Returns: its time.
    static func leave(
        _ tombstone: Tombstone, _ session: WriteSession, _ connection: Connection
    ) throws(StoreError) -> Instant {
        let insert = try session.statement(
            """
            INSERT INTO tombstones (device, time, slot) VALUES (?, ?, ?)
            ON CONFLICT (device) DO UPDATE SET time = MAX(time, excluded.time) RETURNING time
            """, connection)
        try insert.bind(tombstone.device.text, 1)
        try insert.bind(tombstone.time.microseconds, 2)
        try insert.bind(Int64(Slot(of: tombstone.device).number), 3)
        guard try insert.step() else { throw StoreError(.unusable, "no tombstone was written: the file is damaged") }
        let time = Instant(microseconds: insert.int64(0))
        // To its end: a statement that returns rows has done its work only then.
        while try insert.step() {}
        insert.reset()
        return time
    }

    /// Removes a part of the readings of deleted series.
    /// - Returns: true if there are more.
    func sweep() throws(StoreError) -> Bool {
        try transaction("removing deleted readings") { session, connection throws(StoreError) in
            let next = try session.statement("SELECT series FROM deleted_series LIMIT 1", connection)
            let series = try next.step() ? next.int64(0) : nil
            next.reset()
            guard let series else { return false }
            // Up to the key of the n-th row; fewer rows than that have no n-th one, then all go.
            let part = try session.statement(
                """
                DELETE FROM readings WHERE series = ?1 AND (time, value) <=
                    (SELECT time, value FROM readings WHERE series = ?1 ORDER BY time, value LIMIT 1 OFFSET ?2)
                """, connection)
            try part.bind(series, 1)
            try part.bind(Int64(StoreLimits.sweptRowsPerTransaction - 1), 2)
            try part.run()
            if sqlite3_changes(connection.pointer) > 0 { return true }
            for sql in ["DELETE FROM readings WHERE series = ?", "DELETE FROM deleted_series WHERE series = ?"] {
                let rest = try session.statement(sql, connection)
                try rest.bind(series, 1)
                try rest.run()
            }
            return true
        }
    }
}
