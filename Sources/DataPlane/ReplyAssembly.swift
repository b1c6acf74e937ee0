package import Telemetry

/// The answer to one arrival of a call, put together from the answers of its slots, some of which still warm up.
package struct ReplyAssembly: Hashable, Sendable {
    private let readingsCount: Int
    private var parts: [Int: [Verdict]] = [:]
    private var answeredCount = 0

    package init(readingsCount: Int) {
        self.readingsCount = readingsCount
    }

    /// Takes a slot's answer; the same part again changes nothing.
    package mutating func add(_ part: ScoreCall.Part, _ verdicts: [Verdict]) {
        guard parts.updateValue(verdicts, forKey: part.readings.lowerBound) == nil else { return }
        answeredCount += verdicts.count
    }

    /// Verdicts in the call's order; nil while some are missing.
    package var verdicts: VerdictBatch? {
        guard answeredCount == readingsCount else { return nil }
        var all = VerdictBatch()
        for start in parts.keys.sorted() { for verdict in parts[start] ?? [] { all.append(verdict) } }
        return all
    }
}
