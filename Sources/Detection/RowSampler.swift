import Telemetry

/// Which rows each tree of a forest grows from: ψ of them without replacement, drawn from those that no tree had yet.
///
/// Once fewer than ψ are left, all may be drawn again. Any one tree's sample is as uniform as if it had been drawn
/// afresh, but the forest knows more rows, which steadies its scores as more trees would.
struct RowSampler {
    private let sampleCount: Int
    /// All rows, in some order; the first `taken` of them are used up.
    private var rows: [Int32]
    private var taken = 0

    /// - Precondition: `sampleCount` is at most `rowsCount`.
    init(rowsCount: Int, sampleCount: Int) {
        precondition(sampleCount <= rowsCount, "\(sampleCount) of \(rowsCount) rows")
        self.sampleCount = sampleCount
        rows = (0..<Int32(rowsCount)).map { $0 }
    }

    /// Copies the next sample, column by column: feature f of the sample's row i goes to `columns[f * sampleCount + i]`.
    mutating func draw<Value>(
        from table: UnsafeBufferPointer<Value>, features: Int, into columns: UnsafeMutableBufferPointer<Value>,
        using generator: inout SeededGenerator
    ) {
        let sampleCount = sampleCount
        if rows.count - taken < sampleCount { taken = 0 }
        rows.withUnsafeMutableBufferPointer { rows in
            for index in 0..<sampleCount {
                let place = taken + index
                if sampleCount < rows.count {
                    rows.swapAt(place, place + generator.draw(below: rows.count - place))
                }
                let first = Int(rows[place]) * features
                for feature in 0..<features { columns[feature * sampleCount + index] = table[first + feature] }
            }
        }
        taken += sampleCount
    }
}
