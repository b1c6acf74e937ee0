/// The score of a forest over one feature, as the step function that it is: between two neighbouring splits of all
/// trees, every value falls into the same leaves. One binary search takes the place of a walk through each tree.
///
/// The sums are taken tree by tree in the order of the walk, so the scores are the same bits.
struct ForestSteps: Hashable, Sendable {
    /// Additions that laying out may cost, trees × steps: some tens of milliseconds. A forest of 100 trees over 256 rows
    /// takes 2.5 million; a larger import keeps walking.
    static let additionsMax = 1 << 26

    /// Every split of every tree, rising, each once. Step i is (splits[i − 1], splits[i]], the last is open upwards.
    private let splits: SplitIndex
    /// Per step, what a value there scores; one more than `splits`.
    private let scores: [Double]
    /// What a missing value scores.
    private let missing: Double

    /// - Parameters:
    ///   - forest: one over one feature.
    ///   - missing: what it scores a missing value.
    /// - Returns: nil if laying it out would take more than `additionsMax`.
    init?(of forest: IsolationForest, missing: Double) {
        precondition(forest.features == 1, "\(forest.features) features on one axis")
        let most = forest.nodes.count / 2 + 1
        guard forest.treesCount <= Self.additionsMax / most else { return nil }
        var pieces: [Piece] = []
        pieces.reserveCapacity(most + forest.treesCount)
        var ends = [0]
        for root in forest.roots {
            Piece.append(Int(root), of: forest, from: -.infinity, to: .infinity, onto: &pieces)
            ends.append(pieces.count)
        }
        let sorted = Self.distinct(pieces.map(\.end).filter { $0 < .infinity }.sorted())
        let splits = SplitIndex(sorted)
        var sums = [Double](repeating: 0, count: sorted.count + 1)
        sums.withUnsafeMutableBufferPointer { sums in
            for tree in 1..<ends.count {
                var start = 0
                for piece in pieces[ends[tree - 1]..<ends[tree]] {
                    let end = piece.end == .infinity ? sorted.count : splits.countBelow(piece.end)
                    for step in start...end { sums[step] += piece.height }
                    start = end + 1
                }
            }
        }
        self.splits = splits
        scores = sums.map { forest.score(heightSum: $0) }
        self.missing = missing
    }

    /// The score of a value; the same bits as the trees'.
    func score(_ value: Float) -> Double {
        value.isNaN ? missing : scores[splits.countBelow(value)]
    }

    private static func distinct(_ sorted: [Float]) -> [Float] {
        var kept: [Float] = []
        kept.reserveCapacity(sorted.count)
        for value in sorted where kept.last != value { kept.append(value) }
        return kept
    }
}

extension ForestSteps {
    /// Values up to `end` (from where the last piece ended) that end in one leaf of a tree.
    private struct Piece {
        var end: Float
        var height: Double

        /// Appends the pieces of a subtree from left to right. A document may hold splits that no value reaches: they make
        /// no piece.
        static func append(
            _ index: Int, of forest: IsolationForest, from low: Float, to high: Float, onto pieces: inout [Piece]
        ) {
            let node = forest.nodes[index]
            let left = Int(node.left)
            guard left != index else {
                pieces.append(Piece(end: high, height: forest.heights[index]))
                return
            }
            if node.threshold > low {
                append(left, of: forest, from: low, to: min(node.threshold, high), onto: &pieces)
            }
            if node.threshold < high {
                append(left + 1, of: forest, from: max(node.threshold, low), to: high, onto: &pieces)
            }
        }
    }
}
