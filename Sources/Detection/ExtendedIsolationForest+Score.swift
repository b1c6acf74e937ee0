import RealModule

extension ExtendedIsolationForest {
    /// How unusual a row is: 0 to 1, higher = more unusual, about 0.5 where rows are as dense as if spread evenly.
    ///
    /// The order of rows is that of `sparsity`, folded into a range: ½ (1 + s / (1 + |s|)).
    ///
    /// - Parameter row: `features` values; NaN is a missing value.
    /// - Precondition: `row.count == features`.
    package func score(_ row: [Double]) -> Double { Self.score(sparsity: sparsity(row)) }

    /// Scores many rows, tree by tree, so that each tree is fetched once. Bit-identical with scoring one by one.
    ///
    /// - Parameter rows: row-major, n × `features`. NaN is a missing value.
    /// - Precondition: `rows.count` is a multiple of `features`.
    /// - Returns: n scores, 0 to 1.
    package func scores(rows: [Double]) -> [Double] { sparsities(rows: rows).map(Self.score(sparsity:)) }

    /// The logarithm of how much thinner than evenly spread the training rows are where a row lies: the negative mean
    /// over the trees of ln(density). Finite, unbounded. 0 is the mean density, the paper's natural line, seen through
    /// small samples: they make even a dense place look thinner than it is, so a threshold is better learnt from data.
    ///
    /// - Parameter row: `features` values; NaN is a missing value: a split that asks for it says nothing.
    /// - Precondition: `row.count == features`.
    package func sparsity(_ row: [Double]) -> Double {
        precondition(row.count == features, "a row of \(row.count) values for a forest over \(features)")
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: features) { cast in
            for (column, value) in row.enumerated() { cast[column] = IsolationForest.boundedFloat(value) }
            guard let first = cast.baseAddress else { return 0 }
            return -logDensitySum(UnsafePointer(first), isMissing: cast.contains(where: \.isNaN)) / Double(treesCount)
        }
    }

    /// The same for many rows, n × `features`.
    ///
    /// - Precondition: `rows.count` is a multiple of `features`.
    package func sparsities(rows: [Double]) -> [Double] {
        precondition(rows.count.isMultiple(of: features), "\(rows.count) values are not rows of \(features)")
        let count = rows.count / features
        let cast = rows.map(IsolationForest.boundedFloat)
        var sums = [Double](repeating: 0, count: count)
        cast.withUnsafeBufferPointer { cast in
            guard let first = cast.baseAddress else { return }
            addLogDensities(of: first, to: &sums)
            // A missing value has no side in the walk side by side: such rows walk again, the careful way.
            for row in 0..<count {
                let values = first + row * features
                guard (0..<features).contains(where: { values[$0].isNaN }) else { continue }
                sums[row] = logDensitySum(values, isMissing: true)
            }
        }
        return sums.map { -$0 / Double(treesCount) }
    }

    private static func score(sparsity: Double) -> Double { 0.5 * (1 + sparsity / (1 + abs(sparsity))) }
}

// The walks read through unsafe pointers, as those of `IsolationForest` do and for the same reason: what makes them safe
// is the precondition of `init`.
extension ExtendedIsolationForest {
    /// Walks that run side by side: a step waits for what the step before it loaded, and a branch on the data would be
    /// mispredicted half of the time.
    private static let lanes = 8
    private typealias Lanes = InlineArray<8, Double>
    private typealias Places = InlineArray<8, Int>
    private typealias Rows = InlineArray<8, UnsafePointer<Float>>

    /// Sum over the trees, in their order, of ln(density) where a row lies: eight trees side by side.
    private func logDensitySum(_ row: UnsafePointer<Float>, isMissing: Bool) -> Double {
        nodes.withUnsafeBufferPointer { nodes in
            guard let nodes = nodes.baseAddress else { return 0 }
            guard !isMissing else {
                return roots.reduce(0) { $0 + Self.logDensityWithMissing(row, nodes, under: Int($1)) }
            }
            var sum = 0.0
            for first in stride(from: 0, to: treesCount, by: Self.lanes) {
                let used = min(Self.lanes, treesCount - first)
                var places = Places(repeating: Int(roots[first]))
                for lane in 0..<used { places[lane] = Int(roots[first + lane]) }
                let densities = Self.logDensities(nodes, places, Rows(repeating: row))
                for lane in 0..<used { sum += densities[lane] }
            }
            return sum
        }
    }

    /// The same for many rows: trees outside, rows inside, eight rows side by side.
    private func addLogDensities(of rows: UnsafePointer<Float>, to sums: inout [Double]) {
        nodes.withUnsafeBufferPointer { nodes in
            guard let nodes = nodes.baseAddress else { return }
            for root in roots {
                for first in stride(from: 0, to: sums.count, by: Self.lanes) {
                    let used = min(Self.lanes, sums.count - first)
                    var lanes = Rows(repeating: rows + first * features)
                    for lane in 0..<used { lanes[lane] = rows + (first + lane) * features }
                    let densities = Self.logDensities(nodes, Places(repeating: Int(root)), lanes)
                    for lane in 0..<used { sums[first + lane] += densities[lane] }
                }
            }
        }
    }

    /// ln(density) of the leaves that eight walks reach. Rows without missing values; with one, the answer is some number.
    @inline(__always)
    private static func logDensities(_ nodes: UnsafePointer<Node>, _ start: Places, _ rows: Rows) -> Lanes {
        var places = start
        var widenings = Lanes(repeating: 1)
        var hasMoved = true
        while hasMoved {
            var moves = 0
            for lane in 0..<lanes {
                let node = nodes + places[lane]
                let place = place(of: rows[lane], in: node)
                // A missing value goes left, because in a leaf that is the leaf itself.
                let next = Int(node.pointee.left) &+ (place > node.pointee.split ? 1 : 0)
                widenings[lane] *= widening(place, in: node)
                moves |= next ^ places[lane]
                places[lane] = next
            }
            hasMoved = moves != 0
        }
        var densities = Lanes(repeating: 0)
        for lane in 0..<lanes { densities[lane] = logDensity(nodes[places[lane]], widening: widenings[lane]) }
        return densities
    }

    /// The walk of a row that may have missing values: a split that asks for one gives no factor, and the row goes on
    /// where more rows went.
    private static func logDensityWithMissing(
        _ row: UnsafePointer<Float>, _ nodes: UnsafePointer<Node>, under root: Int
    ) -> Double {
        var (index, widening, unsaid) = (root, 1.0, 0.0)
        while true {
            let node = nodes + index
            let left = Int(node.pointee.left)
            guard left != index else { return logDensity(node.pointee, widening: widening) - unsaid }
            let place = place(of: row, in: node)
            if place.isNaN {
                index = node.pointee.leansLeft ? left : left + 1
                unsaid += nodes[index].logDensity - node.pointee.logDensity
            } else {
                index = place <= node.pointee.split ? left : left + 1
                widening *= Self.widening(place, in: node)
            }
        }
    }

    @inline(__always)
    private static func place(of row: UnsafePointer<Float>, in node: UnsafePointer<Node>) -> Double {
        node.pointee.first * Double(row[Int(node.pointee.firstFeature)])
            + node.pointee.second * Double(row[Int(node.pointee.secondFeature)])
    }

    /// The share of a node's range that a child takes once the range reaches out to the row, over its share of the range
    /// of the training rows. Exactly 1 for a row inside of the range.
    @inline(__always)
    private static func widening(_ place: Double, in node: UnsafePointer<Node>) -> Double {
        let (low, high) = (node.pointee.low, node.pointee.high)
        guard place < low || place > high else { return 1 }
        let range = high - low
        let excess = place < low ? low - place : place - high
        let side = max(place < low ? node.pointee.split - low : high - node.pointee.split, range * shareLeast)
        return (side + excess) * range / (side * (range + excess))
    }

    /// Widenings of absurdly far rows may multiply beyond what a number holds.
    private static func logDensity(_ leaf: Node, widening: Double) -> Double {
        leaf.logDensity - Double.log(min(widening, .greatestFiniteMagnitude))
    }
}
