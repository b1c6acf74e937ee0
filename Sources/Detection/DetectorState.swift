package import Telemetry

/// What a detector remembers of one series.
///
/// It belongs to the series, not to a version of a model: when a metric's model is replaced, its series go on.
package struct DetectorState: Hashable, Sendable {
    /// What a single reading is measured against.
    private(set) var residual: EWMAResidual
    /// What more than one reading shows: runs, seasons, ranges, standstills.
    private(set) var watch: SeriesWatch

    /// How far single readings go.
    private(set) var reach: SpikeReach

    /// Of a series that sent nothing yet.
    package init() {
        self.init(residual: EWMAResidual(), watch: SeriesWatch(), reach: SpikeReach())
    }

    private init(residual: EWMAResidual, watch: SeriesWatch, reach: SpikeReach) {
        self.residual = residual
        self.watch = watch
        self.reach = reach
    }

    /// Takes in a reading of a metric that has no model yet. A series whose readings are all shown is warm on the day
    /// its metric's model arrives; otherwise its first readings after that pass unjudged.
    package mutating func learn(_ value: Double, at time: Instant) {
        let isWarm = residual.isWarm
        let found = residual.take(value, at: time, typical: 0)
        if isWarm { reach.learn(found.quick, line: EWMAResidual.outlyingFrom) }
        _ = watch.take(value, at: time)
    }

    /// Takes in a finite reading of a metric that has its model.
    mutating func take(
        _ value: Double, at time: Instant, world: MetricWorld, isForeign: Bool
    ) -> (alone: EWMAResidual.Residual, watched: SeriesWatch.Finding) {
        let alone = residual.take(value, at: time, typical: world.typicalDeviation, isForeign: isForeign)
        return (alone, watch.take(value, at: time))
    }

    /// Learns how far a single reading went, in deviations.
    mutating func learn(reached residual: Double) {
        reach.learn(residual, line: EWMAResidual.outlyingFrom)
    }

    /// What is measured against a single reading alone: in training nothing else is asked.
    mutating func update(with value: Double, at time: Instant, world: MetricWorld) {
        residual.update(
            with: value, at: time, typical: world.typicalDeviation,
            isForeign: world.isForeign(value, to: residual))
    }

    private static let version: UInt8 = 2

    private static let headCount = 1 + EWMAResidual.encodedCount + SpikeReach.encodedCount

    /// Of a state with everything in it.
    package static let encodedCountMax = headCount + SeriesWatch.encodedCountMax

    package var encodedCount: Int { Self.headCount + watch.encodedCount }

    /// Versioned bytes for hand-over and for the store.
    package func encoded() -> [UInt8] {
        [Self.version] + residual.encoded() + reach.encoded() + watch.encoded()
    }

    /// - Returns: nil unless the bytes are a state of a version known here; the series then starts anew.
    package init?(decoding bytes: some Collection<UInt8>) {
        // States come by the thousand when a node warms up: one look at the count before anything is copied.
        guard bytes.count > Self.headCount, bytes.count <= Self.encodedCountMax, bytes.first == Self.version,
            let residual = EWMAResidual(decoding: bytes.dropFirst().prefix(EWMAResidual.encodedCount)),
            let reach = SpikeReach(
                decoding: bytes.dropFirst(1 + EWMAResidual.encodedCount).prefix(SpikeReach.encodedCount)),
            let watch = SeriesWatch(decoding: bytes.dropFirst(Self.headCount))
        else { return nil }
        self.init(residual: residual, watch: watch, reach: reach)
    }
}
