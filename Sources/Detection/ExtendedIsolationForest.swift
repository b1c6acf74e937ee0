/// An extended isolation forest that scores by density: random trees whose splits are slanted lines over two columns, and
/// a row is unusual where the training rows are thin.
///
/// - Trees: Hariri, Carrasco Kind, Brunner, "Extended Isolation Forest", 2018 (arXiv 1811.02141), with two columns a split.
///   Slanted splits see rows that are ordinary in each column and unusual in both together, and leave no bands of
///   ordinary scores beside a cluster.
/// - Scores: Cortes, "Isolation forests: looking beyond tree depth", 2021 (arXiv 2111.11639). A leaf holds a share of the
///   sample and, by the splits above it, a share of the volume; the first over the second is its density in units of the
///   whole's mean. A depth counts splits and forgets how lopsided they were.
/// - A row outside of the range that a node's rows span widens the range for its own account, so that far outside counts
///   as thinner than just outside. (The paper leaves it the density of the nearest leaf.)
package struct ExtendedIsolationForest: Hashable, Sendable {
    /// One place in a tree; siblings lie side by side. A row's place on the line across the split is
    /// `first · row[firstFeature] + second · row[secondFeature]`.
    ///
    /// A leaf is a node with weights of 0 that points at itself: every row has the place 0 there, stays, and is inside of
    /// the range. So walks side by side need not ask which of them have ended.
    struct Node: Hashable, Sendable {
        /// Slope of the split: per column, the weight of a value, over the column's deviation in the node.
        var first = 0.0
        var second = 0.0
        /// Places up to here go left.
        var split = 1.0
        /// Least and greatest place of the training rows in the node.
        var low = -1.0
        var high = 1.0
        /// Natural logarithm of the node's density, 0 for the root.
        var logDensity: Double
        /// Index of the left child; the node itself in a leaf.
        var left: UInt32
        var firstFeature: UInt16 = 0
        var secondFeature: UInt16 = 0
        /// Whether more training rows went left: there goes a row with a missing value.
        var leansLeft = false
    }

    /// Columns of a row.
    package let features: Int
    /// Rows each tree was grown from: ψ.
    package let sampleCount: Int
    /// Every node of every tree.
    let nodes: [Node]
    /// Per tree, the index of its root.
    let roots: [UInt32]

    package var treesCount: Int { roots.count }
    package var nodesCount: Int { nodes.count }

    /// The least share of a node's range that a child is taken to have, however near its split is to the end.
    static let shareLeast = 0x1p-40

    /// Steps from root to leaf. Density wants its leaves small, so trees are grown until rows are alone or equal; only
    /// rows that crowd ever closer together reach so deep.
    package static let depthMax = 32

    /// - Precondition: children are inside `nodes`, features below `features`, and every way down ends.
    init(features: Int, sampleCount: Int, nodes: [Node], roots: [UInt32]) {
        self.features = features
        self.sampleCount = sampleCount
        self.nodes = nodes
        self.roots = roots
    }
}

extension ExtendedIsolationForest {
    /// Grows a forest. The same rows and seed give the same forest, on any machine of one binary and mathematics library.
    ///
    /// Each tree takes its own sample without replacement. A split takes two columns at random among those that are not
    /// constant in the node (one, if there is no second), brings them to one deviation, and draws the direction uniformly:
    /// Hariri's normal coefficients, of which only the direction counts. Its place is uniform between the least and the
    /// greatest of the node's rows along that direction. A row with a missing value (NaN) in either column goes where
    /// more rows went; infinities count as the largest float32.
    ///
    /// - Parameters:
    ///   - rows: row-major, n × `features`, n ≥ 1, in any units: no scaling is needed. Each value is cast to float32.
    ///   - features: columns of a row, 1 to `IsolationForest.Limit.features`.
    ///   - trees: how many to grow, 1 to `IsolationForest.Limit.trees`.
    ///   - sampleCount: ψ, rows a tree; all of them when there are fewer.
    /// - Precondition: the ranges above; the rows are the caller's own data, already checked.
    package init(
        fit rows: [Double], features: Int, trees: Int = IsolationForest.treesDefault,
        sampleCount: Int = IsolationForest.sampleCountDefault, seed: UInt64
    ) {
        precondition((1...IsolationForest.Limit.features).contains(features), "\(features) features")
        precondition((1...IsolationForest.Limit.trees).contains(trees), "\(trees) trees")
        precondition(
            !rows.isEmpty && rows.count.isMultiple(of: features), "\(rows.count) values are not rows of \(features)")
        let rowsCount = rows.count / features
        let cast = rows.map(IsolationForest.boundedFloat)
        var grower = ExtendedForestGrower(
            features: features, rowsCount: rowsCount, sampleCount: min(max(1, sampleCount), rowsCount), seed: seed)
        cast.withUnsafeBufferPointer { cast in
            for _ in 0..<trees { grower.grow(from: cast) }
        }
        self = grower.build()
    }
}

extension IsolationForest {
    /// A value as forests take it: float32, infinities and what is beyond as the largest one; NaN stays.
    static func boundedFloat(_ value: Double) -> Float {
        let bound = Float.greatestFiniteMagnitude
        return value.isNaN ? .nan : min(max(Float(value), -bound), bound)
    }
}
