package import Telemetry

/// A recorded series in the order it was measured, and the stretches of it in which something was wrong.
package struct LabelledSeries: Hashable, Sendable {
    package let name: String
    package let times: [Instant]
    package let values: [Double]
    /// Rows, in order and apart from each other.
    package let windows: [ClosedRange<Int>]

    /// - Throws: if columns differ in length, or windows reach beyond the rows or into each other.
    package init(
        name: String, times: [Instant], values: [Double], windows: [ClosedRange<Int>]
    ) throws(EvaluationError) {
        guard times.count == values.count else {
            throw .unequalCounts(what: "times", count: times.count, expected: values.count)
        }
        let areApart = zip(windows, windows.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound }
        guard areApart, windows.allSatisfy({ values.indices.contains($0.lowerBound) && $0.upperBound < values.count })
        else { throw .badWindows(series: name) }
        self.name = name
        self.times = times
        self.values = values
        self.windows = windows
    }

    /// Reads a series as the Numenta Anomaly Benchmark keeps it: `timestamp,value` with a head line, times like
    /// `2014-04-10 07:15:00`; windows as pairs of times of rows.
    ///
    /// - Throws: `.unreadableRow` with the row's number, `.badWindows` if a window's end is no row.
    package init(name: String, csv: String, windows: [[String]]) throws(EvaluationError) {
        var stamps: [Substring] = []
        var times: [Instant] = []
        var values: [Double] = []
        for line in csv.split(whereSeparator: \.isNewline).dropFirst() {
            let fields = line.split(separator: ",")
            guard fields.count == 2, let time = Instant(rfc3339: String(fields[0]) + "Z"),
                let value = Double(fields[1])
            else { throw .unreadableRow(series: name, row: values.count) }
            stamps.append(fields[0])
            times.append(time)
            values.append(value)
        }
        var rows: [ClosedRange<Int>] = []
        for window in windows {
            // Times of windows have a fraction behind, those of rows have none; one that occurs twice is its first row.
            guard window.count == 2, let first = stamps.firstIndex(of: window[0].prefix(Self.stampCount)),
                let last = stamps.firstIndex(of: window[1].prefix(Self.stampCount)), first <= last
            else { throw .badWindows(series: name) }
            rows.append(first...last)
        }
        try self.init(name: name, times: times, values: values, windows: rows)
    }

    private static let stampCount = 19
}
