import GRDBSQLite

/// SQLite without the store: looks at files, and plays another program.
final class RawDatabase {
    private var connection: OpaquePointer?

    init(_ path: String, isCreated: Bool = false) throws {
        let flags = SQLITE_OPEN_READWRITE | (isCreated ? SQLITE_OPEN_CREATE : 0)
        try check(sqlite3_open_v2(path, &connection, flags, nil))
    }

    deinit {
        sqlite3_close_v2(connection)
    }

    func execute(_ sql: String) throws {
        try check(sqlite3_exec(connection, sql, nil, nil, nil))
    }

    /// The first column of every row.
    func numbers(_ sql: String) throws -> [Int64] {
        var statement: OpaquePointer?
        try check(sqlite3_prepare_v2(connection, sql, -1, &statement, nil))
        defer { sqlite3_finalize(statement) }
        var numbers: [Int64] = []
        while sqlite3_step(statement) == SQLITE_ROW { numbers.append(sqlite3_column_int64(statement, 0)) }
        return numbers
    }

    func texts(_ sql: String) throws -> [String] {
        var statement: OpaquePointer?
        try check(sqlite3_prepare_v2(connection, sql, -1, &statement, nil))
        defer { sqlite3_finalize(statement) }
        var texts: [String] = []
        while sqlite3_step(statement) == SQLITE_ROW {
            texts.append(sqlite3_column_text(statement, 0).map { String(cString: $0) } ?? "")
        }
        return texts
    }

    private func check(_ result: Int32) throws {
        guard result == SQLITE_OK else {
            throw RawError(description: "\(result): \(String(cString: sqlite3_errmsg(connection)))")
        }
    }
}

struct RawError: Error, CustomStringConvertible {
    let description: String
}
