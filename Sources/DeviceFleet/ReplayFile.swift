import Telemetry

/// The rows of a CSV file `timestamp,value`, as the Numenta Anomaly Benchmark lays them out.
///
/// A first line whose value is no number is the header; the columns called `timestamp` and `value` are then taken from
/// wherever they stand, else the first two. Further columns, quotes, CRLF and a byte-order mark are put up with.
package struct ReplayFile: Hashable, Sendable {
    package let rows: [ReplayRow]
    /// The first `badRowsNamedMax` of `badRowsCount`.
    package let badRows: [BadRow]
    package let badRowsCount: Int

    /// Bad rows that are named one by one; the rest is counted.
    package static let badRowsNamedMax = 20
    /// A larger file is refused before it is read: the rows are held in memory.
    package static let bytesCountMax = 1 << 30

    package init(_ bytes: [UInt8]) {
        var rows: [ReplayRow] = []
        var badRows: [BadRow] = []
        var badRowsCount = 0
        var columns = Columns(timestamp: 0, value: 1)
        var isFirst = true
        for (index, line) in Self.lines(of: bytes).enumerated() {
            let fields = Self.fields(of: line)
            guard fields.contains(where: { !$0.isEmpty }) else { continue }
            defer { isFirst = false }
            if isFirst, let header = Columns(header: fields) {
                columns = header
                continue
            }
            switch Self.row(fields, columns) {
            case .success(let row): rows.append(row)
            case .failure(let problem):
                badRowsCount += 1
                if badRows.count < Self.badRowsNamedMax { badRows.append(.init(line: index + 1, reason: problem.text)) }
            }
        }
        self.rows = rows
        self.badRows = badRows
        self.badRowsCount = badRowsCount
    }

    /// Rows that differ in time or value: what a store holds of them in the end.
    package var distinctRowsCount: Int { Set(rows).count }

    private struct Columns: Hashable {
        let timestamp: Int
        let value: Int

        init(timestamp: Int, value: Int) {
            self.timestamp = timestamp
            self.value = value
        }

        /// - Returns: nil if the line is data: its second field, or the last if there is one only, is a number.
        init?(header fields: [String]) {
            let isData = fields.indices.contains(1) && Double(fields[1]) != nil
            let names = fields.map { $0.lowercased() }
            let timestamp = names.firstIndex(of: "timestamp")
            let value = names.firstIndex(of: "value")
            if isData && timestamp == nil && value == nil { return nil }
            // A broken first row, such as `2013-07-04 00:00:00,`, is a bad row and no header.
            if timestamp == nil, let first = fields.first, ReplayFile.time(first) != nil { return nil }
            self.init(timestamp: timestamp ?? 0, value: value ?? 1)
        }
    }

    private struct Problem: Error {
        let text: String
    }

    private static func row(_ fields: [String], _ columns: Columns) -> Result<ReplayRow, Problem> {
        guard fields.count > max(columns.timestamp, columns.value) else {
            return .failure(Problem(text: "\(fields.count) column(s), expected timestamp,value"))
        }
        guard let time = time(fields[columns.timestamp]) else {
            return .failure(Problem(text: "no timestamp: '\(fields[columns.timestamp].prefix(40))'"))
        }
        guard let value = Double(fields[columns.value]), value.isFinite else {
            return .failure(Problem(text: "no finite number: '\(fields[columns.value].prefix(40))'"))
        }
        return .success(ReplayRow(time: time, value: value == 0 ? 0 : value))
    }

    /// RFC 3339, the same without an offset (`2013-07-04 00:00:00`, which is UTC), or epoch seconds (milliseconds if
    /// over 1e11, as the node reads them).
    static func time(_ text: String) -> Instant? {
        if let time = Instant(rfc3339: text) ?? Instant(rfc3339: text + "Z") { return time }
        guard let number = Double(text), number.isFinite, number >= 0 else { return nil }
        let microseconds = (number > 1e11 ? number * 1e3 : number * 1e6).rounded()
        return microseconds < 9e18 ? Instant(microseconds: Int64(microseconds)) : nil
    }

    private static func lines(of bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let text = bytes.starts(with: mark) ? bytes[mark.count...] : bytes[...]
        return text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    }

    private static func fields(of line: ArraySlice<UInt8>) -> [String] {
        line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map { field in
            var text = String(decoding: field, as: UTF8.self)
            if text.hasSuffix("\r") || text.hasSuffix("\r\n") { text.removeLast() }
            text = text.trimmingSpaces()
            if text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") {
                text = String(text.dropFirst().dropLast())
            }
            return text
        }
    }
}
