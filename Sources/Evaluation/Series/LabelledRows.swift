package import Telemetry

/// What one device sent over time, several metrics a row, and which rows were anomalous.
package struct LabelledRows: Hashable, Sendable {
    package let name: String
    package let metrics: [Metric]
    /// n, as they were measured.
    package let times: [Instant]
    /// Row-major, n × metrics; NaN is a missing value.
    package let rows: [Double]
    /// n, true = anomaly.
    package let labels: [Bool]

    /// - Throws: if columns differ in length.
    package init(
        name: String, metrics: [Metric], times: [Instant], rows: [Double], labels: [Bool]
    ) throws(EvaluationError) {
        guard times.count == labels.count else {
            throw .unequalCounts(what: "times", count: times.count, expected: labels.count)
        }
        guard rows.count == labels.count * metrics.count else {
            throw .unequalCounts(what: "values", count: rows.count, expected: labels.count * metrics.count)
        }
        (self.name, self.metrics, self.times) = (name, metrics, times)
        (self.rows, self.labels) = (rows, labels)
    }

    /// The values of one row.
    package func row(_ index: Int) -> [Double] {
        Array(rows[index * metrics.count..<(index + 1) * metrics.count])
    }

    /// Reads an experiment as the Skoltech Anomaly Benchmark keeps it: `;` between fields, a head line with `datetime`,
    /// the channels, `anomaly` and `changepoint`; times like `2020-02-08 17:47:44`. An empty field is a missing value.
    ///
    /// - Throws: `.unreadableHead`, or `.unreadableRow` with the row's number.
    package init(name: String, skab text: String) throws(EvaluationError) {
        let lines = text.split(whereSeparator: \.isNewline)
        let head = (lines.first ?? "").split(separator: ";", omittingEmptySubsequences: false)
        guard head.first == "datetime", let anomaly = head.firstIndex(of: "anomaly"), anomaly > 1 else {
            throw .unreadableHead(series: name)
        }
        let metrics = head[1..<anomaly].compactMap { Metric(String($0)) }
        guard metrics.count == anomaly - 1 else { throw .unreadableHead(series: name) }
        var (times, rows, labels): ([Instant], [Double], [Bool]) = ([], [], [])
        for line in lines.dropFirst() {
            let fields = line.split(separator: ";", omittingEmptySubsequences: false)
            guard fields.count == head.count, let time = Instant(rfc3339: String(fields[0]) + "Z"),
                let label = Double(fields[anomaly])
            else { throw .unreadableRow(series: name, row: times.count) }
            for field in fields[1..<anomaly] {
                guard let value = field.isEmpty ? .nan : Double(field) else {
                    throw .unreadableRow(series: name, row: times.count)
                }
                rows.append(value)
            }
            times.append(time)
            labels.append(label > 0.5)
        }
        try self.init(name: name, metrics: metrics, times: times, rows: rows, labels: labels)
    }

    /// Reads the motes of a labelled single-hop sensor network (Suthaharan et al., "Labelled data collection for anomaly
    /// detection in wireless sensor networks", ISSNIP 2010): `reading,mote_id,indoor,humidity,temperature,label` with
    /// a head line, a reading each five seconds.
    ///
    /// - Returns: one a mote, by the mote's number.
    /// - Throws: `.unreadableHead`, or `.unreadableRow` with the row's number in the file.
    package static func motes(name: String, csv text: String) throws(EvaluationError) -> [LabelledRows] {
        let lines = text.split(whereSeparator: \.isNewline)
        guard lines.first == "reading,mote_id,indoor,humidity,temperature,label" else {
            throw .unreadableHead(series: name)
        }
        var motes: [Int: (times: [Instant], rows: [Double], labels: [Bool])] = [:]
        for (row, line) in lines.dropFirst().enumerated() {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            guard fields.count == 6, let reading = Int64(fields[0]), (0...Self.readingMax).contains(reading),
                let mote = Int(fields[1]), let humidity = Double(fields[3]), let temperature = Double(fields[4]),
                let label = Int(fields[5])
            else { throw .unreadableRow(series: name, row: row) }
            motes[mote, default: ([], [], [])].times.append(Instant(microseconds: reading * Self.readingMicroseconds))
            motes[mote]?.rows.append(humidity)
            motes[mote]?.rows.append(temperature)
            motes[mote]?.labels.append(label == 1)
        }
        let metrics = [Metric(unchecked: "humidity"), Metric(unchecked: "temperature")]
        var found: [LabelledRows] = []
        for (mote, columns) in motes.sorted(by: { $0.key < $1.key }) {
            found.append(
                try LabelledRows(
                    name: "\(name)/\(mote)", metrics: metrics, times: columns.times, rows: columns.rows,
                    labels: columns.labels))
        }
        return found
    }

    private static let readingMicroseconds: Int64 = 5_000_000
    private static let readingMax: Int64 = 1 << 40
}
