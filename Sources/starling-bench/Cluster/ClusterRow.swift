import Simulation

/// One line of the table that the flock must hold.
struct ClusterRow: Sendable {
    let name: String
    let unit: String
    /// For the median and the worst of the runs; nil where no limit was promised for so many nodes.
    let limit: (median: Double, worst: Double)?
    /// One run from a seed; nil when what was waited for did not happen.
    let measure: @Sendable (_ seed: UInt64) -> Double?

    /// Its figures as a line of JSON, and whether the limits held.
    func line(nodes: Int, _ values: [Double?]) -> (text: String, isHeld: Bool) {
        let sorted = values.map { $0 ?? .infinity }.sorted()
        let median = Figure.median(sorted)
        let worst = sorted.last ?? .infinity
        let isHeld = limit.map { median <= $0.median && worst <= $0.worst } ?? true
        let limits = limit.map { "[\(Self.text($0.median)), \(Self.text($0.worst))]" } ?? "null"
        let text = """
            {"row": "\(name)", "n": \(nodes), "median": \(Self.text(median)), "worst": \(Self.text(worst)), \
            "unit": "\(unit)", "runs": \(values.count), "limit": \(limits), "held": \(isHeld)}
            """
        return (text, isHeld)
    }

    private static func text(_ value: Double) -> String {
        value.isFinite ? "\((value * 1_000).rounded() / 1_000)" : "\"never\""
    }
}
