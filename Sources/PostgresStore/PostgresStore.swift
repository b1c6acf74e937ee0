package import HashRing
package import Logging
package import Ports
import Synchronization
package import Telemetry

/// The store of a fleet: a PostgreSQL or TimescaleDB server, shared by any number of nodes.
///
/// Each kind of work has a connection and a thread of its own, so that none waits behind another: commits, flushes of
/// `latest`, upkeep (deletions, migrations, models), history, anomalies, the pruner, and all other reading.
package final class PostgresStore: ReadingStore {
    private struct State {
        var opened: Opening.Opened?
        var isClosed = false
        var isReachable = false
    }

    private let url: PostgresURL
    private let log: Logger
    private let writer: Session
    let flusher: Session
    let upkeep: Session
    let historian: Session
    let searcher: Session
    let pruner: Session
    let reader: Session
    private let state = Mutex(State())
    let outlines = Mutex(OutlineQueue())

    /// - Parameter passwordFile: a file whose first line is the password; it goes before the one in the address.
    package init(url: PostgresURL, passwordFile: String? = nil, logger: Logger) {
        self.url = url
        log = logger
        let connector = Connector(url: url, passwordFile: passwordFile)
        func session(_ purpose: String) -> Session { Session(purpose, connector: connector, log: logger) }
        writer = session("writer")
        flusher = session("latest")
        upkeep = session("upkeep")
        historian = session("history")
        searcher = session("anomalies")
        pruner = session("pruner")
        reader = session("reader")
    }

    package var kind: StoreKind {
        StoreKind(name: "postgres", timescale: state.withLock { $0.opened?.timescale } ?? .none)
    }

    package var isReachable: Bool { state.withLock { $0.isReachable } }

    package func prepare() async throws(StoreError) -> FlockID {
        var generator = SystemRandomNumberGenerator()
        let fresh = FlockID(using: &generator)
        let (url, log) = (url, log)
        let opened = try await reaching { () async throws(StoreError) in
            let opened = try await self.upkeep.use("preparing \(url)", of: nil) { link throws(Failure) in
                try Opening.prepare(link, fresh: fresh, url, log: log)
            }
            try self.state.withLock { state throws(StoreError) in
                if let known = state.opened?.flock, known != opened.flock {
                    throw StoreError(
                        .unusable, "\(url) was flock \(known) and is \(opened.flock) now: bring the old database back")
                }
                state.opened = opened
            }
            return opened
        }
        log.info("the store is open", metadata: ["store": "\(url)", "timescaledb": "\(opened.timescale)"])
        await sweep(for: PostgresLimits.sweepOnPrepareMicroseconds)
        return opened.flock
    }

    package func close() async {
        state.withLock {
            $0.isClosed = true
            $0.isReachable = false
        }
        for session in [writer, flusher, upkeep, historian, searcher, pruner, reader] { await session.close() }
    }

    // MARK: Writing

    package func claim(
        log: LogID, from old: WriterID, by writer: WriterID
    ) async throws(StoreError) -> Checkpoint? {
        try await use(self.writer, "claiming log \(log)") { link throws(Failure) in
            try CheckpointSQL.claim(log, from: old, by: writer, link)
        }
    }

    package func register(
        log: LogID, node: String, by writer: WriterID, replacing replaced: LogID?
    ) async throws(StoreError) -> Checkpoint {
        try await use(self.writer, "registering log \(log)") { link throws(Failure) in
            try CheckpointSQL.register(log, node: node, by: writer, replacing: replaced, link)
        }
    }

    package func commit(_ transaction: StoreTransaction) async throws(StoreError) -> Checkpoint {
        let doing = "storing \(transaction.readingsCount) readings"
        let done = try await use(writer, doing) { link throws(Failure) in
            var step = CommitStep(transaction, on: link)
            let row = try step.run()
            let isMuch = link.unsettledCommits >= PostgresLimits.commitsBeforeSettling
            if isMuch { link.unsettledCommits = 0 }
            let (counts, late) = (step.counts, step.late)
            self.outlines.withLock { $0.note(counts, late: late, now: MachineClock.monotonic()) }
            return (row: row, refused: step.refused, isMuch: isMuch)
        }
        if let first = done.refused.first {
            log.warning(
                "the store refused readings; they are in its table quarantine",
                metadata: ["count": "\(done.refused.count)", "first": "\(first.reason)"])
        }
        if done.isMuch { await settle() }
        outlineAhead()
        return done.row
    }

    /// In transactions of their own, so that no deletion waits for all of them.
    package func flush(latest rows: [LatestRow]) async throws(StoreError) -> [Series] {
        var rest = rows[...]
        var unknown: [Series] = []
        var refused = 0
        while !rest.isEmpty {
            let part = Array(rest.prefix(PostgresLimits.flushRowsPerTransaction))
            let done = try await use(flusher, "writing \(part.count) latest rows") { link throws(Failure) in
                try LatestSQL.flush(part, link)
            }
            unknown += done.unknown
            refused += done.refused
            rest = rest.dropFirst(part.count)
        }
        if refused > 0 {
            log.warning(
                "the store cannot hold some latest rows; the readings themselves are kept",
                metadata: ["count": "\(refused)"])
        }
        await settle()
        await sweep(for: 0)
        return unknown
    }

    package func delete(_ device: DeviceID, isKnown: Bool) async throws(StoreError) -> Instant? {
        try await use(upkeep, "deleting device \(device)") { link throws(Failure) in
            try DeletionSQL.entomb(device, isKnown: isKnown, link)
        }
    }

    package func deletions() async throws(StoreError) -> Int64 {
        try await use(flusher, "reading the count of deletions", isRead: true) { link throws(Failure) in
            try link.query("SELECT max(deletions) FROM flock").int64(0, 0)
        }
    }

    /// A failure is no one's: the counts are there, in another table.
    private func settle() async {
        do {
            try await use(upkeep, "adding up counts") { link throws(Failure) in try ReadingCounts.settle(link) }
        } catch {
            log.debug("counts are left for later", metadata: ["error": "\(error)"])
        }
    }

    package func sweep(for microseconds: Int64) async {
        let deadline = MachineClock.monotonic().advanced(byMicroseconds: microseconds)
        do {
            while try await use(
                upkeep, "removing deleted readings",
                { link throws(Failure) in
                    try DeletionSQL.sweep(link)
                }), MachineClock.monotonic() < deadline
            {}
        } catch {
            log.warning("deleted readings are left in the database for later", metadata: ["error": "\(error)"])
        }
    }

    // MARK: Reading

    /// Behind every commit of ours, and behind one that a broken connection may have left under way.
    package func checkpoint(of log: LogID) async throws(StoreError) -> Checkpoint? {
        try await use(writer, "reading the checkpoint of \(log)", isRead: true) { link throws(Failure) in
            let settled = CheckpointSQL.settled(log)
            return CheckpointSQL.row(try link.query(settled.sql, settled.parameters))
        }
    }

    package func checkpoints() async throws(StoreError) -> [Checkpoint] {
        try await use(reader, "reading checkpoints", isRead: true) { link throws(Failure) in
            let rows = try link.query(CheckpointSQL.all)
            return rows.indices.compactMap { CheckpointSQL.row(rows, $0) }
        }
    }

    package func latest(in slots: [Slot]) async throws(StoreError) -> [LatestRow] {
        var rest = Set(slots).sorted()[...]
        var rows: [LatestRow] = []
        while !rest.isEmpty {
            let part = rest.prefix(PostgresLimits.slotsPerQuery)
            rows += try await use(reader, "reading latest rows", isRead: true) { link throws(Failure) in
                try LatestSQL.read(part, link)
            }
            rest = rest.dropFirst(part.count)
        }
        return rows
    }

    package func tombstones(in slots: [Slot], limit: Int) async throws(StoreError) -> [Tombstone] {
        try await use(reader, "reading tombstones", isRead: true) { link throws(Failure) in
            try DeletionSQL.tombstones(in: slots, limit: limit, link)
        }
    }

    package func history(
        of series: Series, from: Instant, to: Instant, after: HistoryPoint?, limit: Int
    ) async throws(StoreError) -> [HistoryPoint] {
        let query = HistoryQuery(series: series, from: from, to: to, after: after, limit: limit)
        return try await use(historian, "reading history", isRead: true) { link throws(Failure) in
            try query.run(link)
        }
    }

    package func anomalies(_ query: AnomalyQuery) async throws(StoreError) -> [AnomalyRow] {
        try await use(searcher, "reading anomalies", isRead: true) { link throws(Failure) in
            try AnomalySearch(query: query).run(link)
        }
    }

    package func devices(after: DeviceID?, limit: Int) async throws(StoreError) -> [DeviceRow] {
        try await use(reader, "reading devices", isRead: true) { link throws(Failure) in
            try DeviceListing.page(after: after, limit: limit, link)
        }
    }

    package func device(_ device: DeviceID) async throws(StoreError) -> DeviceRow? {
        try await use(reader, "reading device \(device)", isRead: true) { link throws(Failure) in
            try DeviceListing.one(device, link)
        }
    }

    // MARK: Both

    func use<T: Sendable>(
        _ session: Session, _ doing: String, isRead: Bool = false,
        _ body: @Sendable (Link) throws(Failure) -> T
    ) async throws(StoreError) -> T {
        let flock = try state.withLock { state throws(StoreError) in
            guard !state.isClosed else { throw Session.closed }
            guard let opened = state.opened else { throw Session.unopened }
            return opened.flock
        }
        return try await reaching { () async throws(StoreError) in
            try await session.use(doing, of: flock, isRead: isRead, body)
        }
    }

    /// Notes whether the call reached the store.
    private func reaching<T>(_ call: () async throws(StoreError) -> T) async throws(StoreError) -> T {
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
