/// Rows whose anomalies are known, each by itself: their order means nothing.
package struct LabelledPoints: Hashable, Sendable {
    /// Columns of a row.
    package let features: Int
    /// Row-major, n × `features`; NaN is a missing value.
    package let rows: [Double]
    /// n labels, true = anomaly.
    package let labels: [Bool]

    /// - Throws: if the rows are not as many as the labels, or one kind of label is missing.
    package init(rows: [Double], features: Int, labels: [Bool]) throws(EvaluationError) {
        guard features > 0, rows.count == labels.count * features else {
            throw .unequalCounts(what: "values", count: rows.count, expected: labels.count * max(features, 1))
        }
        let anomalies = labels.count { $0 }
        guard anomalies > 0, anomalies < labels.count else {
            throw .oneKindOnly(anomalies: anomalies, rows: labels.count)
        }
        self.rows = rows
        self.features = features
        self.labels = labels
    }

    /// Reads a table with a head line, a row a line, numbers between commas, and the label last: 1 is an anomaly. An empty
    /// field is a missing value.
    ///
    /// - Throws: `.unreadableRow` with the row's number; if one kind of label is missing.
    package init(name: String, csv: String) throws(EvaluationError) {
        var (rows, labels): ([Double], [Bool]) = ([], [])
        var features: Int?
        let lines = csv.utf8.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
        for line in lines.dropFirst() {
            let fields = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            guard fields.count >= 2, fields.count - 1 == features ?? fields.count - 1,
                let label = Double(Substring(fields[fields.count - 1]))
            else { throw .unreadableRow(series: name, row: labels.count) }
            features = fields.count - 1
            for field in fields.dropLast() {
                guard let value = field.isEmpty ? .nan : Double(Substring(field)) else {
                    throw .unreadableRow(series: name, row: labels.count)
                }
                rows.append(value)
            }
            labels.append(label == 1)
        }
        try self.init(rows: rows, features: features ?? 1, labels: labels)
    }
}
