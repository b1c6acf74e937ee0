package import Telemetry

extension DeviceWatch {
    /// How much correlations are drawn towards none, so that channels that say the same cannot break the inverse
    /// (Ledoit, Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", 2004, with a fixed
    /// intensity: theirs is smaller for hundreds of rows, and this one leaves room for relations that drift).
    static let shrinkage = 0.1
    static let ridge = 1e-6

    /// Learns a device from its first rows, in order of time. A few anomalies among them do little; rows that are mostly
    /// anomalous teach that.
    ///
    /// - Parameters:
    ///   - rows: row-major, n × metrics, in the metrics' units; what is not finite is absent.
    ///   - times: n, in order.
    ///   - budget: the share of clean rows that may alarm, above 0 and below 1.
    /// - Returns: nil if there are fewer than `rowsCountMin` rows, no metric or more than `metricsCountMax`, or not one
    ///   that changes.
    package init?(
        fit rows: [Double], metrics: [Metric], times: [Instant], budget: Double = SeriesWatch.falseAlarmBudget
    ) {
        let width = metrics.count
        guard (1...Self.metricsCountMax).contains(width), rows.count == times.count * width,
            times.count >= Self.rowsCountMin
        else { return nil }
        let columns = (0..<width).map { column in
            stride(from: column, to: rows.count, by: width).map { place in
                rows[place].isFinite ? EWMAResidual.bounded(rows[place]) : .nan
            }
        }
        let channels = columns.map(DeviceChannel.init(fit:))
        let active = channels.indices.filter { channels[$0].kind != .still }
        guard !active.isEmpty else { return nil }
        let settled = active.indices.filter { channels[active[$0]].kind == .settled }
        let standard = active.map { Self.standardised(columns[$0], by: channels[$0]) }
        let present = active.map { index in Double(columns[index].count { !$0.isNaN }) / Double(times.count) }
        let covariance = Self.covariance(standard, present: present)
        let steps = zip(times.dropFirst(), times).map { Double(max(0, $0.microseconds(since: $1))) }.sorted()
        self.init(
            metrics: metrics, channels: channels, covariance: covariance, interval: MetricWorld.quantile(0.5, of: steps)
        )
        learn(standard, settled: settled, budget: budget)
        let lastPresent = active.map { index in columns[index].lastIndex { !$0.isNaN } ?? 0 }
        last = zip(active, lastPresent).map { columns[$0][$1] }
        lastTimes = lastPresent.map { times[$0] }
        lastTime = times[times.count - 1]
    }

    /// With charts that saw nothing yet. The covariance is of the channels that are not still.
    init?(
        metrics: [Metric], channels: [DeviceChannel], covariance: SymmetricMatrix, interval: Double,
        wander: [Double]? = nil
    ) {
        let active = channels.indices.filter { channels[$0].kind != .still }
        let settled = active.indices.filter { channels[active[$0]].kind == .settled }
        guard !active.isEmpty, covariance.inverse() != nil else { return nil }
        if !settled.isEmpty {
            let persistence = settled.map { channels[active[$0]].persistence }
            guard
                let levels = MEWMA(
                    covariance: covariance.part(settled), persistence: persistence, gain: Self.levelGain,
                    wander: wander)
            else { return nil }
            self.levels = levels
        }
        (self.metrics, self.channels, self.covariance, self.interval) = (metrics, channels, covariance, interval)
        (self.active, self.settled) = (active, settled)
        subspace = SubspaceChart(covariance: covariance)
        lines = DeviceLines(
            level: DeviceLines.lineMax, tSquared: DeviceLines.lineMax, q: DeviceLines.lineMax)
        last = .init(repeating: 0, count: active.count)
        lastTimes = .init(repeating: .distantPast, count: active.count)
        lastTime = .distantPast
    }

    /// A column in its deviations, 0 where absent.
    private static func standardised(_ column: [Double], by channel: DeviceChannel) -> [Double] {
        var last: Double?
        return column.map { value in
            guard !value.isNaN else { return 0 }
            defer { last = value }
            return channel.standardised(value, last: last ?? value, widening: 1)
        }
    }

    /// Around 0, shrunk. An absent value is a 0 among the rows, and its channel's share of them is allowed for.
    private static func covariance(_ columns: [[Double]], present: [Double]) -> SymmetricMatrix {
        var covariance = SymmetricMatrix(diagonal: columns.map { _ in 0 })
        for row in columns.indices {
            for column in 0...row {
                let sum = zip(columns[row], columns[column]).reduce(0) { $0 + $1.0 * $1.1 }
                let count = Double(columns[row].count) * (present[row] * present[column]).squareRoot()
                covariance[row, column] = sum / count * (row == column ? 1 : 1 - shrinkage)
            }
            covariance[row, row] += ridge
        }
        return covariance
    }

    /// Sets the lines by rows held back, and leaves the charts as they are after all rows.
    private mutating func learn(_ columns: [[Double]], settled: [Int], budget: Double) {
        let count = columns[0].count
        var (tSquareds, qs): ([Double], [Double]) = ([], [])
        for row in 0..<count {
            subspace.take(columns.map { $0[row] })
            tSquareds.append(subspace.tSquared)
            qs.append(subspace.q)
        }
        let theory = subspace.lines(budget: budget)
        lines.tSquared = DeviceLines.line(theory: theory.tSquared, squares: tSquareds, budget: budget)
        lines.q = DeviceLines.line(theory: theory.q, squares: qs, budget: budget)
        guard let fresh = levels else { return }
        let kept = settled.map { columns[$0] }
        var distances: [Double] = []
        for fold in 0..<DeviceLines.foldsCount {
            let held = (fold * count / DeviceLines.foldsCount)..<((fold + 1) * count / DeviceLines.foldsCount)
            // Around the level that the other rows have.
            let centers = kept.map { column in
                (column.reduce(0, +) - column[held].reduce(0, +)) / Double(count - held.count)
            }
            var chart = fresh
            for row in held { distances.append(chart.take(zip(kept, centers).map { $0[row] - $1 })) }
        }
        let degrees = Double(settled.count)
        lines.level = DeviceLines.line(
            theory: ChiSquared.quantile(beyond: budget, degrees: degrees), squares: distances, budget: budget)
        for row in 0..<count { _ = levels?.take(kept.map { $0[row] }) }
    }
}
