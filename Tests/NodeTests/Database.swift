import GRDBSQLite
import NodeHarness

/// The node's SQLite file, read (or held) by somebody else, through the C interface alone.
final class Database {
    private var connection: OpaquePointer?

    init(_ path: String) throws {
        guard sqlite3_open_v2(path, &connection, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK else {
            throw HarnessError("cannot open \(path): \(String(cString: sqlite3_errmsg(connection)))")
        }
        sqlite3_busy_timeout(connection, 10_000)
    }

    deinit {
        sqlite3_close(connection)
    }

    func execute(_ sql: String) throws {
        guard sqlite3_exec(connection, sql, nil, nil, nil) == SQLITE_OK else { throw failure(sql) }
    }

    private func failure(_ sql: String) -> HarnessError {
        HarnessError("\(sql): \(String(cString: sqlite3_errmsg(connection)))")
    }

    private func rows(_ sql: String, _ body: (OpaquePointer?) -> Void) throws {
        var statement: OpaquePointer?
        guard sqlite3_prepare_v2(connection, sql, -1, &statement, nil) == SQLITE_OK else { throw failure(sql) }
        defer { sqlite3_finalize(statement) }
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW: body(statement)
            case SQLITE_DONE: return
            default: throw failure(sql)
            }
        }
    }

    func int(_ sql: String) throws -> Int {
        var value = 0
        try rows(sql) { value = Int(sqlite3_column_int64($0, 0)) }
        return value
    }

    /// Every stored reading. Rows are distinct by the table's key, so the count is one of distinct readings.
    func keys() throws -> KeySum {
        let sql = """
            SELECT devices.name, series.metric, readings.time, readings.value FROM readings
            JOIN series ON series.id = readings.series JOIN devices ON devices.id = series.device
            """
        var sum = KeySum()
        try rows(sql) { row in
            sum.add(
                device: Self.text(row, 0), metric: Self.text(row, 1), time: sqlite3_column_int64(row, 2),
                value: sqlite3_column_double(row, 3))
        }
        return sum
    }

    /// What was said of every reading, by device and time.
    func verdicts() throws -> [String: String] {
        let sql = """
            SELECT devices.name, readings.time, readings.score, readings.result FROM readings
            JOIN series ON series.id = readings.series JOIN devices ON devices.id = series.device
            """
        var verdicts: [String: String] = [:]
        try rows(sql) { row in
            let key = "\(Self.text(row, 0)) \(sqlite3_column_int64(row, 1))"
            verdicts[key] = "\(sqlite3_column_double(row, 2)) \(sqlite3_column_int64(row, 3))"
        }
        return verdicts
    }

    private static func text(_ row: OpaquePointer?, _ column: Int32) -> String {
        guard let bytes = sqlite3_column_text(row, column) else { return "" }
        return String(
            decoding: UnsafeBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(row, column))), as: UTF8.self)
    }
}
