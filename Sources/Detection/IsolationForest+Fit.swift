extension IsolationForest {
    package static let treesDefault = 100
    package static let sampleCountDefault = 256

    /// Grows a forest. The same rows and seed give the same forest, on every machine.
    ///
    /// Each tree takes its own sample without replacement and splits it at random until rows are alone, equal, or
    /// ceil(log2 ψ) steps deep: deeper, rows are ordinary anyway. A split takes a column at random among those that
    /// are not constant in the node, and a place uniformly between its least and its largest value there. Missing
    /// values (NaN) take the side where more rows went; infinities count as the largest float32.
    ///
    /// Across trees, chance is spread evenly where the paper leaves it free: rows come round before one comes again, and
    /// so do the columns at each depth.
    ///
    /// - Parameters:
    ///   - rows: row-major, n × `features`, n ≥ 1.
    ///   - features: columns of a row, 1 to `Limit.features`.
    ///   - trees: how many to grow, 1 to `Limit.trees`; the paper finds that 100 are enough.
    ///   - sampleCount: ψ, rows a tree; all of them when there are fewer.
    /// - Precondition: the ranges above; the rows are the caller's own data, already checked.
    package init(
        fit rows: [Double], features: Int, trees: Int = treesDefault, sampleCount: Int = sampleCountDefault,
        seed: UInt64
    ) {
        precondition((1...Limit.features).contains(features), "\(features) features")
        precondition((1...Limit.trees).contains(trees), "\(trees) trees")
        precondition(
            !rows.isEmpty && rows.count.isMultiple(of: features), "\(rows.count) values are not rows of \(features)")
        let rowsCount = rows.count / features
        let sampled = min(max(1, sampleCount), rowsCount)
        let cast = rows.map(Self.boundedFloat)
        var grower = ForestGrower(
            features: features, rowsCount: rowsCount, sampleCount: sampled, trees: trees,
            hasMissing: cast.contains(where: \.isNaN), seed: seed)
        cast.withUnsafeBufferPointer { cast in
            for _ in 0..<trees { grower.grow(from: cast) }
        }
        self = grower.build()
    }
}
