import GRDB
import GRDBSQLite
import Logging
import Ports
import Telemetry

/// What the writer keeps as long as the file is open. Only `Writer`, which is an actor, touches it.
final class WriteSession {
    let place: FilePlace
    let pool: DatabasePool
    let turn: WriteTurn
    var series = SeriesCache()
    var models = ModelIDCache()
    private var statements: [String: PreparedStatement] = [:]

    init(place: FilePlace, pool: DatabasePool, turn: WriteTurn) {
        self.place = place
        self.pool = pool
        self.turn = turn
    }

    /// Runs `body` in one durable transaction, with the turn. If it throws, or the commit fails, nothing of it stays,
    /// and neither do the ids it put into the caches.
    func transaction<T>(
        _ doing: String, _ body: (WriteSession, Connection) throws(StoreError) -> T
    ) throws(StoreError) -> T {
        do {
            try turn.take()
            defer { turn.release() }
            return try pool.writeWithoutTransaction { database in
                let connection = try Connection(database.sqliteConnection)
                try checkFileIsThere(connection)
                do {
                    try statement("BEGIN IMMEDIATE", connection).run()
                    let result = try body(self, connection)
                    try statement("COMMIT", connection).run()
                    return result
                } catch {
                    // Some failures have rolled back already; then this is an error to be ignored.
                    if connection.isInTransaction { try? connection.execute("ROLLBACK") }
                    forget()
                    throw error
                }
            }
        } catch {
            throw StoreError.wrapping(error, doing: doing)
        }
    }

    /// A compiled statement, kept for the life of the connection. The set of texts is fixed, so it is bounded.
    func statement(_ sql: String, _ connection: Connection) throws(StoreError) -> PreparedStatement {
        if let statement = statements[sql] { return statement }
        let statement = try PreparedStatement(sql, on: connection.pointer, isKept: true)
        statements[sql] = statement
        return statement
    }

    /// Ids that another process may have deleted, or that a rollback took back.
    func forget() {
        series.removeAll()
        models.removeAll()
    }

    /// Waits for readers, then closes every connection. With the turn: the last one to leave folds the write-ahead log
    /// into the file, and who opens the file at that moment would find it locked.
    func close(log: Logger) {
        statements = [:]
        let hasTurn = (try? turn.take()) != nil
        defer { if hasTurn { turn.release() } }
        // The last connection to close would do this, but that is a reader, which may not write. No waiting for
        // others: they fold it themselves.
        pool.writeWithoutTransaction { database in
            let connection = try? Connection(database.sqliteConnection)
            try? connection?.execute("PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)")
        }
        do {
            try pool.close()
        } catch {
            log.warning("the store did not close cleanly; nothing is lost", metadata: ["error": "\(error)"])
        }
    }

    /// A removed or replaced file would take transactions that nobody ever sees again.
    private func checkFileIsThere(_ connection: Connection) throws(StoreError) {
        var hasMoved: Int32 = 0
        sqlite3_file_control(connection.pointer, "main", SQLITE_FCNTL_HAS_MOVED, &hasMoved)
        guard hasMoved == 0 else {
            throw StoreError(
                .unusable,
                "\(place.path) was removed or replaced while it was open: put it back, or stop the nodes of this machine"
            )
        }
    }
}
