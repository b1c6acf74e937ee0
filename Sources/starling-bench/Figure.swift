import Foundation

/// One measured figure beside its limit.
struct Figure: Encodable {
    let name: String
    let value: Double
    let unit: String
    /// What the peer, or the bare loop, reached in the same run; for memory, what may be used.
    let limit: Double
    /// How much of the limit is reached, the median over the runs; more is better.
    let ratio: Double
    let runs: Int

    enum Better { case more, less }

    init(_ name: String, unit: String, better: Better, _ pairs: [(ours: Double, peer: Double)]) {
        self.name = name
        self.unit = unit
        value = Self.median(pairs.map(\.ours))
        limit = Self.median(pairs.map(\.peer))
        ratio = Self.median(pairs.map { better == .more ? $0.ours / $0.peer : $0.peer / $0.ours })
        runs = pairs.count
    }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        guard let last = sorted.indices.last else { return .nan }
        return (sorted[last / 2] + sorted[(last + 1) / 2]) / 2
    }

    /// Values to four digits: the rest is noise.
    private static func rounded(_ value: Double) -> Double {
        guard value.isFinite, value != 0 else { return value }
        let unit = pow(10, (log10(value.magnitude)).rounded(.down) - 3)
        return unit >= 1 ? (value / unit).rounded() * unit : (value / unit).rounded() / (1 / unit).rounded()
    }

    func print() {
        let figure = Figure(
            name: name, value: Self.rounded(value), unit: unit, limit: Self.rounded(limit), ratio: Self.rounded(ratio),
            runs: runs)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        guard let line = try? encoder.encode(figure) else { return Report.note("\(name) has no JSON form") }
        FileHandle.standardOutput.write(line + [0x0A])
    }

    private init(name: String, value: Double, unit: String, limit: Double, ratio: Double, runs: Int) {
        self.name = name
        self.value = value
        self.unit = unit
        self.limit = limit
        self.ratio = ratio
        self.runs = runs
    }
}

/// What is said beside the figures: on standard error, so that the figures can be piped.
enum Report {
    static func note(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }
}
