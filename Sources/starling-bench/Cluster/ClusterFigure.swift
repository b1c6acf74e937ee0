import Foundation

/// One row of the table of membership: what was measured, beside what it must not exceed.
struct ClusterFigure: Encodable {
    let row: String
    let n: Int
    let runs: Int
    let median: Double
    let worst: Double
    let limitMedian: Double
    let limitWorst: Double
    let unit: String

    private enum CodingKeys: String, CodingKey {
        case row, n, runs, median, worst, unit
        case limitMedian = "limit_median"
        case limitWorst = "limit_worst"
    }

    /// - Parameter values: of each run; less is better.
    init(_ row: String, n: Int, unit: String, limit: (median: Double, worst: Double), _ values: [Double]) {
        self.row = row
        self.n = n
        runs = values.count
        median = Self.rounded(Figure.median(values))
        worst = Self.rounded(values.max() ?? .nan)
        limitMedian = limit.median
        limitWorst = limit.worst
        self.unit = unit
    }

    var isWithinLimits: Bool { median <= limitMedian && worst <= limitWorst }

    private static func rounded(_ value: Double) -> Double { (value * 1_000).rounded() / 1_000 }

    func print() {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        guard let line = try? encoder.encode(self) else { return Report.note("\(row) has no JSON form") }
        FileHandle.standardOutput.write(line + [0x0A])
        if !isWithinLimits { Report.note("BEYOND ITS LIMIT: \(row) with \(n) nodes") }
    }
}
