import Detection
import Telemetry

/// Scoring with a forest of 100 trees over 256 rows, beside a bare walk: as many dependent look-ups in a table of the
/// same size, with a comparison each.
enum ForestScoreFigures {
    private static let rowsCount = 1_000
    private static let singles = 2_000
    private static let batches = 10

    static func measure(_ bench: Bench) -> [Figure] {
        [1, 3].flatMap { figures(features: $0, bench) }
    }

    private static func figures(features: Int, _ bench: Bench) -> [Figure] {
        let forest = IsolationForest(
            fit: ForestFitFigures.rows(4_096, features: features), features: features, seed: 5)
        let rows = ForestFitFigures.rows(rowsCount, features: features)
        let single = (0..<rowsCount).map { Array(rows[$0 * features..<($0 + 1) * features]) }
        let walk = BareWalk(forest: forest)
        let one = bench.pairs("forest.score.single.d\(features)") {
            var sum = 0.0
            let seconds = Stopwatch.seconds {
                for index in 0..<singles {
                    let row = single[index % rowsCount]
                    sum += features == 1 ? forest.score(row[0]) : forest.score(row)
                }
            }
            keep(sum)
            return seconds / Double(singles)
        } peer: {
            walk.seconds(rows: singles)
        }
        let many = bench.pairs("forest.score.batch.d\(features)") {
            Stopwatch.secondsEach(batches) { keep(forest.scores(rows: rows)) } / Double(rowsCount)
        } peer: {
            walk.seconds(rows: batches * rowsCount)
        }
        return [("single", one), ("batch", many)].map { name, pairs in
            Figure(
                "forest.score.\(name).d\(features)", unit: "us", better: .less,
                pairs.map { ($0.ours * 1e6, $0.peer * 1e6) })
        }
    }

    /// A table as large as a forest's nodes, walked as often as a row's paths are long.
    private struct BareWalk {
        /// Where to go next, by comparison.
        private var next: [(UInt32, UInt32)]
        private let steps: Int
        private let starts: [Int]

        init(forest: IsolationForest) {
            let count = forest.nodesCount
            var generator = SeededGenerator(seed: 3)
            next = (0..<count).map { _ in
                (UInt32(generator.draw(below: count)), UInt32(generator.draw(below: count)))
            }
            // A row ends, in the mean, this far below the root (Liu, Ting, Zhou 2008, equation 1).
            steps = Int(IsolationForest.averagePathLength(forest.sampleCount).rounded())
            starts = (0..<forest.treesCount).map { $0 * count / forest.treesCount }
        }

        /// - Returns: seconds a row.
        func seconds(rows: Int) -> Double {
            var sum = 0
            let seconds = Stopwatch.seconds {
                next.withUnsafeBufferPointer { next in
                    for row in 0..<rows {
                        for start in starts {
                            var place = start
                            for step in 0..<steps {
                                let (less, more) = next[place]
                                place = Int((row &+ place) & (1 << (step & 7)) == 0 ? less : more)
                            }
                            sum &+= place
                        }
                    }
                }
            }
            keep(sum)
            return seconds / Double(rows)
        }
    }
}
