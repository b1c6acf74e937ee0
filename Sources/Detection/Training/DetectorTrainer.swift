package import Telemetry

/// Gathers a metric's first readings, from whichever of its devices they come, and makes a detector of them.
package struct DetectorTrainer: Hashable, Sendable {
    /// Readings a detector learns from. The paper's sample size: more of them change a forest little, and a new metric
    /// should not wait.
    package static let readingsCount = 256

    private struct Sample: Hashable, Sendable {
        var series: Int
        var time: Instant
        var value: Double
    }

    private let limit: Int
    private var series: [Series] = []
    private var samples: [Sample] = []

    /// - Parameter limit: readings at most; a first model waits for no more than `readingsCount`.
    package init(limit: Int = readingsCount) {
        self.limit = limit
    }

    package var count: Int { samples.count }
    package var isReady: Bool { samples.count >= limit }

    /// Takes a reading in; one too many and values that are not finite are left out.
    package mutating func append(_ value: Double, at time: Instant, series name: Series) {
        guard !isReady, value.isFinite else { return }
        let index: Int
        if let known = series.firstIndex(of: name) {
            index = known
        } else {
            index = series.count
            series.append(name)
        }
        samples.append(Sample(series: index, time: time, value: value))
    }

    /// A detector from what was gathered. The same readings and seed give the same detector.
    ///
    /// Usually called when `isReady`; with fewer readings the detector knows less, with none it never alarms.
    package func train(name: String, version: UInt32, seed: UInt64) -> Detector {
        let bySeries = series.indices.map { index in
            // A stable order, so that readings of one time stay as they came.
            samples.enumerated().filter { $0.element.series == index }
                .sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
                .map(\.element)
        }
        let steps = bySeries.flatMap { one in zip(one.dropFirst(), one).map { $0.value - $1.value } }
        let world = MetricWorld(values: samples.map(\.value), steps: steps)
        var rows: [Double] = []
        for one in bySeries {
            var state = DetectorState()
            for sample in one {
                if state.residual.isWarm {
                    let residual = state.residual.residual(
                        of: sample.value, at: sample.time, typical: world.typicalDeviation)
                    rows += ResidualFamiliarity.row(residual, position: world.position(of: sample.value))
                }
                state.update(with: sample.value, at: sample.time, world: world)
            }
        }
        return Detector(
            id: ModelID(name: name, version: version), world: world,
            familiarity: ResidualFamiliarity(rows: rows, seed: seed), readingsCount: samples.count)
    }
}
