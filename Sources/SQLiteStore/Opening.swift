import GRDB
import GRDBSQLite
import Ports
import Telemetry

/// Opens the connections and brings the schema up to date. The caller has the turn to write: a new file that two nodes
/// open at once would answer one of them "locked" while the other switches it to write-ahead logging.
enum Opening {
    static func open(_ place: FilePlace) throws(StoreError) -> DatabasePool {
        var configuration = Configuration()
        configuration.label = "starling.sqlite"
        configuration.foreignKeysEnabled = false
        configuration.maximumReaderCount = StoreLimits.readersCountMax
        configuration.busyMode = .timeout(StoreLimits.busyWaitSeconds)
        // GRDB would stop the process if a transaction were ever left open; `WriteSession` sees to it itself.
        configuration.allowsUnsafeTransactions = true
        configuration.prepareDatabase { database in
            let connection = try Connection(database.sqliteConnection)
            if database.configuration.readonly {
                try connection.execute("PRAGMA cache_size = -\(StoreLimits.readerCacheKibibytes)")
            } else {
                try refuseForeign(connection, place)
                try connection.execute(
                    """
                    PRAGMA cache_size = -\(StoreLimits.writerCacheKibibytes);
                    PRAGMA wal_autocheckpoint = \(StoreLimits.walPagesBeforeCheckpoint);
                    PRAGMA journal_size_limit = \(StoreLimits.walBytesKept);
                    """)
            }
            try connection.execute("PRAGMA mmap_size = \(StoreLimits.memoryMapBytes)")
        }
        do {
            let pool = try DatabasePool(path: place.path, configuration: configuration)
            try pool.writeWithoutTransaction { database in
                // After GRDB, which sets NORMAL: that would lose the last transactions in a power cut.
                let connection = try Connection(database.sqliteConnection)
                try connection.execute("PRAGMA synchronous = FULL")
                guard try connection.int64("PRAGMA synchronous") == 2 else {
                    throw StoreError(.unusable, "SQLite would not set synchronous=FULL: commits would not be durable")
                }
            }
            return pool
        } catch {
            throw unopened(error, place)
        }
    }

    /// Runs the steps that are missing, in one transaction, and reads the identity.
    /// - Parameter fresh: the identity of a file that has none yet.
    static func migrate(_ connection: Connection, fresh: FlockID, _ place: FilePlace) throws(StoreError) -> FlockID {
        let isNew = try connection.int64(tablesCount(where: "1")) == 0
        let version = isNew ? 0 : try connection.int64("SELECT schema_version FROM flock WHERE id = 1") ?? -1
        guard (0...Migrations.newest).contains(version) else {
            throw StoreError(
                .unusable,
                version < 0
                    ? "\(place.path) has no flock row: it is damaged, restore a backup"
                    : "\(place.path) has schema \(version), this program knows up to \(Migrations.newest): "
                        + "start a newer starling, or another store")
        }
        for step in Migrations.all.dropFirst(Int(version)) { try connection.execute(step) }
        try Migrations.fillSlots(connection)
        if isNew {
            let insert = try connection.prepare("INSERT INTO flock (id, uuid, schema_version) VALUES (1, ?, ?)")
            try insert.bind(fresh.description, 1)
            try insert.bind(Migrations.newest, 2)
            try insert.run()
        } else if version < Migrations.newest {
            try connection.execute("UPDATE flock SET schema_version = \(Migrations.newest)")
        }
        return try identity(connection, place)
    }

    static func identity(_ connection: Connection, _ place: FilePlace) throws(StoreError) -> FlockID {
        let select = try connection.prepare("SELECT uuid FROM flock WHERE id = 1")
        guard try select.step(), let identity = FlockID(select.text(0)) else {
            throw StoreError(.unusable, "\(place.path) has no readable flock id: it is damaged, restore a backup")
        }
        return identity
    }

    /// Before anything is written: a database of another program stays as it is.
    static func refuseForeign(_ connection: Connection, _ place: FilePlace) throws(StoreError) {
        let all = try connection.int64(tablesCount(where: "1")) ?? 0
        let ours = try connection.int64(tablesCount(where: "name IN ('flock', 'checkpoints')")) ?? 0
        guard all == 0 || ours == 2 else {
            throw StoreError(
                .unusable, "\(place.path) is a database of another program: point --store at another path")
        }
    }

    private static func tablesCount(where condition: String) -> String {
        "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND \(condition)"
    }

    /// What cannot be opened needs a person; what was only busy, full or failing can be tried again.
    private static func unopened(_ error: any Error, _ place: FilePlace) -> StoreError {
        let wrapped = StoreError.wrapping(error, doing: "opening \(place.path)")
        guard let result = (error as? DatabaseError)?.resultCode else { return wrapped }
        switch result {
        case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM: return StoreError(.unusable, wrapped.message)
        default: return wrapped
        }
    }
}
