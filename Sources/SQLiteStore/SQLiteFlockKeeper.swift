import GRDBSQLite
import Glibc
package import Ports
import SerialQueues
package import Telemetry

/// Whose a file is.
package actor SQLiteFlockKeeper: FlockKeeper {
    private nonisolated let executor = SerialQueueExecutor(label: "starling.sqlite.flock")
    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let path: String
    private let clock: @Sendable () -> Instant

    package init(path: String, clock: @escaping @Sendable () -> Instant = { MachineClock.now() }) {
        self.path = path
        self.clock = clock
    }

    package func record() throws(StoreError) -> FlockRecord {
        let place = try existingPlace()
        let isAlone = try OpenFile(place).isAlone()
        // That one is closed by now: it would have kept others out.
        let file = try OpenFile(place)
        return FlockRecord(
            flock: try Self.identity(file.connection, place), isOpenElsewhere: !isAlone,
            lastSign: try Self.lastSign(file.connection), askedAt: clock())
    }

    package func rename(_ old: FlockID, to new: FlockID) throws(StoreError) {
        let place = try existingPlace()
        let turn = try WriteTurn(place)
        try turn.take()
        defer { turn.release() }
        let file = try OpenFile(place)
        let connection = file.connection
        try connection.execute("PRAGMA synchronous = FULL; BEGIN IMMEDIATE")
        // Whatever is thrown below ends the connection, and with it the transaction.
        let found = try Self.identity(connection, place)
        guard found == old else {
            throw StoreError(.unusable, "\(place.path) is flock \(found), and not \(old) any more: look again")
        }
        let update = try connection.prepare("UPDATE flock SET uuid = ? WHERE id = 1")
        try update.bind(new.description, 1)
        try update.run()
        try connection.execute("COMMIT")
    }

    private func existingPlace() throws(StoreError) -> FilePlace {
        guard access(path, F_OK) == 0 else {
            throw StoreError(.unusable, "there is no \(path): name the file of a store")
        }
        return try FilePlace(preparing: path)
    }

    private static func identity(_ connection: Connection, _ place: FilePlace) throws(StoreError) -> FlockID {
        try Opening.refuseForeign(connection, place)
        guard try has("flock", connection) else {
            throw StoreError(.unusable, "\(place.path) is empty: it gets a flock with its first node")
        }
        return try Opening.identity(connection, place)
    }

    private static func lastSign(_ connection: Connection) throws(StoreError) -> Instant? {
        // A file of an older program may lack the other two.
        let pruner =
            try has("jobs", connection)
            ? "UNION ALL SELECT MAX(last_run) FROM jobs UNION ALL SELECT MAX(through) FROM ticks" : ""
        let select = try connection.prepare(
            "SELECT MAX(sign) FROM (SELECT MAX(last_heard) AS sign FROM devices \(pruner))")
        return try select.step() && !select.isNull(0) ? select.time(0) : nil
    }

    private static func has(_ table: String, _ connection: Connection) throws(StoreError) -> Bool {
        try connection.int64("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '\(table)'") == 1
    }
}

/// A connection of its own to a file that is there.
private final class OpenFile {
    let connection: Connection

    init(_ place: FilePlace) throws(StoreError) {
        var pointer: OpaquePointer?
        let result = sqlite3_open_v2(place.path, &pointer, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nil)
        guard result == SQLITE_OK, let pointer else {
            defer { sqlite3_close_v2(pointer) }
            throw .sqlite(result, on: pointer)
        }
        connection = try Connection(pointer)
        sqlite3_busy_timeout(pointer, Int32(StoreLimits.busyWaitSeconds * 1_000))
    }

    deinit {
        sqlite3_close_v2(connection.pointer)
    }

    /// With write-ahead logging whoever has the file open holds a lock on it, idle or not: then nobody can have it alone.
    /// To be closed after it, since this one may now have it so.
    func isAlone() throws(StoreError) -> Bool {
        sqlite3_busy_timeout(connection.pointer, 0)
        let sql = "PRAGMA locking_mode = EXCLUSIVE; SELECT COUNT(*) FROM sqlite_master"
        let result = sqlite3_exec(connection.pointer, sql, nil, nil, nil)
        if result & 0xFF == SQLITE_BUSY { return false }
        guard result == SQLITE_OK else { throw .sqlite(result, on: connection.pointer) }
        return true
    }
}
