import CLibPQ
import NodeHarness

/// A database of its own on a PostgreSQL server, dropped with this object; and the limit of storing there: libpq, one
/// connection and nothing around it.
final class BenchDatabase {
    /// Of the database, for a node.
    let address: String
    private let server: String
    private let name: String
    private static let epochMicroseconds: Int64 = 946_684_800_000_000

    /// - Parameter server: `postgres://…` of any database there, by a user who may create others.
    init(at server: String) throws {
        self.server = server
        name = "starling_bench_" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
        address = try Self.address(server, database: name)
        try Self.connected(to: server) { try Self.run("CREATE DATABASE \(name)", $0) }
    }

    deinit {
        do {
            try Self.connected(to: server) { try Self.run("DROP DATABASE \(name) WITH (FORCE)", $0) }
        } catch {
            Report.note("drop the database \(name) by hand: \(error)")
        }
    }

    /// The address with another database in it.
    private static func address(_ server: String, database: String) throws -> String {
        guard let start = server.firstRange(of: "://")?.upperBound else {
            throw HarnessError("--store is postgres://…")
        }
        let end = server[start...].firstIndex(of: "?") ?? server.endIndex
        let slash = server[start..<end].firstIndex(of: "/") ?? end
        return server[..<slash] + "/" + database + server[end...]
    }

    // MARK: The limit

    /// Copies `rows` in the order given, in transactions of `rowsPerTransaction`.
    /// - Returns: seconds.
    func copy(_ rows: [BareRow], rowsPerTransaction: Int) throws -> Double {
        let transactions = stride(from: 0, to: rows.count, by: rowsPerTransaction).map { start in
            Self.bytes(of: rows[start..<min(start + rowsPerTransaction, rows.count)])
        }
        return try Self.connected(to: address) { connection in
            try Stopwatch.seconds {
                for bytes in transactions { try Self.copy(bytes, connection) }
            }
        }
    }

    private static func copy(_ bytes: [UInt8], _ connection: OpaquePointer) throws {
        try run("BEGIN", connection)
        try run(
            "COPY readings (series, time, value, score, model, result, late) FROM STDIN (FORMAT binary)", connection,
            expecting: PGRES_COPY_IN)
        let isSent = bytes.withUnsafeBytes {
            PQputCopyData(connection, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32($0.count))
        }
        guard isSent == 1, PQputCopyEnd(connection, nil) == 1 else { throw failure("COPY", connection) }
        while let result = PQgetResult(connection) {
            defer { PQclear(result) }
            guard PQresultStatus(result) == PGRES_COMMAND_OK else { throw failure("COPY", connection) }
        }
        try run("COMMIT", connection)
    }

    /// COPY's binary format (https://www.postgresql.org/docs/current/sql-copy.html).
    private static func bytes(of rows: ArraySlice<BareRow>) -> [UInt8] {
        var bytes: [UInt8] = Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0] + [UInt8](repeating: 0, count: 8)
        func append(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
        }
        func field(_ value: some FixedWidthInteger) {
            append(Int32(value.bitWidth / 8))
            append(value)
        }
        for row in rows {
            append(Int16(7))
            field(row.series)
            field(row.time - epochMicroseconds)
            field(row.value.bitPattern)
            field((0.25).bitPattern)
            field(Int32(1))
            field(Int16(0))
            field(Int8(0))
        }
        append(Int16(-1))
        return bytes
    }

    // MARK: libpq

    private static func connected<Value>(to address: String, _ body: (OpaquePointer) throws -> Value) throws -> Value {
        guard let connection = PQconnectdb(address) else { throw HarnessError("libpq is out of memory") }
        defer { PQfinish(connection) }
        guard PQstatus(connection) == CONNECTION_OK else { throw failure("connecting", connection) }
        return try body(connection)
    }

    private static func run(
        _ sql: String, _ connection: OpaquePointer, expecting status: ExecStatusType = PGRES_COMMAND_OK
    ) throws {
        let result = PQexec(connection, sql)
        defer { PQclear(result) }
        guard PQresultStatus(result) == status else { throw failure(sql, connection) }
    }

    private static func failure(_ doing: String, _ connection: OpaquePointer) -> HarnessError {
        HarnessError("PostgreSQL, \(doing): \(PQerrorMessage(connection).map { String(cString: $0) } ?? "no text")")
    }
}
