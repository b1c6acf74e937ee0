import Telemetry

/// Grows tree after tree into one growing forest. All scratch is kept between trees.
struct ForestGrower {
    private typealias Node = IsolationForest.Node

    /// A node that waits to be split: its rows are `order[start..<end]`.
    private struct Pending {
        var node: Int
        var start: Int
        var end: Int
        var depth: Int
    }

    private let features: Int
    /// Whether any value of any row is NaN.
    private let hasMissing: Bool
    private let sampleCount: Int
    private let depthMax: Int
    private var generator: SeededGenerator
    /// All rows, in some order; its first `sampleCount` are the sample of the tree being grown. Shuffling on from the
    /// last tree's order is as uniform as starting afresh.
    private var rowOrder: [Int32] = []
    /// The sample of the tree being grown, column by column: `columns[f * sampleCount + i]`.
    private var columns: [Float]
    private var order: [Int32]
    private var spare: [Int32]
    private var candidates: [Int]
    private var queue: [Pending] = []

    private var nodes: [Node] = []
    private var samples: [UInt32] = []
    private var heights: [Double] = []
    private var roots: [UInt32] = []
    private var depths: [UInt8] = []
    /// c(n) for every n that a leaf can hold: the logarithm is paid once a forest.
    private let pathLengths: [Double]

    init(features: Int, sampleCount: Int, trees: Int, hasMissing: Bool, seed: UInt64) {
        self.features = features
        self.hasMissing = hasMissing
        self.sampleCount = sampleCount
        depthMax = sampleCount <= 1 ? 0 : Int.bitWidth - (sampleCount - 1).leadingZeroBitCount
        generator = SeededGenerator(seed: seed)
        columns = .init(repeating: 0, count: features * sampleCount)
        order = .init(repeating: 0, count: sampleCount)
        spare = .init(repeating: 0, count: sampleCount)
        candidates = Array(0..<features)
        pathLengths = (0...sampleCount).map(IsolationForest.averagePathLength)
        let expected = trees * 2 * sampleCount
        nodes.reserveCapacity(expected)
        samples.reserveCapacity(expected)
        heights.reserveCapacity(expected)
    }

    /// - Precondition: `rows` is row-major, `rowsCount` × `features`, without infinities; always the same rows.
    mutating func grow(from rows: UnsafeBufferPointer<Float>, rowsCount: Int) {
        drawSample(from: rows, rowsCount: rowsCount)
        roots.append(UInt32(nodes.count))
        queue.removeAll(keepingCapacity: true)
        add(Pending(node: nodes.count, start: 0, end: sampleCount, depth: 1))
        var deepest = 1
        var next = 0
        while next < queue.count {
            let pending = queue[next]
            next += 1
            guard let split = drawSplit(pending) else { continue }
            let (middle, missingLeft) = partition(pending, by: split)
            let left = nodes.count
            nodes[pending.node] = Node(
                threshold: split.threshold, left: UInt32(left), feature: UInt16(split.feature),
                missingLeft: missingLeft ? 1 : 0)
            heights[pending.node] = 0
            add(Pending(node: left, start: pending.start, end: middle, depth: pending.depth + 1))
            add(Pending(node: left + 1, start: middle, end: pending.end, depth: pending.depth + 1))
            deepest = pending.depth + 1
        }
        depths.append(UInt8(deepest - 1))
    }

    consuming func build(offset: Double = IsolationForest.offsetDefault) -> IsolationForest {
        IsolationForest(
            features: features, sampleCount: sampleCount, offset: offset, nodes: nodes, samples: samples,
            heights: heights, roots: roots, depths: depths)
    }

    /// Appends a node as a leaf, and queues it if it may be split.
    private mutating func add(_ pending: Pending) {
        let rowsCount = pending.end - pending.start
        nodes.append(.leaf(at: pending.node))
        samples.append(UInt32(rowsCount))
        heights.append(Double(pending.depth) + pathLengths[rowsCount] - 1)
        if rowsCount > 1, pending.depth <= depthMax { queue.append(pending) }
    }

    /// Draws the rows of the next tree and copies them into `columns`.
    private mutating func drawSample(from rows: UnsafeBufferPointer<Float>, rowsCount: Int) {
        if rowOrder.count != rowsCount { rowOrder = (0..<rowsCount).map { Int32($0) } }
        for index in 0..<sampleCount {
            let row: Int
            if sampleCount == rowsCount {
                row = index
            } else {
                rowOrder.swapAt(index, index + generator.draw(below: rowsCount - index))
                row = Int(rowOrder[index])
            }
            order[index] = Int32(index)
            for feature in 0..<features { columns[feature * sampleCount + index] = rows[row * features + feature] }
        }
    }

    /// A column that is not constant in the node, and a threshold that parts it; nil if every column is constant.
    private mutating func drawSplit(_ pending: Pending) -> (feature: Int, threshold: Float)? {
        var left = features
        while left > 0 {
            let drawn = left == 1 ? 0 : generator.draw(below: left)
            let feature = candidates[drawn]
            let (low, high) = range(of: feature, pending)
            if low < high {
                let place = Double(low) + generator.drawUnit() * (Double(high) - Double(low))
                let threshold = IsolationForest.roundedDown(place)
                return (feature, threshold < high ? max(threshold, low) : low)
            }
            left -= 1
            candidates.swapAt(drawn, left)
        }
        return nil
    }

    /// The least and the largest value of a column in the node; missing values have no part in it.
    private func range(of feature: Int, _ pending: Pending) -> (low: Float, high: Float) {
        let base = feature * sampleCount
        return columns.withUnsafeBufferPointer { columns in
            order.withUnsafeBufferPointer { order in
                // Two chains of comparisons, because one would wait for itself.
                var (low, high) = (Float.infinity, -Float.infinity)
                var (low2, high2) = (low, high)
                var index = pending.start
                while index + 1 < pending.end {
                    let value = columns[base + Int(order[index])]
                    let value2 = columns[base + Int(order[index + 1])]
                    low = value < low ? value : low
                    high = value > high ? value : high
                    low2 = value2 < low2 ? value2 : low2
                    high2 = value2 > high2 ? value2 : high2
                    index += 2
                }
                if index < pending.end {
                    let value = columns[base + Int(order[index])]
                    low = value < low ? value : low
                    high = value > high ? value : high
                }
                return (low2 < low ? low2 : low, high2 > high ? high2 : high)
            }
        }
    }

    /// Brings the rows that go left to the front of the node's range; returns where the others begin.
    private mutating func partition(
        _ pending: Pending, by split: (feature: Int, threshold: Float)
    ) -> (middle: Int, missingLeft: Bool) {
        let middle = partitionPresent(pending, by: split)
        guard hasMissing else { return (middle, false) }
        let base = split.feature * sampleCount
        let missing = (middle..<pending.end).filter { columns[base + Int(order[$0])].isNaN }
        let presentRight = pending.end - middle - missing.count
        guard !missing.isEmpty, middle - pending.start >= presentRight else { return (middle, false) }
        for (offset, index) in missing.enumerated() { order.swapAt(middle + offset, index) }
        return (middle + missing.count, true)
    }

    /// The same with missing values on the right: one pass without a branch on the data, half of them would be
    /// mispredicted. Each row is written to both sides, and only the side it belongs to moves on.
    private mutating func partitionPresent(_ pending: Pending, by split: (feature: Int, threshold: Float)) -> Int {
        let base = split.feature * sampleCount
        let threshold = split.threshold
        return columns.withUnsafeBufferPointer { columns in
            order.withUnsafeMutableBufferPointer { order in
                spare.withUnsafeMutableBufferPointer { spare in
                    var (left, right) = (pending.start, 0)
                    for index in pending.start..<pending.end {
                        let row = order[index]
                        let goesLeft = columns[base + Int(row)] <= threshold ? 1 : 0
                        order[left] = row
                        spare[right] = row
                        left &+= goesLeft
                        right &+= 1 - goesLeft
                    }
                    for index in 0..<right { order[left + index] = spare[index] }
                    return left
                }
            }
        }
    }
}
