import RealModule

/// An isolation forest: random trees in which an unusual row is alone after few splits.
///
/// Liu, Ting, Zhou, "Isolation Forest", ICDM 2008. Scores mean what scikit-learn's mean (`score_samples`,
/// `decision_function`, `predict`), to the last bits, so that a forest trained there can be judged here and the other
/// way round: a row is cast to float32, goes left at `x <= threshold`, and a missing value (NaN) goes where its node says.
///
/// All trees lie in one array, siblings side by side and a leaf pointing at itself: a step down is one comparison
/// without a branch, and a whole forest of 100 trees over 256 rows stays in the processor's second-level cache.
package struct IsolationForest: Hashable, Sendable {
    /// One place in a tree. 12 bytes; eight levels of one tree fit in the first-level cache many times over.
    struct Node: Hashable, Sendable {
        /// The largest float32 not above the split: `Double(x) <= split` and `x <= threshold` agree for every float32.
        /// `+infinity` in a leaf, so that every number stays there.
        var threshold: Float
        /// Index of the left child, the right one is next to it; the node itself in a leaf.
        var left: UInt32
        /// Column of the row that is compared; 0 in a leaf.
        var feature: UInt16
        /// 1 if a missing value goes left.
        var missingLeft: UInt16
    }

    /// Columns of a row.
    package let features: Int
    /// Rows each tree was grown from: ψ in the paper, `max_samples` in scikit-learn.
    package let sampleCount: Int
    /// Where the alarm line is, in units of `scoreSamples`: `decision = score − offset`, below 0 is an outlier.
    package private(set) var offset: Double
    /// Every node of every tree.
    let nodes: [Node]
    /// Per node, training rows that reached it; read for leaves.
    let samples: [UInt32]
    /// Per node, what a row that ends there adds: depth (root = 1) + c(samples) − 1; 0 for inner nodes.
    let heights: [Double]
    /// Per tree, the index of its root; the tree ends where the next begins.
    let roots: [UInt32]
    /// Per tree, steps from the root to its deepest leaf.
    let depths: [UInt8]
    /// The same scores without trees: only over one feature, and nil where a forest is too large to lay out.
    private(set) var steps: ForestSteps?

    package var treesCount: Int { roots.count }
    package var nodesCount: Int { nodes.count }

    /// Sizes a forest may have. They bound what a document from outside can make us hold or compute; each is far
    /// above what training here or in scikit-learn's defaults yields.
    package enum Limit {
        package static let trees = 10_000
        package static let nodes = 4_000_000
        package static let features = 4_096
        /// Steps from root to leaf: trees are grown to ceil(log2 of the sample) levels, so 32 covers 4 billion rows.
        package static let depth = 32
        package static let samples = Int(UInt32.max)
    }

    /// scikit-learn's offset without contamination: the paper's "clearly above 0.5".
    package static let offsetDefault = -0.5

    /// - Precondition: the arrays hold the invariants described at the properties; both makers (fit, arrays) do.
    init(
        features: Int, sampleCount: Int, offset: Double, nodes: [Node], samples: [UInt32], heights: [Double],
        roots: [UInt32], depths: [UInt8]
    ) {
        precondition(nodes.count == samples.count && nodes.count == heights.count && roots.count == depths.count)
        self.features = features
        self.sampleCount = sampleCount
        self.offset = offset
        self.nodes = nodes
        self.samples = samples
        self.heights = heights
        self.roots = roots
        self.depths = depths
        if features == 1 { steps = ForestSteps(of: self, missing: walkedScore(.nan)) }
    }

    /// The same forest with the alarm line elsewhere.
    package func withOffset(_ offset: Double) -> IsolationForest {
        var moved = self
        moved.offset = offset
        return moved
    }

    /// c(n) of the paper: the mean number of steps of an unsuccessful search in a binary tree of `count` rows.
    /// It stands for the subtree that was not grown below a leaf of several rows, and makes heights comparable.
    package static func averagePathLength(_ count: Int) -> Double {
        switch count {
        case ...1: return 0
        case 2: return 1
        default:
            let n = Double(count)
            return 2 * (Double.log(n - 1) + eulerGamma) - 2 * (n - 1) / n
        }
    }

    private static let eulerGamma = 0.577_215_664_901_532_9

    /// `depth + c(samples) − 1` of a leaf, in the order of operations that scikit-learn uses.
    static func height(depth: Int, samples: Int) -> Double {
        Double(depth) + averagePathLength(samples) - 1
    }
}
