import GRDBSQLite
import NodeHarness

/// A row of `readings` but for its verdict, which is the same for all here.
struct BareRow {
    let series: Int64
    /// Microseconds since 1970.
    let time: Int64
    let value: Double
}

/// The limit of storing: SQLite's C interface and nothing around it, with the table, the indexes and the settings that
/// the node has.
final class BareSQLite {
    private var connection: OpaquePointer?

    /// - Parameter model: a node's database, whose table this one takes over.
    init(path: String, tableOf model: String) throws {
        try open(path)
        try execute("PRAGMA journal_mode = WAL")
        try execute("PRAGMA synchronous = FULL")
        // As the node has them; SQLite's own, which are smaller, would make the limit lower.
        try execute("PRAGMA cache_size = -32768")
        try execute("PRAGMA wal_autocheckpoint = 2000")
        try execute("ATTACH '\(model)' AS model")
        let statements = try texts("SELECT sql FROM model.sqlite_master WHERE tbl_name = 'readings' AND sql NOT NULL")
        guard statements.count >= 3 else { throw HarnessError("\(model) has no table readings with its indexes") }
        try execute("DETACH model")
        for statement in statements { try execute(statement) }
    }

    deinit {
        sqlite3_close(connection)
    }

    private func open(_ path: String) throws {
        guard sqlite3_open_v2(path, &connection, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nil) == SQLITE_OK else {
            throw failure("opening \(path)")
        }
    }

    private func failure(_ doing: String) -> HarnessError {
        HarnessError("bare SQLite, \(doing): \(String(cString: sqlite3_errmsg(connection)))")
    }

    private func execute(_ sql: String) throws {
        guard sqlite3_exec(connection, sql, nil, nil, nil) == SQLITE_OK else { throw failure(sql) }
    }

    private func prepare(_ sql: String) throws -> OpaquePointer? {
        var statement: OpaquePointer?
        guard sqlite3_prepare_v2(connection, sql, -1, &statement, nil) == SQLITE_OK else { throw failure(sql) }
        return statement
    }

    private func texts(_ sql: String) throws -> [String] {
        let statement = try prepare(sql)
        defer { sqlite3_finalize(statement) }
        var texts: [String] = []
        while sqlite3_step(statement) == SQLITE_ROW {
            if let text = sqlite3_column_text(statement, 0) { texts.append(String(cString: text)) }
        }
        return texts
    }

    /// Inserts `rows` in the order given, in transactions of `rowsPerTransaction`, each synced.
    /// - Returns: seconds.
    func insert(_ rows: [BareRow], rowsPerTransaction: Int) throws -> Double {
        let insert = try prepare(
            "INSERT INTO readings (series, time, value, score, result, late, model) VALUES (?, ?, ?, ?, ?, ?, ?)")
        defer { sqlite3_finalize(insert) }
        return try Stopwatch.seconds {
            for start in stride(from: 0, to: rows.count, by: rowsPerTransaction) {
                try execute("BEGIN IMMEDIATE")
                for row in rows[start..<min(start + rowsPerTransaction, rows.count)] {
                    sqlite3_bind_int64(insert, 1, row.series)
                    sqlite3_bind_int64(insert, 2, row.time)
                    sqlite3_bind_double(insert, 3, row.value)
                    sqlite3_bind_double(insert, 4, 0.25)
                    sqlite3_bind_int(insert, 5, 0)
                    sqlite3_bind_int(insert, 6, 0)
                    sqlite3_bind_int64(insert, 7, 1)
                    guard sqlite3_step(insert) == SQLITE_DONE else { throw failure("an insert") }
                    sqlite3_reset(insert)
                }
                try execute("COMMIT")
            }
        }
    }
}
