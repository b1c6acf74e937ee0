import Ports
import Telemetry

/// One step of a log's checkpoint, all or nothing; see `ReadingStore.commit`.
struct CommitStep {
    private let link: Link
    private let transaction: StoreTransaction
    private var stored: UInt64 = 0
    private var duplicates: UInt64 = 0
    private var discarded: UInt64 = 0
    /// Readings stored of each series.
    private(set) var counts: [Int64: Int64] = [:]
    /// Of which there were readings that an outline may hold.
    private(set) var late: Set<Int64> = []
    private(set) var refused: [RefusedRow] = []
    /// In the order of the table's key.
    private var rows: [CommitRow] = []

    init(_ transaction: StoreTransaction, on link: Link) {
        self.transaction = transaction
        self.link = link
    }

    mutating func run() throws(Failure) -> Checkpoint {
        try check()
        do throws(Failure) {
            let row = try commit()
            link.unsettledCommits += 1
            return row
        } catch {
            throw link.rolledBack(after: error)
        }
    }

    /// A step whose parts do not add up would break the ledger for ever.
    private func check() throws(Failure) {
        let count = transaction.readingsCount
        let (sum, overflow) = UInt64(count).addingReportingOverflow(transaction.damaged)
        guard !overflow, transaction.end >= transaction.start, transaction.end - transaction.start == sum else {
            throw .store(
                StoreError(
                    .unusable,
                    "\(count) readings and \(transaction.damaged) damaged ones from \(transaction.start) to "
                        + "\(transaction.end) of log \(transaction.log) do not add up: this is a defect, report it"))
        }
    }

    private mutating func commit() throws(Failure) -> Checkpoint {
        let opening = try link.pipeline([
            .init("BEGIN"), DeletionLock.keepOut, CheckpointSQL.lock(transaction.log),
            .init("SELECT deletions, (SELECT max(time) FROM tombstones), now() FROM flock"),
        ])
        let found = CheckpointSQL.row(opening[2])
        guard var row = found, row.position == transaction.start, row.writer == transaction.writer else {
            throw .store(conflict(found))
        }
        let flock = opening[3]
        guard flock.count == 1 else {
            throw .store(StoreError(.unusable, "the flock row is gone: restore a backup"))
        }
        link.names.align(deletions: flock.int64(0, 0))
        try store(newestTombstone: flock.isNull(0, 1) ? nil : flock.time(0, 1))
        row.position = transaction.end
        row.accepted = transaction.accepted
        row.stored &+= stored
        row.duplicates &+= duplicates
        row.discarded &+= discarded
        row.damaged &+= transaction.damaged
        let removal = Outline.removal(for: rows, now: flock.time(0, 2))
        late = removal.series
        let changes = ReadingCounts.statements(counts) + removal.statements
        let ending = changes + [CheckpointSQL.write(row), .init("COMMIT")]
        try Link.checkCommitted(try link.pipeline(ending).last)
        return row
    }

    private func conflict(_ row: Checkpoint?) -> StoreError {
        let stands = row.map { "stands at \($0.position) for writer \($0.writer)" } ?? "has no row"
        return StoreError(
            .conflict(row),
            "log \(transaction.log) \(stands), not at \(transaction.start) for \(transaction.writer): read its "
                + "checkpoint again; if the writer is another, look for a second node with a copy of this data folder")
    }

    private mutating func store(newestTombstone: Instant?) throws(Failure) {
        guard let oldest = transaction.batches.map(\.readings.receivedAt).min() else { return }
        let tombstones = try newestTombstone.map { $0 >= oldest } == true ? self.tombstones(since: oldest) : [:]
        func isDeleted(_ series: Series, _ batch: ScoredBatch) -> Bool {
            tombstones[series.device].map { batch.readings.receivedAt <= $0 } ?? false
        }
        var wanted: Set<Series> = []
        var models: Set<ModelID> = []
        for batch in transaction.batches {
            for series in batch.readings.series where !isDeleted(series, batch) && Self.reasonAgainst(series) == nil {
                wanted.insert(series)
            }
            models.formUnion(batch.verdicts.models)
        }
        let directory = NameDirectory(link: link)
        let ids = try directory.ids(of: wanted)
        let numbers = try directory.numbers(of: models)
        var rows = CommitRows(reserving: transaction.readingsCount)
        for (number, batch) in transaction.batches.enumerated() {
            var badNames: [Int: String] = [:]
            let series = batch.readings.series.enumerated().map { index, series -> Int64? in
                if isDeleted(series, batch) { return nil }
                badNames[index] = Self.reasonAgainst(series)
                return ids[series]
            }
            discarded += rows.append(
                batch, number: number, series: series, badNames: badNames,
                models: batch.verdicts.models.map { numbers[$0] ?? 0 })
        }
        rows.sortAndUnite()
        duplicates = rows.duplicates
        refused = rows.refused
        self.rows = rows.rows
        try insert(self.rows[...])
        try setAside()
    }

    /// When the devices of this transaction were deleted, as far as that can matter.
    private func tombstones(since oldest: Instant) throws(Failure) -> [DeviceID: Instant] {
        let devices = Set(transaction.batches.flatMap { $0.readings.series.map(\.device) })
            .filter { SafeText.isStorable($0.text) }
        let rows = try link.query(
            "SELECT device, time FROM tombstones WHERE device = ANY ($1) AND time >= $2",
            [.texts(devices.map(\.text)), .time(oldest)])
        var times: [DeviceID: Instant] = [:]
        for row in rows.indices { times[DeviceID(unchecked: rows.text(row, 0))] = rows.time(row, 1) }
        return times
    }

    private static func reasonAgainst(_ series: Series) -> String? {
        SafeText.isStorable(series.device.text) && SafeText.isStorable(series.metric.text)
            ? nil : "the name of the device or the metric cannot be stored"
    }

    // MARK: Rows

    /// COPY is twice as fast as anything else, and mostly no row is there yet.
    private mutating func insert(_ rows: ArraySlice<CommitRow>) throws(Failure) {
        guard !rows.isEmpty else { return }
        do throws(Failure) {
            try link.beginCopy("SAVEPOINT load; COPY readings (\(CopyRows.columns)) FROM STDIN (FORMAT binary)")
            var copy = CopyRows(link)
            stored = UInt64(clamping: try copy.send(rows))
            for row in rows { counts[row.series, default: 0] += 1 }
        } catch {
            guard case .server(let state, _) = error, state.isUniqueViolation || state.refusesRow else { throw error }
            try link.script("ROLLBACK TO load")
            try merge(rows)
        }
    }

    /// Adds those rows that are not there. If the server refuses some, they are found by halving.
    private mutating func merge(_ rows: ArraySlice<CommitRow>) throws(Failure) {
        do throws(Failure) {
            let added = try link.pipeline([.init("SAVEPOINT load"), Self.mergeStatement(rows)])[1]
            var count: UInt64 = 0
            for row in added.indices {
                counts[added.int64(row, 0), default: 0] &+= added.int64(row, 1)
                count &+= added.bits(row, 1)
            }
            stored &+= count
            duplicates += UInt64(rows.count) - min(UInt64(rows.count), count)
        } catch {
            guard case .server(let state, let message) = error, state.refusesRow else { throw error }
            try link.script("ROLLBACK TO load")
            if rows.count == 1, let row = rows.first {
                let reason = "\(message) (SQLSTATE \(state))"
                refused.append(RefusedRow(batch: Int(row.batch), index: Int(row.index), reason: reason))
                return
            }
            try merge(rows.prefix(rows.count / 2))
            try merge(rows.dropFirst(rows.count / 2))
        }
    }

    private static func mergeStatement(_ rows: ArraySlice<CommitRow>) -> Link.Statement {
        .init(
            """
            WITH added AS (
                INSERT INTO readings (\(CopyRows.columns))
                SELECT series, time, value, score, model, result, late, nullif(reason, '')
                FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
                    AS rows (series, time, value, score, model, result, late, reason)
                ON CONFLICT (series, time, value) DO NOTHING RETURNING series)
            SELECT series, count(*) FROM added GROUP BY series
            """,
            [
                .int64s(rows.map(\.series)), .times(rows.map(\.time)), .doubles(rows.map(\.value)),
                .doubles(rows.map(\.score)), .int32s(rows.map(\.model)), .int16s(rows.map { Int16($0.result) }),
                .bools(rows.map(\.isLate)), .texts(rows.map { $0.reason ?? "" }),
            ])
    }

    private mutating func setAside() throws(Failure) {
        guard !refused.isEmpty else { return }
        discarded += UInt64(refused.count)
        let count = try link.query("SELECT count(*) FROM quarantine").int64(0, 0)
        let kept = refused.prefix(Int(max(0, PostgresLimits.quarantineCountMax - max(0, count))))
        guard !kept.isEmpty else { return }
        let readings = kept.map { transaction.batches[$0.batch].readings[$0.index] }
        let positions = kept.map { Int64(bitPattern: (transaction.batches[$0.batch].position + $0.index).readings) }
        try link.query(
            """
            INSERT INTO quarantine (log, position, device, metric, time, value, reason, at)
            SELECT $1, position, device, metric, time, value, reason, now()
            FROM unnest($2, $3, $4, $5, $6, $7) AS refused (position, device, metric, time, value, reason)
            """,
            [
                .uuid(transaction.log), .int64s(positions), .texts(readings.map(\.series.device.text)),
                .texts(readings.map(\.series.metric.text)), .times(readings.map(\.time)),
                // As text: a number that is none has no other column that people can read.
                .texts(readings.map { "\($0.value)" }), .texts(kept.map(\.reason)),
            ])
    }
}
