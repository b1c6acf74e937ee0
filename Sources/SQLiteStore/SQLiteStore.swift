import GRDB
package import HashRing
package import Logging
package import Ports
import Synchronization
package import Telemetry

/// The embedded store: one SQLite file, shared by the nodes of one machine.
///
/// One connection writes and a few read; write-ahead logging lets them not wait for each other, `synchronous=FULL`
/// makes a commit durable. Nodes take turns to write (`WriteTurn`).
package final class SQLiteStore: ReadingStore {
    private struct State {
        var readers: Readers?
        var flock: FlockID?
        var isClosed = false
        var isReachable = false
    }

    private let path: String
    private let log: Logger
    let writer: Writer
    private let state = Mutex(State())

    /// - Parameters:
    ///   - path: of the file; it and its folder are made if they are missing.
    ///   - clock: the store's clock, which is the machine's; tests bring their own.
    package init(
        path: String, logger: Logger, clock: @escaping @Sendable () -> Instant = { MachineClock.now() }
    ) {
        self.path = path
        log = logger
        writer = Writer(path: path, log: logger, clock: clock)
    }

    package let kind = StoreKind(name: "sqlite", timescale: .none)

    package var isReachable: Bool { state.withLock { $0.isReachable } }

    package func prepare() async throws(StoreError) -> FlockID {
        let flock = try await reaching { () async throws(StoreError) in
            let opened = try await self.writer.prepare()
            return try self.state.withLock { state throws(StoreError) in
                if let known = state.flock, known != opened.flock {
                    throw StoreError(
                        .unusable, "\(self.path) was flock \(known) and is \(opened.flock) now: put the old file back")
                }
                state.flock = opened.flock
                state.readers = Readers(pool: opened.pool, path: self.path)
                return opened.flock
            }
        }
        await sweep(for: StoreLimits.sweepOnPrepareMicroseconds)
        return flock
    }

    package func close() async {
        state.withLock {
            $0.isClosed = true
            $0.isReachable = false
        }
        await writer.close()
        state.withLock { $0.readers = nil }
    }

    // MARK: Writing

    package func claim(
        log: LogID, from old: WriterID, by writer: WriterID
    ) async throws(StoreError) -> Checkpoint? {
        try await reaching { () async throws(StoreError) in
            try await self.writer.claim(log: log, from: old, by: writer)
        }
    }

    package func register(
        log: LogID, node: String, by writer: WriterID, replacing replaced: LogID?
    ) async throws(StoreError) -> Checkpoint {
        try await reaching { () async throws(StoreError) in
            try await self.writer.register(log: log, node: node, by: writer, replacing: replaced)
        }
    }

    package func commit(_ transaction: StoreTransaction) async throws(StoreError) -> Checkpoint {
        try await reaching { () async throws(StoreError) in try await self.writer.commit(transaction) }
    }

    /// In transactions of their own, so that no other writer waits for all of them.
    package func flush(latest rows: [LatestRow]) async throws(StoreError) -> [Series] {
        let unknown = try await reaching { () async throws(StoreError) in
            var rest = rows[...]
            var unknown: [Series] = []
            while !rest.isEmpty {
                unknown += try await self.writer.flush(rest.prefix(StoreLimits.flushRowsPerTransaction))
                rest = rest.dropFirst(StoreLimits.flushRowsPerTransaction)
            }
            return unknown
        }
        await sweep(for: 0)
        return unknown
    }

    package func delete(_ device: DeviceID, isKnown: Bool) async throws(StoreError) -> Instant? {
        try await reaching { () async throws(StoreError) in
            try await self.writer.entomb(device, isKnown: isKnown)
        }
    }

    package func deletions() async throws(StoreError) -> Int64 {
        try await read("reading the count of deletions") { connection throws(StoreError) in
            let select = try connection.prepare("SELECT deletions FROM flock WHERE id = 1")
            return try select.step() ? select.int64(0) : 0
        }
    }

    package func sweep(for microseconds: Int64) async {
        let deadline = MachineClock.monotonic().advanced(byMicroseconds: microseconds)
        do {
            while try await writer.sweep(), MachineClock.monotonic() < deadline {}
        } catch {
            log.warning("deleted readings are left in the file for later", metadata: ["error": "\(error)"])
        }
    }

    // MARK: Reading

    /// What readers see was synced before. But they look past a transaction that is under way: it goes first.
    package func checkpoint(of log: LogID) async throws(StoreError) -> Checkpoint? {
        await writer.settle()
        return try await read("reading the checkpoint of \(log)") { connection throws(StoreError) in
            try CheckpointRow.read(log, try connection.prepare(CheckpointRow.ofLog))
        }
    }

    package func checkpoints() async throws(StoreError) -> [Checkpoint] {
        try await read("reading checkpoints") { connection throws(StoreError) in
            let select = try connection.prepare(CheckpointRow.all)
            var rows: [Checkpoint] = []
            while try select.step() { rows.append(try CheckpointRow.row(select)) }
            return rows
        }
    }

    package func latest(in slots: [Slot]) async throws(StoreError) -> [LatestRow] {
        try await read("reading latest rows") { connection throws(StoreError) in
            let select = try connection.prepare(LatestSQL.ofSlot)
            var rows: [LatestRow] = []
            for slot in Set(slots).sorted() {
                try select.bind(Int64(slot.number), 1)
                while try select.step() { rows.append(LatestSQL.row(select)) }
                select.reset()
            }
            return rows
        }
    }

    package func tombstones(in slots: [Slot], limit: Int) async throws(StoreError) -> [Tombstone] {
        let search = TombstoneSearch(slots: slots, limit: limit)
        return try await read("reading tombstones") { connection throws(StoreError) in try search.run(connection) }
    }

    package func history(
        of series: Series, from: Instant, to: Instant, after: HistoryPoint?, limit: Int
    ) async throws(StoreError) -> [HistoryPoint] {
        let query = HistoryQuery(series: series, from: from, to: to, after: after, limit: limit)
        return try await read("reading history") { connection throws(StoreError) in try query.run(connection) }
    }

    package func anomalies(_ query: AnomalyQuery) async throws(StoreError) -> [AnomalyRow] {
        try await read("reading anomalies") { connection throws(StoreError) in
            try AnomalySearch(query: query).run(connection)
        }
    }

    package func devices(after: DeviceID?, limit: Int) async throws(StoreError) -> [DeviceRow] {
        try await read("reading devices") { connection throws(StoreError) in
            try DeviceListing.page(after: after, limit: limit, connection)
        }
    }

    package func device(_ device: DeviceID) async throws(StoreError) -> DeviceRow? {
        try await read("reading device \(device)") { connection throws(StoreError) in
            try DeviceListing.one(device, connection)
        }
    }

    // MARK: Both

    func read<T: Sendable>(
        _ doing: String, _ body: @escaping @Sendable (Connection) throws(StoreError) -> T
    ) async throws(StoreError) -> T {
        let readers = try state.withLock { state throws(StoreError) in
            guard !state.isClosed else { throw Writer.closed }
            guard let readers = state.readers else { throw Writer.unopened }
            return readers
        }
        return try await reaching { () async throws(StoreError) in try await readers.read(doing, body) }
    }

    /// Notes whether the call reached the store.
    func reaching<T>(_ call: () async throws(StoreError) -> T) async throws(StoreError) -> T {
        do throws(StoreError) {
            let result = try await call()
            note(isReachable: true)
            return result
        } catch {
            note(isReachable: error.code.isAnswer)
            throw error
        }
    }

    private func note(isReachable: Bool) {
        state.withLock { $0.isReachable = isReachable && !$0.isClosed }
    }
}
