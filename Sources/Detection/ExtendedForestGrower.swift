import RealModule
import Telemetry

/// Grows the trees of an extended forest, one after the other. All scratch is kept between trees.
struct ExtendedForestGrower: ~Copyable {
    private typealias Node = ExtendedIsolationForest.Node

    /// A node that waits to be split: its rows are `order[start..<end]`.
    private struct Pending {
        var node: Int
        var start: Int
        var end: Int
        /// Steps below the root.
        var depth: Int
    }

    private let features: Int
    private let sampleCount: Int
    private var generator: SeededGenerator
    private var sampler: RowSampler
    private var deck: FeatureDeck
    /// The sample of the tree being grown, column by column: `columns[f * sampleCount + i]`.
    private let columns: UnsafeMutableBufferPointer<Float>
    private let order: UnsafeMutableBufferPointer<Int32>
    private let spare: UnsafeMutableBufferPointer<Int32>
    /// Places of the node's rows on the line across its split, in the order of `order`; NaN where a value is missing.
    private let places: UnsafeMutableBufferPointer<Double>
    private var candidates: [Int]
    private var queue: [Pending] = []
    private var nodes: [Node] = []
    private var roots: [UInt32] = []

    init(features: Int, rowsCount: Int, sampleCount: Int, seed: UInt64) {
        self.features = features
        self.sampleCount = sampleCount
        generator = SeededGenerator(seed: seed)
        sampler = RowSampler(rowsCount: rowsCount, sampleCount: sampleCount)
        deck = FeatureDeck(features: features, depths: ExtendedIsolationForest.depthMax)
        columns = .allocate(capacity: features * sampleCount)
        columns.initialize(repeating: 0)
        order = .allocate(capacity: sampleCount)
        order.initialize(repeating: 0)
        spare = .allocate(capacity: sampleCount)
        spare.initialize(repeating: 0)
        places = .allocate(capacity: sampleCount)
        places.initialize(repeating: 0)
        candidates = Array(0..<features)
    }

    deinit {
        columns.deallocate()
        order.deallocate()
        spare.deallocate()
        places.deallocate()
    }

    /// - Precondition: `rows` is row-major, n × `features`, without infinities; always the same rows.
    mutating func grow(from rows: UnsafeBufferPointer<Float>) {
        sampler.draw(from: rows, features: features, into: columns, using: &generator)
        for index in 0..<sampleCount { order[index] = Int32(index) }
        queue.removeAll(keepingCapacity: true)
        roots.append(UInt32(nodes.count))
        add(start: 0, end: sampleCount, depth: 0, logDensity: 0)
        var next = 0
        while next < queue.count {
            let pending = queue[next]
            next += 1
            guard var node = drawSplit(pending) else { continue }
            let middle = partition(pending, by: &node)
            let share = min(
                max((node.split - node.low) / (node.high - node.low), ExtendedIsolationForest.shareLeast),
                1 - ExtendedIsolationForest.shareLeast)
            let count = Double(pending.end - pending.start)
            node.logDensity = nodes[pending.node].logDensity
            node.left = UInt32(nodes.count)
            nodes[pending.node] = node
            let leftShare = Double(middle - pending.start) / count
            let rightShare = Double(pending.end - middle) / count
            add(
                start: pending.start, end: middle, depth: pending.depth + 1,
                logDensity: node.logDensity + Double.log(leftShare / share))
            add(
                start: middle, end: pending.end, depth: pending.depth + 1,
                logDensity: node.logDensity + Double.log(rightShare / (1 - share)))
        }
    }

    consuming func build() -> ExtendedIsolationForest {
        ExtendedIsolationForest(features: features, sampleCount: sampleCount, nodes: nodes, roots: roots)
    }

    /// Appends a node as a leaf, and queues it if it may be split.
    private mutating func add(start: Int, end: Int, depth: Int, logDensity: Double) {
        let node = nodes.count
        nodes.append(Node(logDensity: logDensity, left: UInt32(node)))
        guard end - start > 1, depth < ExtendedIsolationForest.depthMax else { return }
        queue.append(Pending(node: node, start: start, end: end, depth: depth))
    }

    /// Columns, direction and place of a split that parts the node's rows, and the rows' `places` along it; nil if every
    /// column is constant.
    private mutating func drawSplit(_ pending: Pending) -> Node? {
        guard let (first, second) = drawColumns(pending) else { return nil }
        var node = Node(logDensity: 0, left: 0)
        node.firstFeature = UInt16(first.feature)
        if let second {
            let angle = generator.drawUnit() * Double.pi
            (node.first, node.second) = (Double.cos(angle) / first.deviation, Double.sin(angle) / second.deviation)
            node.secondFeature = UInt16(second.feature)
            measure(pending, along: &node)
        }
        // Along two columns no two rows need differ, where values are missing or all rows lie on one line.
        if second == nil || !(node.low < node.high) {
            (node.first, node.second) = (1 / first.deviation, 0)
            node.secondFeature = node.firstFeature
            measure(pending, along: &node)
        }
        guard node.low < node.high else { return nil }
        let place = node.low + generator.drawUnit() * (node.high - node.low)
        node.split = place < node.high ? place : node.low
        return node
    }

    private typealias Column = (feature: Int, deviation: Double)

    /// Two different columns that are not constant in the node, or one if there is no second; nil if there is none.
    private mutating func drawColumns(_ pending: Pending) -> (first: Column, second: Column?)? {
        var first: Column?
        let dealt = deck.deal(depth: pending.depth, using: &generator)
        if let deviation = deviation(of: dealt, pending) { first = (dealt, deviation) }
        var left = features
        while left > 0 {
            let drawn = left == 1 ? 0 : generator.draw(below: left)
            let feature = candidates[drawn]
            if feature != dealt, let deviation = deviation(of: feature, pending) {
                guard let first else {
                    first = (feature, deviation)
                    left -= 1
                    candidates.swapAt(drawn, left)
                    continue
                }
                return (first, (feature, deviation))
            }
            left -= 1
            candidates.swapAt(drawn, left)
        }
        return first.map { ($0, nil) }
    }

    /// Standard deviation of a column in the node, over the values that are not missing; nil if they are all equal.
    private func deviation(of feature: Int, _ pending: Pending) -> Double? {
        let base = feature * sampleCount
        var (low, high) = (Double.infinity, -Double.infinity)
        var (count, sum) = (0.0, 0.0)
        for index in pending.start..<pending.end {
            let value = Double(columns[base + Int(order[index])])
            guard !value.isNaN else { continue }
            (low, high) = (min(low, value), max(high, value))
            count += 1
            sum += value
        }
        guard low < high else { return nil }
        let mean = sum / count
        var squares = 0.0
        for index in pending.start..<pending.end {
            let distance = Double(columns[base + Int(order[index])]) - mean
            if !distance.isNaN { squares += distance * distance }
        }
        return (squares / count).squareRoot()
    }

    /// Fills `places` and the node's range. The same operations in the same order as when a row is scored.
    private func measure(_ pending: Pending, along node: inout Node) {
        let first = Int(node.firstFeature) * sampleCount
        let second = Int(node.secondFeature) * sampleCount
        (node.low, node.high) = (.infinity, -.infinity)
        for index in pending.start..<pending.end {
            let row = Int(order[index])
            let place = node.first * Double(columns[first + row]) + node.second * Double(columns[second + row])
            places[index] = place
            if place < node.low { node.low = place }
            if place > node.high { node.high = place }
        }
    }

    /// Brings the rows that go left to the front of the node's range, those with a missing value to the side where more
    /// of the others are; returns where the right side begins.
    private func partition(_ pending: Pending, by node: inout Node) -> Int {
        var (left, missing) = (0, 0)
        for index in pending.start..<pending.end {
            if places[index] <= node.split { left += 1 } else if places[index].isNaN { missing += 1 }
        }
        node.leansLeft = left >= pending.end - pending.start - left - missing
        var (front, back) = (pending.start, 0)
        for index in pending.start..<pending.end {
            let goesLeft = places[index].isNaN ? node.leansLeft : places[index] <= node.split
            if goesLeft {
                order[front] = order[index]
                front += 1
            } else {
                spare[back] = order[index]
                back += 1
            }
        }
        for index in 0..<back { order[front + index] = spare[index] }
        return front
    }
}
