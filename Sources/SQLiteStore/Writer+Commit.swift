import GRDBSQLite
import Logging
import Ports
import Telemetry

extension Writer {
    /// One step of a log's checkpoint, all or nothing; see `ReadingStore.commit`.
    func commit(_ transaction: StoreTransaction) throws(StoreError) -> Checkpoint {
        let count = transaction.readingsCount
        try Self.check(transaction, count)
        let now = clock()
        let done = try self.transaction("storing \(count) readings") { session, connection throws(StoreError) in
            let select = try session.statement(CheckpointRow.ofLog, connection)
            let row = try CheckpointRow.read(transaction.log, select)
            guard var row, row.position == transaction.start, row.writer == transaction.writer else {
                throw Self.conflict(row, transaction)
            }
            var step = CommitStep(session: session, connection: connection, now: now)
            try step.store(transaction)
            row.position = transaction.end
            row.accepted = transaction.accepted
            row.stored &+= step.stored
            row.duplicates &+= step.duplicates
            row.discarded &+= step.discarded
            row.damaged &+= transaction.damaged
            try CheckpointRow.write(row, try session.statement(CheckpointRow.update, connection))
            return (row: row, refusals: step.refusals)
        }
        if let first = done.refusals.first {
            log.warning(
                "the store refused readings; they are in its table quarantine",
                metadata: ["count": "\(done.refusals.count)", "first": "\(first.reason)"])
        }
        return done.row
    }

    private static func conflict(_ row: Checkpoint?, _ transaction: StoreTransaction) -> StoreError {
        let stands =
            if let row {
                "log \(transaction.log) stands at \(row.position) for writer \(row.writer)"
            } else {
                "log \(transaction.log) has no row"
            }
        return StoreError(
            .conflict(row),
            "\(stands), not at \(transaction.start) for \(transaction.writer): read its checkpoint again; if the writer "
                + "is another, look for a second node with a copy of this data folder")
    }

    /// A step whose parts do not add up would break the ledger for ever.
    private static func check(_ transaction: StoreTransaction, _ count: Int) throws(StoreError) {
        let (sum, overflow) = UInt64(count).addingReportingOverflow(transaction.damaged)
        guard !overflow, transaction.end >= transaction.start, transaction.end - transaction.start == sum else {
            throw StoreError(
                .unusable,
                "a transaction of \(count) readings and \(transaction.damaged) damaged ones from \(transaction.start) "
                    + "to \(transaction.end) of log \(transaction.log) does not add up: this is a defect, report it")
        }
    }
}

/// The inside of one commit: what it needs and what it counts.
private struct CommitStep {
    struct Refusal {
        let row: CommitRow
        let reason: String
    }

    let session: WriteSession
    let connection: Connection
    let now: Instant
    var stored: UInt64 = 0
    var duplicates: UInt64 = 0
    var discarded: UInt64 = 0
    var refusals: [Refusal] = []

    mutating func store(_ transaction: StoreTransaction) throws(StoreError) {
        guard let oldest = transaction.batches.map(\.readings.receivedAt).min() else { return }
        let tombstones = try Tombstones(session, connection, since: oldest)
        let directory = SeriesDirectory(session: session, connection: connection)
        try directory.align()
        var rows = CommitRows(reserving: transaction.readingsCount)
        for (number, batch) in transaction.batches.enumerated() {
            var series: [Int64?] = []
            series.reserveCapacity(batch.readings.series.count)
            for one in batch.readings.series {
                let isDeleted = try tombstones.cover(one.device, receivedAt: batch.readings.receivedAt)
                series.append(isDeleted ? nil : try directory.id(of: one, now: now))
            }
            var models: [Int64] = []
            for model in batch.verdicts.models { models.append(try directory.number(of: model)) }
            discarded += rows.append(batch, number: Int32(truncatingIfNeeded: number), series: series, models: models)
        }
        rows.sort()
        try insert(rows.rows)
        if !refusals.isEmpty { try moveToQuarantine(transaction) }
    }

    /// The one loop that runs once a reading.
    private mutating func insert(_ rows: [CommitRow]) throws(StoreError) {
        let insert = try session.statement(
            """
            INSERT INTO readings (series, time, value, score, result, late, model, reason)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (series, time, value) DO NOTHING
            """, connection)
        var counts = ReadingCounts()
        let pointer = insert.pointer
        var series: Int64 = 0
        var storedOfSeries: Int64 = 0
        for row in rows {
            if row.series != series {
                if storedOfSeries > 0 { counts.append(storedOfSeries, to: series) }
                stored += UInt64(storedOfSeries)
                series = row.series
                storedOfSeries = 0
                try insert.bind(series, 1)
            }
            guard row.value.isFinite else {
                refusals.append(Refusal(row: row, reason: "the value is not finite"))
                continue
            }
            // A failed binding would leave the last row's argument in place.
            let bound =
                sqlite3_bind_int64(pointer, 2, row.time) | sqlite3_bind_double(pointer, 3, row.value)
                | sqlite3_bind_double(pointer, 4, row.score) | sqlite3_bind_int(pointer, 5, Int32(row.result))
                | sqlite3_bind_int(pointer, 6, row.isLate ? 1 : 0) | sqlite3_bind_int64(pointer, 7, row.model)
            guard bound == SQLITE_OK else { throw .sqlite(bound, on: connection.pointer) }
            if let reason = row.reason { try insert.bind(reason, 8) } else { sqlite3_bind_null(pointer, 8) }
            let result = sqlite3_step(pointer)
            if result == SQLITE_DONE {
                if sqlite3_changes(connection.pointer) > 0 { storedOfSeries += 1 } else { duplicates += 1 }
            } else if StoreError.refusesRow(result) {
                refusals.append(Refusal(row: row, reason: String(cString: sqlite3_errmsg(connection.pointer))))
            } else {
                let error = StoreError.sqlite(result, on: connection.pointer)
                sqlite3_reset(pointer)
                throw error
            }
            sqlite3_reset(pointer)
        }
        if storedOfSeries > 0 { counts.append(storedOfSeries, to: series) }
        stored += UInt64(storedOfSeries)
        try PendingCounts.write(counts, session, connection)
    }

    private mutating func moveToQuarantine(_ transaction: StoreTransaction) throws(StoreError) {
        discarded += UInt64(refusals.count)
        let room = StoreLimits.quarantineCountMax - Int(try connection.int64("SELECT COUNT(*) FROM quarantine") ?? 0)
        let insert = try session.statement(
            """
            INSERT INTO quarantine (log, position, device, metric, time, value, reason, at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """, connection)
        for refusal in refusals.prefix(max(0, room)) {
            let batch = transaction.batches[Int(refusal.row.batch)]
            let reading = batch.readings[Int(refusal.row.index)]
            try insert.bind(transaction.log.description, 1)
            try insert.bind(Int64(bitPattern: (batch.position + Int(refusal.row.index)).readings), 2)
            try insert.bind(reading.series.device.text, 3)
            try insert.bind(reading.series.metric.text, 4)
            try insert.bind(reading.time.microseconds, 5)
            // As text: a number that is none has no other column.
            try insert.bind("\(reading.value)", 6)
            try insert.bind(refusal.reason, 7)
            try insert.bind(now.microseconds, 8)
            try insert.run()
        }
    }
}

/// Deletions that are younger than the oldest batch of a transaction; mostly none, and then nothing is looked up.
private struct Tombstones {
    private let lookUp: PreparedStatement?

    init(_ session: WriteSession, _ connection: Connection, since oldest: Instant) throws(StoreError) {
        let newest = try session.statement("SELECT MAX(time) FROM tombstones", connection)
        defer { newest.reset() }
        let isNeeded = try newest.step() && !newest.isNull(0) && newest.int64(0) >= oldest.microseconds
        lookUp =
            isNeeded ? try session.statement("SELECT time FROM tombstones WHERE device = ?", connection) : nil
    }

    func cover(_ device: DeviceID, receivedAt: Instant) throws(StoreError) -> Bool {
        guard let lookUp else { return false }
        try lookUp.bind(device.text, 1)
        defer { lookUp.reset() }
        return try lookUp.step() && receivedAt.microseconds <= lookUp.int64(0)
    }
}
