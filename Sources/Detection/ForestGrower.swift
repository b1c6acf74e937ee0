import Telemetry

/// Grows tree after tree into one growing forest. All scratch is kept between trees, in plain memory: a tree has some
/// hundred nodes of a few rows each, and a check of an array at each access would take longer than the work.
struct ForestGrower: ~Copyable {
    /// A node that waits to be split: its rows are `order[start..<end]`.
    private struct Pending {
        var node: Int
        var start: Int
        var end: Int
        var depth: Int
    }

    private typealias Split = (feature: Int, threshold: Float)

    private let features: Int
    /// Whether any value of any row is NaN.
    private let hasMissing: Bool
    private let sampleCount: Int
    private let depthMax: Int
    private var generator: SeededGenerator
    private var sampler: RowSampler
    private var deck: FeatureDeck
    /// The sample of the tree being grown, column by column: `columns[f * sampleCount + i]`.
    private let columns: UnsafeMutableBufferPointer<Float>
    private let order: UnsafeMutableBufferPointer<Int32>
    private let spare: UnsafeMutableBufferPointer<Int32>
    private var candidates: [Int]
    private let queue: UnsafeMutableBufferPointer<Pending>
    private var queued = 0
    /// The tree being grown: its `grown` nodes, their rows, their heights.
    private let tree: UnsafeMutableBufferPointer<IsolationForest.Node>
    private let treeSamples: UnsafeMutableBufferPointer<UInt32>
    private let treeHeights: UnsafeMutableBufferPointer<Double>
    private var grown = 0
    /// c(n) for every n that a leaf can hold: the logarithm is paid once a forest.
    private let pathLengths: UnsafeMutableBufferPointer<Double>

    private var nodes: [IsolationForest.Node] = []
    private var samples: [UInt32] = []
    private var heights: [Double] = []
    private var roots: [UInt32] = []
    private var depths: [UInt8] = []

    init(features: Int, rowsCount: Int, sampleCount: Int, trees: Int, hasMissing: Bool, seed: UInt64) {
        self.features = features
        self.hasMissing = hasMissing
        self.sampleCount = sampleCount
        depthMax = sampleCount <= 1 ? 0 : Int.bitWidth - (sampleCount - 1).leadingZeroBitCount
        generator = SeededGenerator(seed: seed)
        sampler = RowSampler(rowsCount: rowsCount, sampleCount: sampleCount)
        deck = FeatureDeck(features: features, depths: depthMax)
        columns = .allocate(capacity: features * sampleCount)
        columns.initialize(repeating: 0)
        order = .allocate(capacity: sampleCount)
        order.initialize(repeating: 0)
        spare = .allocate(capacity: sampleCount)
        spare.initialize(repeating: 0)
        candidates = Array(0..<features)
        // A tree whose every split parts its rows has at most twice as many nodes as rows.
        queue = .allocate(capacity: 2 * sampleCount)
        tree = .allocate(capacity: 2 * sampleCount)
        treeSamples = .allocate(capacity: 2 * sampleCount)
        treeHeights = .allocate(capacity: 2 * sampleCount)
        pathLengths = .allocate(capacity: sampleCount + 1)
        _ = pathLengths.initialize(from: (0...sampleCount).lazy.map(IsolationForest.averagePathLength))
        nodes.reserveCapacity(trees * sampleCount)
        samples.reserveCapacity(trees * sampleCount)
        heights.reserveCapacity(trees * sampleCount)
    }

    deinit {
        columns.deallocate()
        order.deallocate()
        spare.deallocate()
        queue.deallocate()
        tree.deallocate()
        treeSamples.deallocate()
        treeHeights.deallocate()
        pathLengths.deallocate()
    }

    /// - Precondition: `rows` is row-major, `rowsCount` × `features`, without infinities; always the same rows.
    mutating func grow(from rows: UnsafeBufferPointer<Float>) {
        sampler.draw(from: rows, features: features, into: columns, using: &generator)
        for index in 0..<sampleCount { order[index] = Int32(index) }
        let root = nodes.count
        (queued, grown) = (0, 0)
        add(Pending(node: 0, start: 0, end: sampleCount, depth: 1), root: root)
        var deepest = 1
        var next = 0
        while next < queued {
            let pending = queue[next]
            next += 1
            guard let split = drawSplit(pending) else { continue }
            let (middle, missingLeft) = partition(pending, by: split)
            let left = grown
            tree[pending.node] = IsolationForest.Node(
                threshold: split.threshold, left: UInt32(root + left), feature: UInt16(split.feature),
                missingLeft: missingLeft ? 1 : 0)
            treeHeights[pending.node] = 0
            deepest = pending.depth + 1
            add(Pending(node: left, start: pending.start, end: middle, depth: deepest), root: root)
            add(Pending(node: left + 1, start: middle, end: pending.end, depth: deepest), root: root)
        }
        nodes.append(contentsOf: tree[..<grown])
        samples.append(contentsOf: treeSamples[..<grown])
        heights.append(contentsOf: treeHeights[..<grown])
        roots.append(UInt32(root))
        depths.append(UInt8(deepest - 1))
    }

    consuming func build(offset: Double = IsolationForest.offsetDefault) -> IsolationForest {
        IsolationForest(
            features: features, sampleCount: sampleCount, offset: offset, nodes: nodes, samples: samples,
            heights: heights, roots: roots, depths: depths)
    }

    /// Appends a node as a leaf, and queues it if it may be split.
    private mutating func add(_ pending: Pending, root: Int) {
        let rowsCount = pending.end - pending.start
        tree[grown] = .leaf(at: root + pending.node)
        treeSamples[grown] = UInt32(rowsCount)
        treeHeights[grown] = Double(pending.depth) + pathLengths[rowsCount] - 1
        grown += 1
        guard rowsCount > 1, pending.depth <= depthMax else { return }
        queue[queued] = pending
        queued += 1
    }

    /// A column that is not constant in the node, and a threshold that parts it; nil if every column is constant.
    private mutating func drawSplit(_ pending: Pending) -> Split? {
        let dealt = deck.deal(depth: pending.depth - 1, using: &generator)
        if let split = drawSplit(pending, of: dealt) { return split }
        var left = features
        while left > 0 {
            let drawn = left == 1 ? 0 : generator.draw(below: left)
            let feature = candidates[drawn]
            if feature != dealt, let split = drawSplit(pending, of: feature) { return split }
            left -= 1
            candidates.swapAt(drawn, left)
        }
        return nil
    }

    private mutating func drawSplit(_ pending: Pending, of feature: Int) -> Split? {
        let (low, high) = range(of: feature, pending)
        guard low < high else { return nil }
        let place = Double(low) + generator.drawUnit() * (Double(high) - Double(low))
        let threshold = IsolationForest.roundedDown(place)
        return (feature, threshold < high ? max(threshold, low) : low)
    }

    /// The least and the largest value of a column in the node; missing values have no part in it.
    private func range(of feature: Int, _ pending: Pending) -> (low: Float, high: Float) {
        let base = feature &* sampleCount
        // Two chains of comparisons, because one would wait for itself.
        var (low, high) = (Float.infinity, -Float.infinity)
        var (low2, high2) = (low, high)
        var index = pending.start
        while index &+ 1 < pending.end {
            let value = columns[base &+ Int(order[index])]
            let value2 = columns[base &+ Int(order[index &+ 1])]
            low = value < low ? value : low
            high = value > high ? value : high
            low2 = value2 < low2 ? value2 : low2
            high2 = value2 > high2 ? value2 : high2
            index &+= 2
        }
        if index < pending.end {
            let value = columns[base &+ Int(order[index])]
            low = value < low ? value : low
            high = value > high ? value : high
        }
        return (low2 < low ? low2 : low, high2 > high ? high2 : high)
    }

    /// Brings the rows that go left to the front of the node's range; returns where the others begin.
    private func partition(_ pending: Pending, by split: Split) -> (middle: Int, missingLeft: Bool) {
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
    private func partitionPresent(_ pending: Pending, by split: Split) -> Int {
        let base = split.feature &* sampleCount
        var (left, right) = (pending.start, 0)
        for index in pending.start..<pending.end {
            let row = order[index]
            let goesLeft = columns[base &+ Int(row)] <= split.threshold ? 1 : 0
            order[left] = row
            spare[right] = row
            left &+= goesLeft
            right &+= 1 &- goesLeft
        }
        for index in 0..<right { order[left &+ index] = spare[index] }
        return left
    }
}
