import Ports
import Telemetry

/// Rows in the binary format of COPY (https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.4).
struct CopyRows {
    static let columns = "series, time, value, score, model, result, late, reason"
    private static let header: [UInt8] =
        Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0] + [UInt8](repeating: 0, count: 8)
    private static let trailer: [UInt8] = [0xFF, 0xFF]
    /// A count of fields, and of each its length and its bytes.
    private static let rowBytesMax = 2 + 8 * 4 + (8 + 8 + 8 + 8 + 4 + 2 + 1) + Verdict.reasonUTF8CountMax

    private let link: Link
    /// Filled and sent again and again.
    private var chunk: [UInt8]

    init(_ link: Link) {
        self.link = link
        chunk = [UInt8](repeating: 0, count: max(PostgresLimits.copyChunkBytes, Self.rowBytesMax))
    }

    /// - Returns: how many rows the server took: all.
    mutating func send(_ rows: ArraySlice<CommitRow>) throws(Failure) -> Int {
        try send(Self.header, Self.header.count)
        var rest = rows
        while !rest.isEmpty {
            let filled = chunk.withUnsafeMutableBytes { bytes in
                var place = FieldWriter(bytes: bytes)
                while place.offset <= bytes.count - Self.rowBytesMax, let row = rest.popFirst() { place.write(row) }
                return place.offset
            }
            try send(chunk, filled)
        }
        try send(Self.trailer, Self.trailer.count)
        return try link.endCopy()
    }

    private func send(_ bytes: [UInt8], _ count: Int) throws(Failure) {
        let result: Result<Void, Failure> = bytes.withUnsafeBytes { all in
            do throws(Failure) {
                return .success(try link.copy(UnsafeRawBufferPointer(rebasing: all[..<count])))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }
}

private struct FieldWriter {
    let bytes: UnsafeMutableRawBufferPointer
    private(set) var offset = 0

    init(bytes: UnsafeMutableRawBufferPointer) {
        self.bytes = bytes
    }

    mutating func write(_ row: CommitRow) {
        put(8 as Int16)
        field(row.series)
        field(PostgresTime.wire(row.time))
        field(row.value.bitPattern)
        field(row.score.bitPattern)
        field(row.model)
        field(Int16(row.result))
        field(row.isLate ? 1 : 0 as UInt8)
        guard let reason = row.reason else { return put(-1 as Int32) }
        let text = reason.utf8
        put(Int32(text.count))
        for byte in text { put(byte) }
    }

    private mutating func field(_ value: some FixedWidthInteger) {
        put(Int32(value.bitWidth / 8))
        put(value)
    }

    private mutating func put<Value: FixedWidthInteger>(_ value: Value) {
        bytes.storeBytes(of: value.bigEndian, toByteOffset: offset, as: Value.self)
        offset += MemoryLayout<Value>.size
    }
}
