import GRDBSQLite
import Ports
import Telemetry

extension Writer {
    func hide(
        heardThrough time: Instant, limit: Int, reason: String, _ token: FencingToken
    ) throws(StoreError) -> [DeviceID] {
        try fenced(token, "hiding devices") { session, connection throws(StoreError) in
            let select = try session.statement(
                """
                SELECT id, name FROM devices WHERE hidden = 0 AND \(SilentDevices.heard) <= ? ORDER BY id LIMIT ?
                """, connection)
            try select.bind(time.microseconds, 1)
            try select.bind(Int64(min(max(0, limit), StoreLimits.hiddenAtOnceMax)), 2)
            var silent: [(id: Int64, device: DeviceID)] = []
            while try select.step() { silent.append((select.int64(0), DeviceID(unchecked: select.text(1)))) }
            select.reset()
            silent.sort { $0.device < $1.device }
            let update = try session.statement("UPDATE devices SET hidden = 1 WHERE id = ?", connection)
            for one in silent {
                try update.bind(one.id, 1)
                try update.run()
                try tell(.hide, of: one.device, reason, token, session, connection)
            }
            return silent.map(\.device)
        }
    }

    func delete(
        _ devices: [SilentDevice], reason: String, _ token: FencingToken
    ) throws(StoreError) -> [Tombstone] {
        try fenced(token, "deleting silent devices") { session, connection throws(StoreError) in
            let now = clock()
            let look = try SilentDevices.Look(connection)
            var gone: [Tombstone] = []
            for asked in devices.prefix(StoreLimits.deletedAtOnceMax) {
                guard let found = try look.at(asked.device), found.device.lastHeard == asked.lastHeard,
                    found.device.readings == asked.readings
                else { continue }
                try Self.forget(asked.device, id: found.id, session, connection)
                let time = try Self.leave(asked.tombstone(at: now), session, connection)
                gone.append(Tombstone(device: asked.device, time: time))
                try tell(.delete, of: asked.device, reason, token, session, connection)
            }
            return gone
        }
    }

    func restore(_ device: DeviceID) throws(StoreError) -> Instant? {
        try transaction("restoring device \(device)") { session, connection throws(StoreError) in
            let now = clock()
            let update = try session.statement(
                "UPDATE devices SET hidden = 0, restored = ? WHERE name = ?", connection)
            try update.bind(now.microseconds, 1)
            try update.bind(device.text, 2)
            try update.run()
            guard sqlite3_changes(connection.pointer) > 0 else { return nil }
            try tell(.restore, of: device, "an operator asked for it", nil, session, connection)
            return now
        }
    }

    // MARK: Retention

    /// Series by series along the key, until this part has dropped its share.
    func dropReadings(
        before time: Instant, after cursor: RetentionCursor?, _ token: FencingToken
    ) throws(StoreError) -> RetentionPart {
        try fenced(token, "dropping old readings") { session, connection throws(StoreError) in
            if cursor == nil { try SilenceTable.forget(endedBefore: time, session, connection) }
            let cut = Self.startOfStretch(time)
            let series = try Self.series(after: cursor?.series ?? 0, session, connection)
            var left = StoreLimits.retentionRowsMax
            var done = cursor?.series ?? 0
            for one in series {
                left -= try Self.drop(before: cut, of: one, max: left, session, connection)
                guard left > 0 else { break }
                done = one
            }
            let dropped = StoreLimits.retentionRowsMax - left
            let isTold = cursor?.isTold == true
            if dropped > 0, !isTold {
                let reason = "readings of before \(Instant(microseconds: cut)) are dropped"
                try tell(.drop, job: Self.retentionJob, reason, token, session, connection)
            }
            let isEnd = left > 0 && series.count < StoreLimits.retentionSeriesMax
            let next = RetentionCursor(series: done, isTold: isTold || dropped > 0)
            return RetentionPart(dropped: dropped, next: isEnd ? nil : next)
        }
    }

    private static let retentionJob = "retention"

    private static func startOfStretch(_ time: Instant) -> Int64 {
        let (stretch, rest) = time.microseconds.quotientAndRemainder(dividingBy: StoreLimits.retentionStretch)
        let whole = rest < 0 ? stretch - 1 : stretch
        return whole.multipliedReportingOverflow(by: StoreLimits.retentionStretch).partialValue
    }

    private static func series(
        after series: Int64, _ session: WriteSession, _ connection: Connection
    ) throws(StoreError) -> [Int64] {
        let select = try session.statement("SELECT id FROM series WHERE id > ? ORDER BY id LIMIT ?", connection)
        try select.bind(series, 1)
        try select.bind(Int64(StoreLimits.retentionSeriesMax), 2)
        defer { select.reset() }
        var found: [Int64] = []
        while try select.step() { found.append(select.int64(0)) }
        return found
    }

    /// - Returns: how many; `max` says that there may be more.
    private static func drop(
        before cut: Int64, of series: Int64, max: Int, _ session: WriteSession, _ connection: Connection
    ) throws(StoreError) -> Int {
        // Up to the key of the n-th row; fewer rows than that have no n-th one, then all go.
        let part = try session.statement(
            """
            DELETE FROM readings WHERE series = ?1 AND time < ?2 AND (time, value) <=
                (SELECT time, value FROM readings WHERE series = ?1 AND time < ?2
                 ORDER BY time, value LIMIT 1 OFFSET ?3)
            """, connection)
        try part.bind(series, 1)
        try part.bind(cut, 2)
        try part.bind(Int64(max - 1), 3)
        try part.run()
        let dropped = Int(sqlite3_changes(connection.pointer))
        guard dropped == 0 else { return dropped }
        let rest = try session.statement("DELETE FROM readings WHERE series = ? AND time < ?", connection)
        try rest.bind(series, 1)
        try rest.bind(cut, 2)
        try rest.run()
        return Int(sqlite3_changes(connection.pointer))
    }
}
