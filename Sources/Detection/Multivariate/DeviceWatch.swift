import RealModule
package import Telemetry

/// What is unusual in the metrics of one device together, found in the stream.
///
/// Three charts look at each row. The MEWMA of the channels that keep a level finds small shifts that last; T² and Q,
/// over the steps of channels that wander too, find rows that are further out than usual, and metrics that no longer go
/// together. Each has its line (`DeviceLines`), and the raw score is the largest of the three distances, in units of its
/// line. What lasts `acceptCount` rows is the new normal: the levels move there, and the lines with them.
///
/// Fitted from the first rows of the device; O(d²) a row; one small value, without clock or history.
package struct DeviceWatch: Hashable, Sendable {
    /// λ of the MEWMA: it averages about 80 rows.
    package static let levelGain = 0.025
    /// Rows that the device shows before it is judged, if nothing else is known; and the fewest that will do.
    package static let rowsCount = 400
    package static let rowsCountMin = 100
    /// Metrics from which a device is watched as a whole.
    package static let metricsCountMin = 2
    package static let metricsCountMax = SymmetricMatrix.countMax
    /// Alarms, less quiet rows, after which what is new is normal: longer than faults last, shorter than patience.
    package static let acceptCount = 1000.0
    /// Lines then are at so many times what T² and Q are.
    static let acceptMargin = 1.5
    /// A channel that adds this part of T² is the reason by itself.
    static let alonePart = 2.0 / 3

    package let metrics: [Metric]
    var channels: [DeviceChannel]
    /// Places of the channels that are not still, and among those of the settled ones.
    let active: [Int]
    let settled: [Int]
    /// Covariance of standardised rows of active channels.
    let covariance: SymmetricMatrix
    var lines: DeviceLines
    /// nil if no channel keeps a level.
    var levels: MEWMA?
    var subspace: SubspaceChart
    var episode = EpisodeLine()
    var burden = 0.0
    /// Of active channels.
    var last: [Double]
    var lastTimes: [Instant]
    var lastTime: Instant
    /// The usual time between two rows in microseconds; 0 if unknown.
    let interval: Double

    /// What was found in one row.
    package struct Finding: Hashable, Sendable {
        /// 1 at the alarm line; finite, not negative.
        package let raw: Double
        /// The main reason; nil up to the line.
        package let reason: AnomalyReason?
    }

    /// What a row is like by the state as it stands: of a late row, say.
    package func finding(of row: [Double], at time: Instant) -> Finding {
        var copy = self
        return copy.assess(row, at: time)
    }

    /// Scores a row and learns it.
    ///
    /// - Parameters:
    ///   - row: one value a metric, in the order of `metrics`, each in its unit. What is not finite is absent, and says
    ///     nothing.
    ///   - time: later than that of the row before; late ones go to `finding(of:at:)`.
    /// - Precondition: `row` has as many values as there are metrics.
    package mutating func assess(_ row: [Double], at time: Instant) -> Finding {
        precondition(row.count == metrics.count, "\(row.count) values of \(metrics.count) metrics")
        let intervals = intervals(from: lastTime, to: time)
        if intervals >= SeriesWatch.gapFrom { levels?.fade(missed: min(intervals, SeriesWatch.gapMax)) }
        let standard = standardised(row, at: time)
        lastTime = max(lastTime, time)
        let level = levels?.take(settled.map { standard[$0] }) ?? 0
        subspace.take(standard)
        let parts = (
            level: Self.part(level, of: lines.level), tSquared: Self.part(subspace.tSquared, of: lines.tSquared),
            q: Self.part(subspace.q, of: lines.q)
        )
        let held = episode.take(parts.level, worst: max(parts.level, parts.tSquared, parts.q))
        let raw = min(max(held, parts.tSquared, parts.q), EWMAResidual.deviationsMax)
        var reason: AnomalyReason?
        if raw > 1 {
            let largest = max(held, parts.tSquared, parts.q)
            reason = largest == held ? levelReason : largest == parts.q ? relationReason : restlessReason
        }
        burden = max(0, burden + (raw > 1 ? 1 : -1))
        if burden >= Self.acceptCount { accept() }
        return Finding(raw: raw, reason: reason)
    }

    /// A distance in units of its line.
    private static func part(_ square: Double, of line: Double) -> Double {
        (max(0, square) / line).squareRoot()
    }

    private func intervals(from: Instant, to time: Instant) -> Double {
        guard interval > 0, time > from else { return 0 }
        return Double(time.microseconds(since: from)) / interval
    }

    /// The active channels of a row in their deviations, 0 where absent; notes the values.
    private mutating func standardised(_ row: [Double], at time: Instant) -> [Double] {
        var standard = [Double](repeating: 0, count: active.count)
        for (place, index) in active.enumerated() where row[index].isFinite {
            let value = EWMAResidual.bounded(row[index])
            let intervals = intervals(from: lastTimes[place], to: time)
            let widening = intervals < SeriesWatch.gapFrom ? 1 : min(intervals, SeriesWatch.gapMax).squareRoot()
            standard[place] = channels[index].standardised(value, last: last[place], widening: widening)
            (last[place], lastTimes[place]) = (value, max(time, lastTimes[place]))
        }
        return standard
    }

    /// What lasted is no fault.
    private mutating func accept() {
        if let moved = levels?.accept() {
            for (place, distance) in zip(settled, moved) {
                let index = active[place]
                channels[index].center = EWMAResidual.bounded(
                    channels[index].center + distance * channels[index].deviation)
            }
        }
        lines.tSquared = max(lines.tSquared, Self.acceptMargin * min(subspace.tSquared, DeviceLines.lineMax))
        lines.q = max(lines.q, Self.acceptMargin * min(subspace.q, DeviceLines.lineMax))
        episode = EpisodeLine()
        burden = 0
    }
}

/// Reasons: which metrics a distance is made of.
extension DeviceWatch {
    private var levelReason: AnomalyReason {
        guard let levels else { return restlessReason }
        let shares = levels.contributions
        let (first, second) = Self.largest(shares)
        let name = metrics[active[settled[first]]]
        guard let second, shares[first] < Self.alonePart * levels.precision.quadratic(levels.mean) else {
            return .offLevel(name, deviations: levels.mean[first])
        }
        let other = metrics[active[settled[second]]]
        // Both off in the way in which they move together is no disagreement.
        let together = covariance[settled[first], settled[second]] * levels.mean[first] * levels.mean[second]
        return together > 0 ? .offTogether(name, other) : .disagreement(name, other)
    }

    private var relationReason: AnomalyReason {
        let (first, second) = Self.largest(subspace.strangeness)
        guard let second else { return restlessReason }
        return .disagreement(metrics[active[first]], metrics[active[second]])
    }

    private var restlessReason: AnomalyReason {
        let usual = active.indices.map { subspace.restlessness[$0] / covariance[$0, $0] }
        let (first, _) = Self.largest(usual)
        return .unsteady(metrics[active[first]], times: usual[first].squareRoot())
    }

    /// The places of the two largest; not of none.
    private static func largest(_ values: [Double]) -> (first: Int, second: Int?) {
        var (first, second): (Int, Int?) = (0, nil)
        for place in values.indices.dropFirst() {
            if values[place] > values[first] {
                (first, second) = (place, first)
            } else if second.map({ values[place] > values[$0] }) ?? true {
                second = place
            }
        }
        return (first, second)
    }
}
