import Foundation

/// Rows of cells under a header, in columns as wide as their widest cell.
enum TextTable {
    static func text(_ header: [String], _ rows: [[String]]) -> String {
        let all = [header] + rows.map { $0.map(shown) }
        let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            let cells = row.indices.map { column in
                row[column].padding(toLength: widths[column], withPad: " ", startingAt: 0)
            }
            return cells.joined(separator: "  ").trimmingCharacters(in: .whitespaces)
        }.joined(separator: "\n")
    }

    /// Names come from other machines: no control character reaches the terminal.
    static func shown(_ text: String) -> String {
        String(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : Character($0) })
    }
}
