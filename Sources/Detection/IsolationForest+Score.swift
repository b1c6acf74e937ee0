import RealModule

extension IsolationForest {
    /// How ordinary a row is: −1 (isolated at once) to 0; scikit-learn's `score_samples`.
    ///
    /// - Parameter row: `features` values; each is cast to float32. NaN is a missing value.
    /// - Precondition: `row.count == features`.
    package func score(_ row: [Double]) -> Double {
        precondition(row.count == features, "a row of \(row.count) values for a forest over \(features)")
        if let steps { return steps.score(Float(row[0])) }
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: features) { cast in
            for (column, value) in row.enumerated() { cast[column] = Float(value) }
            return score(cast: UnsafeBufferPointer(cast))
        }
    }

    /// The score of a row of one value, without an array around it.
    ///
    /// - Precondition: `features == 1`.
    package func score(_ value: Double) -> Double {
        precondition(features == 1, "one value for a forest over \(features)")
        return steps?.score(Float(value)) ?? walkedScore(value)
    }

    /// The same, through every tree.
    ///
    /// - Precondition: `features == 1`.
    package func walkedScore(_ value: Double) -> Double {
        precondition(features == 1, "one value for a forest over \(features)")
        return withUnsafePointer(to: Float(value)) { score(cast: UnsafeBufferPointer(start: $0, count: 1)) }
    }

    /// Scores many rows, tree by tree, so that each tree is fetched once. Bit-identical with scoring one by one.
    ///
    /// - Parameter rows: row-major, n × `features`. NaN is a missing value.
    /// - Precondition: `rows.count` is a multiple of `features`.
    /// - Returns: n scores, −1 to 0.
    package func scores(rows: [Double]) -> [Double] {
        precondition(rows.count.isMultiple(of: features), "\(rows.count) values are not rows of \(features)")
        if let steps { return rows.map { steps.score(Float($0)) } }
        let count = rows.count / features
        var sums = [Double](repeating: 0, count: count)
        let (blocks, rowsWithMissing) = blocks(of: rows, count: count)
        blocks.withUnsafeBufferPointer { blocks in
            sums.withUnsafeMutableBufferPointer { addHeights(of: blocks, to: $0) }
        }
        // A missing value has no side in the fast walk: such rows walk again, the careful way.
        for row in rowsWithMissing {
            let cast = rows[(row * features)..<((row + 1) * features)].map { Float($0) }
            sums[row] = cast.withUnsafeBufferPointer { heightSumWithMissing($0) }
        }
        return sums.map { score(heightSum: $0) }
    }

    /// Rows cast to float32 and laid out in blocks of eight: value f of row 8b + i is at `(b * features + f) * 8 + i`,
    /// so that one pointer serves the whole block. The last block is filled up with zeros.
    private func blocks(of rows: [Double], count: Int) -> (values: [Float], rowsWithMissing: [Int]) {
        let blocksCount = (count + Self.lanes - 1) / Self.lanes
        var values = [Float](repeating: 0, count: blocksCount * features * Self.lanes)
        var rowsWithMissing: [Int] = []
        for row in 0..<count {
            let (block, lane) = row.quotientAndRemainder(dividingBy: Self.lanes)
            for feature in 0..<features {
                let value = Float(rows[row * features + feature])
                values[(block * features + feature) * Self.lanes + lane] = value
                if value.isNaN, rowsWithMissing.last != row { rowsWithMissing.append(row) }
            }
        }
        return (values, rowsWithMissing)
    }

    /// scikit-learn's `decision_function`: negative beyond the alarm line.
    package func decision(score: Double) -> Double { score - offset }

    /// scikit-learn's `predict` is −1 exactly where this is true.
    package func isOutlier(score: Double) -> Bool { decision(score: score) < 0 }

    private func score(cast row: UnsafeBufferPointer<Float>) -> Double {
        score(heightSum: row.contains(where: \.isNaN) ? heightSumWithMissing(row) : heightSum(row))
    }

    /// −2^(−E(h) / c(ψ)): the paper's score, negated as scikit-learn does; −0.5 where c is 0 (grown from one row).
    func score(heightSum: Double) -> Double {
        let denominator = Double(treesCount) * Self.averagePathLength(sampleCount)
        return denominator == 0 ? -0.5 : -Double.exp2(-(heightSum / denominator))
    }
}

// The walks read through unsafe pointers: a bounds check costs as much as the step that it guards. What makes them
// safe is checked once, when a forest is made: `left` and `left + 1` of an inner node and `left` of a leaf are
// within `nodes`, and `feature` is below `features`.
extension IsolationForest {
    /// One step down, without a branch; a leaf steps to itself. For NaN the answer would be a leaf's neighbour.
    @inline(__always)
    private static func step(
        _ index: Int, _ nodes: UnsafePointer<Node>, _ row: UnsafePointer<Float>, stride: Int = 1
    ) -> Int {
        let node = nodes + index
        return Int(node.pointee.left)
            &+ (row[Int(node.pointee.feature) &* stride] <= node.pointee.threshold ? 0 : 1)
    }

    /// Walks that run side by side. A step waits for what the step before it loaded; eight waits at once take hardly
    /// longer than one, and more of them would no longer fit in registers.
    private static let lanes = 8

    /// Sum over the trees, in their order, of a row without missing values: eight trees side by side.
    private func heightSum(_ row: UnsafeBufferPointer<Float>) -> Double {
        guard let row = row.baseAddress else { return 0 }
        var sum = 0.0
        nodes.withUnsafeBufferPointer { nodes in
            guard let nodes = nodes.baseAddress else { return }
            var tree = 0
            while tree + Self.lanes <= treesCount {
                var places: InlineArray<8, Int> = .init(repeating: 0)
                var steps: UInt8 = 0
                for lane in 0..<Self.lanes {
                    places[lane] = Int(roots[tree + lane])
                    steps = max(steps, depths[tree + lane])
                }
                for _ in 0..<steps {
                    for lane in 0..<Self.lanes { places[lane] = Self.step(places[lane], nodes, row) }
                }
                for lane in 0..<Self.lanes { sum += heights[places[lane]] }
                tree += Self.lanes
            }
            while tree < treesCount {
                var place = Int(roots[tree])
                for _ in 0..<depths[tree] { place = Self.step(place, nodes, row) }
                sum += heights[place]
                tree += 1
            }
        }
        return sum
    }

    /// The same for many rows, laid out in blocks: trees outside, rows inside, the eight of a block side by side.
    private func addHeights(of blocks: UnsafeBufferPointer<Float>, to sums: UnsafeMutableBufferPointer<Double>) {
        guard let first = blocks.baseAddress else { return }
        let blockStride = features * Self.lanes
        nodes.withUnsafeBufferPointer { nodes in
            heights.withUnsafeBufferPointer { heights in
                guard let nodes = nodes.baseAddress else { return }
                for tree in 0..<treesCount {
                    let (root, steps) = (Int(roots[tree]), depths[tree])
                    var block = first
                    var row = 0
                    while row < sums.count {
                        var places: InlineArray<8, Int> = .init(repeating: root)
                        for _ in 0..<steps {
                            for lane in 0..<Self.lanes {
                                places[lane] = Self.step(places[lane], nodes, block + lane, stride: Self.lanes)
                            }
                        }
                        for lane in 0..<min(Self.lanes, sums.count - row) {
                            sums[row + lane] += heights[places[lane]]
                        }
                        block += blockStride
                        row += Self.lanes
                    }
                }
            }
        }
    }

    /// The walk that asks each node where a missing value goes.
    private func heightSumWithMissing(_ row: UnsafeBufferPointer<Float>) -> Double {
        var sum = 0.0
        for root in roots {
            var index = Int(root)
            while Int(nodes[index].left) != index {
                let node = nodes[index]
                let value = row[Int(node.feature)]
                let goesLeft = value.isNaN ? node.missingLeft == 1 : value <= node.threshold
                index = Int(node.left) + (goesLeft ? 0 : 1)
            }
            sum += heights[index]
        }
        return sum
    }
}
