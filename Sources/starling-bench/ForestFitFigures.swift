import Detection
import Telemetry

/// Growing a forest of 100 trees over 256 rows of 3, beside sorting each tree's rows: the comparisons that it needs.
enum ForestFitFigures {
    private static let features = 3
    private static let rowsCount = 1_024
    private static let repetitions = 5

    static func rows(_ count: Int, features: Int) -> [Double] {
        var generator = SeededGenerator(seed: 11)
        return (0..<count * features).map { _ in generator.drawUnit() + generator.drawUnit() + generator.drawUnit() }
    }

    static func measure(_ bench: Bench) -> [Figure] {
        let rows = rows(rowsCount, features: features)
        let keys = (0..<IsolationForest.treesDefault).map { tree in
            (0..<IsolationForest.sampleCountDefault).map { Float(rows[(tree * 7 + $0 * features) % rows.count]) }
        }
        let seconds = bench.pairs("forest.fit") {
            Stopwatch.secondsEach(repetitions) {
                keep(IsolationForest(fit: rows, features: features, seed: 5))
            }
        } peer: {
            Stopwatch.secondsEach(repetitions) { for one in keys { keep(one.sorted()) } }
        }
        return [
            Figure("forest.fit", unit: "ms", better: .less, seconds.map { ($0.ours * 1e3, $0.peer * 1e3) })
        ]
    }
}
