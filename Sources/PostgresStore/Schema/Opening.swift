import Logging
import Ports
import Telemetry

/// Brings the schema up to date. Any number of nodes may do so at once: an advisory lock puts them in a line, and all
/// but the first find nothing to do.
enum Opening {
    struct Opened: Sendable {
        let flock: FlockID
        let timescale: StoreKind.Timescale
    }

    /// - Parameter fresh: the identity of a database that has none yet.
    static func prepare(_ link: Link, fresh: FlockID, _ url: PostgresURL, log: Logger) throws(Failure) -> Opened {
        link.patienceMicroseconds = PostgresLimits.migrationAnswerMicroseconds
        defer { link.patienceMicroseconds = PostgresLimits.answerMicroseconds }
        try checkServer(link, url, log: log)
        try Timescale.install(link, log: log)
        let flock = try locked(link) { link throws(Failure) in try migrate(link, fresh: fresh, url) }
        let timescale = try Timescale.mode(link, log: log)
        if timescale == .community { try Timescale.keepSmall(link, log: log) }
        return Opened(flock: flock, timescale: timescale)
    }

    /// One transaction, with the lock and with more patience than others have.
    static func locked<T>(_ link: Link, _ body: (Link) throws(Failure) -> T) throws(Failure) -> T {
        try link.transaction { link throws(Failure) in
            try link.script(
                """
                SET LOCAL statement_timeout = \(PostgresLimits.migrationMilliseconds);
                SET LOCAL lock_timeout = \(PostgresLimits.migrationMilliseconds)
                """)
            try link.query("SELECT 1 FROM (SELECT pg_advisory_xact_lock($1)) AS turn", [AdvisoryLock.migrating])
            return try body(link)
        }
    }

    private static func checkServer(_ link: Link, _ url: PostgresURL, log: Logger) throws(Failure) {
        let server = try link.query(
            """
            SELECT current_setting('server_version_num')::integer, current_setting('server_version'),
                current_setting('server_encoding'), current_schema()::text, current_setting('fsync') = 'on'
            """)
        guard server.int32(0, 0) >= PostgresLimits.oldestServerVersion else {
            throw unusable(
                "\(url) is PostgreSQL \(server.text(0, 1)): version "
                    + "\(PostgresLimits.oldestServerVersion / 10_000) or newer is needed")
        }
        guard server.text(0, 2) == "UTF8" else {
            throw unusable(
                "\(url) has encoding \(server.text(0, 2)): create the database with ENCODING 'UTF8' TEMPLATE template0")
        }
        guard !server.isNull(0, 3) else {
            throw unusable("\(url): none of the schemas in search_path exists: create one, or correct search_path")
        }
        if !server.bool(0, 4) {
            log.warning("the server runs with fsync = off: a power cut there loses what was told stored; turn it on")
        }
    }

    private static func migrate(_ link: Link, fresh: FlockID, _ url: PostgresURL) throws(Failure) -> FlockID {
        let isNew = try !hasTable("flock", link)
        if isNew {
            for table in Migrations.tables where try hasTable(table, link) {
                throw unusable(
                    "\(url) has a table \(table) that is not Starling's: point --store at an empty database")
            }
        }
        var version: Int32 = 0
        if !isNew {
            let row = try link.query("SELECT schema_version FROM flock WHERE id = 1")
            guard row.count == 1 else { throw unusable("\(url) has no flock row: it is damaged, restore a backup") }
            version = row.int32(0, 0)
        }
        guard (0...Migrations.newest).contains(version) else {
            throw unusable(
                "\(url) has schema \(version), this program knows up to \(Migrations.newest): "
                    + "start a newer starling, or another store")
        }
        for step in Migrations.all.dropFirst(Int(version)) { try link.script(step) }
        if isNew {
            try Timescale.shape(link)
            try link.query(
                "INSERT INTO flock (id, uuid, schema_version) VALUES (1, $1, $2)",
                [.uuid(fresh), .int32(Migrations.newest)])
        } else if version < Migrations.newest {
            try link.query("UPDATE flock SET schema_version = $1", [.int32(Migrations.newest)])
        }
        return try identity(link, url)
    }

    /// In the schema where new tables go, wherever else there may be one of that name.
    static func hasTable(_ name: String, _ link: Link) throws(Failure) -> Bool {
        try link.query("SELECT to_regclass(format('%I.%I', current_schema(), $1)) IS NOT NULL", [.text(name)])
            .bool(0, 0)
    }

    static func identity(_ link: Link, _ url: PostgresURL) throws(Failure) -> FlockID {
        let row = try link.query("SELECT uuid FROM flock WHERE id = 1")
        guard row.count == 1 else { throw unusable("\(url) has no flock row: it is damaged, restore a backup") }
        return row.uuid(0, 0)
    }

    /// A connection may lead elsewhere than the one before it: a restored backup, another server behind one name.
    static func check(_ link: Link, belongsTo flock: FlockID, _ url: PostgresURL) throws(Failure) {
        let found = try identity(link, url)
        guard found == flock else {
            throw unusable(
                "\(url) was flock \(flock) and is \(found) now: bring the old database back, or stop this node")
        }
    }

    private static func unusable(_ message: String) -> Failure { .store(StoreError(.unusable, message)) }
}
