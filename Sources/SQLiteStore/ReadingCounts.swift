import Ports

/// How many readings each series got in one transaction, in few bytes: ascending ids as differences, then the count,
/// both as LEB128.
///
/// A transaction writes this one row instead of a counter in each of its thousand series, which cost as much as half
/// of its inserts. `Writer` adds the rows to `series.readings` when enough have come together.
struct ReadingCounts {
    private(set) var series: [(id: Int64, readings: Int64)] = []

    var isEmpty: Bool { series.isEmpty }

    /// - Precondition: ids come in ascending order, as the sorted rows do.
    mutating func append(_ readings: Int64, to id: Int64) {
        precondition(series.last.map { $0.id < id } ?? true, "series \(id) after \(series.last?.id ?? 0)")
        series.append((id, readings))
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(series.count * 3)
        var last: Int64 = 0
        for one in series {
            Self.append(UInt64(bitPattern: one.id &- last), to: &bytes)
            Self.append(UInt64(bitPattern: one.readings), to: &bytes)
            last = one.id
        }
        return bytes
    }

    /// Adds what `bytes` says to `sums`; what cannot be read ends it.
    static func add(_ bytes: [UInt8], to sums: inout [Int64: Int64]) {
        var position = bytes.startIndex
        var id: Int64 = 0
        while let step = number(bytes, &position), let readings = number(bytes, &position) {
            id &+= Int64(bitPattern: step)
            sums[id, default: 0] &+= Int64(bitPattern: readings)
        }
    }

    private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    private static func number(_ bytes: [UInt8], _ position: inout Int) -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < bytes.endIndex, shift < 64 {
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
        }
        return nil
    }
}

/// The table of counts that are not in `series.readings` yet.
enum PendingCounts {
    /// The sums by series.
    static func sums(_ connection: Connection) throws(StoreError) -> [Int64: Int64] {
        let select = try connection.prepare("SELECT counts FROM reading_counts")
        var sums: [Int64: Int64] = [:]
        while try select.step() { ReadingCounts.add(select.bytes(0), to: &sums) }
        return sums
    }

    /// Adds the counts of a transaction, and settles if that was enough.
    static func write(_ counts: ReadingCounts, _ session: WriteSession, _ connection: Connection) throws(StoreError) {
        guard !counts.isEmpty else { return }
        let insert = try session.statement("INSERT INTO reading_counts (series, counts) VALUES (?, ?)", connection)
        try insert.bind(Int64(counts.series.count), 1)
        try insert.bind(counts.bytes, 2)
        try insert.run()
        let total = try session.statement("SELECT COUNT(*), SUM(series) FROM reading_counts", connection)
        _ = try total.step()
        let isMuch =
            total.int64(0) >= StoreLimits.pendingCountsMax || total.int64(1) >= StoreLimits.pendingCountedSeriesMax
        total.reset()
        if isMuch { try settle(session, connection) }
    }

    /// Moves everything into `series.readings`. Series that were deleted meanwhile are not there and stay so.
    static func settle(_ session: WriteSession, _ connection: Connection) throws(StoreError) {
        let sums = try sums(connection).sorted { $0.key < $1.key }
        guard !sums.isEmpty else { return }
        let update = try session.statement("UPDATE series SET readings = readings + ? WHERE id = ?", connection)
        for (id, readings) in sums {
            try update.bind(readings, 1)
            try update.bind(id, 2)
            try update.run()
        }
        try session.statement("DELETE FROM reading_counts", connection).run()
    }
}
