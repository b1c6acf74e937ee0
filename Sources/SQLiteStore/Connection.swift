import GRDBSQLite
import Ports

/// A connection as the statements see it, valid inside one access of GRDB's queue.
struct Connection {
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer?) throws(StoreError) {
        guard let pointer else { throw StoreError(.unavailable, "the connection is closed") }
        self.pointer = pointer
    }

    func prepare(_ sql: String) throws(StoreError) -> PreparedStatement {
        try PreparedStatement(sql, on: pointer, isKept: false)
    }

    /// One or more statements without parameters.
    func execute(_ sql: String) throws(StoreError) {
        let result = sqlite3_exec(pointer, sql, nil, nil, nil)
        guard result == SQLITE_OK else { throw .sqlite(result, on: pointer) }
    }

    /// The first column of the first row, nil without a row.
    func int64(_ sql: String) throws(StoreError) -> Int64? {
        let statement = try prepare(sql)
        return try statement.step() ? statement.int64(0) : nil
    }

    var isInTransaction: Bool { sqlite3_get_autocommit(pointer) == 0 }
}
