/// A tree as parallel arrays, one entry a node, the way scikit-learn keeps it and exports it.
package struct TreeArrays: Hashable, Sendable {
    /// Column that a node compares; −1 in a leaf.
    package var feature: [Int]
    /// Goes left at `x <= threshold`; unread in a leaf.
    package var threshold: [Double]
    /// Indices of the children; −1 in a leaf.
    package var left: [Int]
    package var right: [Int]
    /// Training rows that reached the node.
    package var samples: [Int]
    /// Whether a missing value goes left; unread in a leaf.
    package var missingLeft: [Bool]

    package init(
        feature: [Int], threshold: [Double], left: [Int], right: [Int], samples: [Int], missingLeft: [Bool]
    ) {
        self.feature = feature
        self.threshold = threshold
        self.left = left
        self.right = right
        self.samples = samples
        self.missingLeft = missingLeft
    }
}

/// Why arrays are no forest. `tree` and `node` count from 0.
package enum ForestError: Error, Hashable, Sendable, CustomStringConvertible {
    case outside(what: String, value: Int, allowed: ClosedRange<Int>)
    case notFinite(what: String)
    case unequalColumns(tree: Int, column: String, count: Int, expected: Int)
    case badNode(tree: Int, node: Int, String)

    package var description: String {
        switch self {
        case .outside(let what, let value, let allowed):
            "\(what) is \(value), allowed are \(allowed.lowerBound) to \(allowed.upperBound)"
        case .notFinite(let what):
            "\(what) is not a finite number"
        case .unequalColumns(let tree, let column, let count, let expected):
            "tree \(tree): \(count) entries in '\(column)', but \(expected) in 'feature'"
        case .badNode(let tree, let node, let reason):
            "tree \(tree), node \(node): \(reason)"
        }
    }
}

extension IsolationForest {
    /// A forest from trees that were grown elsewhere. Everything is checked: the arrays come from files and networks.
    ///
    /// - Parameters:
    ///   - sampleCount: ψ, the rows each tree was grown from.
    ///   - offset: the alarm line in units of the score.
    /// - Throws: the first thing that is wrong, in the order features, sample count, offset, trees, nodes.
    package init(
        trees: [TreeArrays], features: Int, sampleCount: Int, offset: Double = IsolationForest.offsetDefault
    ) throws(ForestError) {
        try Self.check("the number of features", features, 1...Limit.features)
        try Self.check("the sample count", sampleCount, 1...Limit.samples)
        try Self.check("the number of trees", trees.count, 1...Limit.trees)
        guard offset.isFinite else { throw .notFinite(what: "the offset") }
        var nodesCount = 0
        for (number, tree) in trees.enumerated() {
            try Self.checkColumns(of: tree, number: number)
            nodesCount += tree.feature.count
            try Self.check("the number of nodes up to tree \(number)", nodesCount, 1...Limit.nodes)
        }
        var builder = Builder(nodesCount: nodesCount, treesCount: trees.count)
        for (number, tree) in trees.enumerated() {
            try builder.append(tree, number: number, features: features)
        }
        self = builder.build(features: features, sampleCount: sampleCount, offset: offset)
    }

    /// The trees, root first, level by level: what the other `init` takes. Thresholds are the float32 ones.
    package var trees: [TreeArrays] {
        roots.indices.map { tree in
            let root = Int(roots[tree])
            let end = tree + 1 < roots.count ? Int(roots[tree + 1]) : nodes.count
            var arrays = TreeArrays(feature: [], threshold: [], left: [], right: [], samples: [], missingLeft: [])
            for index in root..<end {
                let node = nodes[index]
                let isLeaf = Int(node.left) == index
                arrays.feature.append(isLeaf ? -1 : Int(node.feature))
                arrays.threshold.append(isLeaf ? 0 : Double(node.threshold))
                arrays.left.append(isLeaf ? -1 : Int(node.left) - root)
                arrays.right.append(isLeaf ? -1 : Int(node.left) - root + 1)
                arrays.samples.append(Int(samples[index]))
                arrays.missingLeft.append(!isLeaf && node.missingLeft == 1)
            }
            return arrays
        }
    }

    private static func check(_ what: String, _ value: Int, _ allowed: ClosedRange<Int>) throws(ForestError) {
        guard allowed.contains(value) else { throw .outside(what: what, value: value, allowed: allowed) }
    }

    private static func checkColumns(of tree: TreeArrays, number: Int) throws(ForestError) {
        let expected = tree.feature.count
        guard expected > 0 else { throw .badNode(tree: number, node: 0, "the tree has no node, a leaf is the least") }
        let columns = [
            ("threshold", tree.threshold.count), ("left", tree.left.count), ("right", tree.right.count),
            ("samples", tree.samples.count), ("missing_left", tree.missingLeft.count),
        ]
        for (column, count) in columns where count != expected {
            throw .unequalColumns(tree: number, column: column, count: count, expected: expected)
        }
    }

    /// The largest float32 that is not above `value`.
    static func roundedDown(_ value: Double) -> Float {
        let rounded = Float(value)
        return Double(rounded) > value ? rounded.nextDown : rounded
    }
}

extension IsolationForest {
    /// Lays trees out one after the other, each level by level with siblings side by side.
    private struct Builder {
        private var nodes: [Node] = []
        private var samples: [UInt32] = []
        private var heights: [Double] = []
        private var roots: [UInt32] = []
        private var depths: [UInt8] = []

        init(nodesCount: Int, treesCount: Int) {
            nodes.reserveCapacity(nodesCount)
            samples.reserveCapacity(nodesCount)
            heights.reserveCapacity(nodesCount)
            roots.reserveCapacity(treesCount)
            depths.reserveCapacity(treesCount)
        }

        /// - Precondition: the columns of `tree` are equally long and not empty.
        mutating func append(_ tree: TreeArrays, number: Int, features: Int) throws(ForestError) {
            let root = nodes.count
            var visited = [Bool](repeating: false, count: tree.feature.count)
            var queue = [(old: 0, depth: 1)]
            visited[0] = true
            var deepest = 1
            var next = 0
            while next < queue.count {
                let (old, depth) = queue[next]
                let new = root + next
                next += 1
                deepest = max(deepest, depth)
                guard depth <= Limit.depth + 1 else {
                    throw .badNode(tree: number, node: old, "deeper than \(Limit.depth) steps below the root")
                }
                let children = try Self.children(of: old, in: tree, number: number, features: features)
                guard let children else {
                    place(
                        .leaf(at: new), samples: tree.samples[old],
                        height: IsolationForest.height(
                            depth: depth, samples: tree.samples[old]))
                    continue
                }
                for child in [children.left, children.right] {
                    guard !visited[child] else {
                        throw .badNode(tree: number, node: old, "its child \(child) is reached a second time")
                    }
                    visited[child] = true
                    queue.append((child, depth + 1))
                }
                let node = Node(
                    threshold: IsolationForest.roundedDown(tree.threshold[old]),
                    left: UInt32(root + queue.count - 2), feature: UInt16(tree.feature[old]),
                    missingLeft: tree.missingLeft[old] ? 1 : 0)
                place(node, samples: tree.samples[old], height: 0)
            }
            guard queue.count == tree.feature.count else {
                let orphan = visited.firstIndex(of: false) ?? 0
                throw .badNode(tree: number, node: orphan, "no way leads to it from the root")
            }
            roots.append(UInt32(root))
            depths.append(UInt8(deepest - 1))
        }

        private mutating func place(_ node: Node, samples count: Int, height: Double) {
            nodes.append(node)
            samples.append(UInt32(count))
            heights.append(height)
        }

        /// The children of a node, nil for a leaf, after every check on its own entries.
        private static func children(
            of node: Int, in tree: TreeArrays, number: Int, features: Int
        ) throws(ForestError) -> (left: Int, right: Int)? {
            let (feature, left, right) = (tree.feature[node], tree.left[node], tree.right[node])
            let (threshold, count) = (tree.threshold[node], tree.samples[node])
            func bad(_ reason: String) -> ForestError { .badNode(tree: number, node: node, reason) }
            guard (0...Limit.samples).contains(count) else { throw bad("\(count) samples") }
            if feature == -1 {
                guard left == -1, right == -1 else {
                    throw bad("a leaf (feature -1) with children \(left) and \(right), expected -1 and -1")
                }
                return nil
            }
            guard (0..<features).contains(feature) else {
                throw bad("feature \(feature), expected -1 for a leaf or 0 to \(features - 1)")
            }
            guard threshold.isFinite else { throw bad("its threshold is not a finite number") }
            for child in [left, right] where !tree.feature.indices.contains(child) {
                throw bad("child \(child), expected 0 to \(tree.feature.count - 1)")
            }
            return (left, right)
        }

        func build(features: Int, sampleCount: Int, offset: Double) -> IsolationForest {
            IsolationForest(
                features: features, sampleCount: sampleCount, offset: offset, nodes: nodes, samples: samples,
                heights: heights, roots: roots, depths: depths)
        }
    }
}

extension IsolationForest.Node {
    /// A node that every number steps to again.
    static func leaf(at index: Int) -> Self {
        Self(threshold: .infinity, left: UInt32(index), feature: 0, missingLeft: 0)
    }
}
