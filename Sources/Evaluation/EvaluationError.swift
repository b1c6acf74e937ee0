/// Why scores cannot be judged. Rows count from 0.
package enum EvaluationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The columns that belong together are not equally long.
    case unequalCounts(what: String, count: Int, expected: Int)
    /// A ranking needs both kinds: at least one anomaly and one ordinary row.
    case oneKindOnly(anomalies: Int, rows: Int)
    /// A score that is not a number has no rank.
    case notANumber(row: Int)
    /// A first line that does not name the columns expected.
    case unreadableHead(series: String)
    /// A line whose fields are not what the first line promises.
    case unreadableRow(series: String, row: Int)
    /// Windows that do not fit the rows: ends that are none of them, out of order, or overlapping.
    case badWindows(series: String)

    package var description: String {
        switch self {
        case .unequalCounts(let what, let count, let expected): "\(count) \(what), expected \(expected)"
        case .oneKindOnly(let anomalies, let rows): "\(anomalies) anomalies in \(rows) rows: both kinds are needed"
        case .notANumber(let row): "the score of row \(row) is not a number"
        case .unreadableHead(let series): "\(series) does not begin with the columns expected"
        case .unreadableRow(let series, let row): "row \(row) of \(series) cannot be read"
        case .badWindows(let series): "the windows of \(series) do not fit its rows"
        }
    }
}
