import GRDBSQLite
import Ports
import Telemetry

/// One compiled statement of one connection, freed with this object. Positions count from 1 in parameters and from 0
/// in columns, as SQLite counts them.
///
/// The C interface, not GRDB's rows: a bound argument costs about 15 ns here and some hundreds there, and a node binds
/// seven a reading.
final class PreparedStatement {
    let pointer: OpaquePointer
    private let connection: OpaquePointer

    init(_ sql: String, on connection: OpaquePointer, isKept: Bool) throws(StoreError) {
        var pointer: OpaquePointer?
        let flags = isKept ? UInt32(SQLITE_PREPARE_PERSISTENT) : 0
        let result = sqlite3_prepare_v3(connection, sql, -1, flags, &pointer, nil)
        guard result == SQLITE_OK, let pointer else { throw .sqlite(result, on: connection) }
        self.pointer = pointer
        self.connection = connection
    }

    deinit {
        sqlite3_finalize(pointer)
    }

    // MARK: Parameters

    func bind(_ value: Int64, _ index: Int32) throws(StoreError) {
        try check(sqlite3_bind_int64(pointer, index, value))
    }

    func bind(_ value: Double, _ index: Int32) throws(StoreError) {
        try check(sqlite3_bind_double(pointer, index, value))
    }

    func bind(_ text: String, _ index: Int32) throws(StoreError) {
        var text = text
        let result = text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) {
                // An empty text has no address, and SQLite takes no address for NULL.
                $0.isEmpty
                    ? sqlite3_bind_text(pointer, index, "", 0, Self.copied)
                    : sqlite3_bind_text(pointer, index, $0.baseAddress, Int32(clamping: $0.count), Self.copied)
            }
        }
        try check(result)
    }

    func bind(orNull value: Int64?, _ index: Int32) throws(StoreError) {
        if let value { try bind(value, index) } else { try check(sqlite3_bind_null(pointer, index)) }
    }

    func bind(orNull text: String?, _ index: Int32) throws(StoreError) {
        if let text { try bind(text, index) } else { try check(sqlite3_bind_null(pointer, index)) }
    }

    func bind(_ bytes: [UInt8], _ index: Int32) throws(StoreError) {
        let result = bytes.withUnsafeBytes {
            $0.isEmpty
                ? sqlite3_bind_zeroblob(pointer, index, 0)
                : sqlite3_bind_blob(pointer, index, $0.baseAddress, Int32(clamping: $0.count), Self.copied)
        }
        try check(result)
    }

    // MARK: Steps

    /// - Returns: true if there is a row to read.
    func step() throws(StoreError) -> Bool {
        let result = sqlite3_step(pointer)
        switch result {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default:
            let error = StoreError.sqlite(result, on: connection)
            sqlite3_reset(pointer)
            throw error
        }
    }

    /// Steps once, for statements without rows, and is ready to be run again.
    func run() throws(StoreError) {
        _ = try step()
        sqlite3_reset(pointer)
    }

    /// Ends a walk over rows; a statement left in the middle would keep its snapshot.
    func reset() {
        sqlite3_reset(pointer)
    }

    // MARK: Columns

    func int64(_ column: Int32) -> Int64 { sqlite3_column_int64(pointer, column) }
    func double(_ column: Int32) -> Double { sqlite3_column_double(pointer, column) }
    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(pointer, column) == SQLITE_NULL }

    func textIfAny(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }
    func time(_ column: Int32) -> Instant { Instant(microseconds: int64(column)) }
    func timeIfAny(_ column: Int32) -> Instant? { isNull(column) ? nil : time(column) }

    func text(_ column: Int32) -> String {
        guard let start = sqlite3_column_text(pointer, column) else { return "" }
        let count = Int(sqlite3_column_bytes(pointer, column))
        return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    func bytes(_ column: Int32) -> [UInt8] {
        guard let start = sqlite3_column_blob(pointer, column) else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(pointer, column))))
    }

    private func check(_ result: Int32) throws(StoreError) {
        guard result == SQLITE_OK else { throw .sqlite(result, on: connection) }
    }

    /// SQLITE_TRANSIENT, a cast that Swift cannot import: SQLite copies what it is given.
    private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
}
