package import Telemetry

/// One version of one metric's model: says how anomalous a reading is, given what its series did before.
///
/// The value itself says little: one metric's devices stand in different places, and a day is wider than most faults.
/// So a series is measured against its own forecast (`EWMAResidual`), and the metric's training against that: an isolation
/// forest over (residual, step, position in the metric's range) knows which residuals are nothing special for this
/// metric, such as the spikes of a load that has them every hour, and takes weight off them. A series too young for a
/// forecast is judged by the metric's world alone, so a new device at another level is no alarm.
package struct Detector: Hashable, Sendable {
    package let id: ModelID
    package let world: MetricWorld
    /// nil if the training readings were too few per series to learn residuals from.
    package let familiarity: ResidualFamiliarity?
    /// Readings it was trained on.
    package let readingsCount: Int

    /// - Precondition: `readingsCount` is not negative.
    package init(id: ModelID, world: MetricWorld, familiarity: ResidualFamiliarity?, readingsCount: Int) {
        precondition(readingsCount >= 0, "\(readingsCount) readings")
        self.id = id
        self.world = world
        self.familiarity = familiarity
        self.readingsCount = readingsCount
    }

    /// A score, and why it is above the line.
    package struct Assessment: Hashable, Sendable {
        /// 0 to 1, 0.5 at the alarm line, higher is more anomalous.
        package let score: Double
        /// nil for normal readings.
        package let reason: AnomalyReason?

        package init(score: Double, reason: AnomalyReason?) {
            self.score = score
            self.reason = reason
        }
    }

    /// Scores a reading and moves the state on by it.
    ///
    /// - Parameter time: later than that of the series' last reading; late ones go to `assess(_:at:frozen:)`.
    /// - Returns: a score beyond the line for a value that is not finite; it moves nothing.
    package func assess(_ value: Double, at time: Instant, state: inout DetectorState) -> Assessment {
        guard value.isFinite else { return Self.notFinite }
        let (isWarm, reach) = (state.residual.isWarm, state.reach)
        let isForeign = world.isForeign(value, to: state.residual)
        let found = state.take(value, at: time, world: world, isForeign: isForeign)
        guard isWarm else { return assessment(young(value, isForeign: isForeign), found.watched, at: time) }
        let quick = weighted(found.alone, of: value)
        state.learn(reached: quick)
        return assessment(alone(found.alone, quick: quick, reach), found.watched, at: time)
    }

    /// Scores a late reading by the state as it stands.
    package func assess(_ value: Double, at time: Instant, frozen state: DetectorState) -> Assessment {
        guard value.isFinite else { return Self.notFinite }
        let watched = state.watch.finding(of: value, at: time)
        guard state.residual.isWarm else {
            return assessment(young(value, isForeign: world.isForeign(value, to: state.residual)), watched, at: time)
        }
        let found = state.residual.residual(of: value, at: time, typical: world.typicalDeviation)
        return assessment(alone(found, quick: weighted(found, of: value), state.reach), watched, at: time)
    }

    /// The values that would raise no alarm by themselves, as a single reading, if they came next and at the usual
    /// interval.
    ///
    /// Beyond it a value may still be none, since the metric's familiarity takes weight off what is nothing special for
    /// it: what alarms begins here or a little farther out. Within it one may be part of something that more than one
    /// reading shows, such as a run or a standstill.
    ///
    /// - Returns: nil while the series is too young for a forecast, and if it is too wild for any single reading to alarm.
    package func expected(after state: DetectorState) -> ClosedRange<Double>? {
        state.residual.expected(
            within: state.reach.line(atLeast: EWMAResidual.outlyingFrom), typical: world.typicalDeviation)
    }

    /// The score of `assess(_:at:state:)` alone.
    package func score(_ value: Double, at time: Instant, state: inout DetectorState) -> Double {
        assess(value, at: time, state: &state).score
    }

    /// The score of `assess(_:at:frozen:)` alone.
    package func score(_ value: Double, at time: Instant, frozen state: DetectorState) -> Double {
        assess(value, at: time, frozen: state).score
    }

    /// A raw score as it is told: 1, the alarm line, becomes 0.5, and nothing reaches 1.
    package static func score(raw: Double) -> Double { raw / (1 + raw) }

    /// `.anomaly` exactly if the score is above 0.5, `.normal` otherwise.
    package static func result(score: Double) -> ScoreResult {
        score > 0.5 ? .anomaly : .normal
    }

    /// What a single reading is like by itself: 1 at the alarm line; finite, not negative.
    private struct Alone {
        var raw: Double
        var reason: AnomalyReason?

        static let nothing = Alone(raw: 0, reason: nil)
    }

    private func assessment(_ alone: Alone, _ found: SeriesWatch.Finding, at time: Instant) -> Assessment {
        var raw = max(alone.raw, found.raw > 1 ? found.raw + Self.aloneMax : found.raw)
        if found.lasting != nil { raw = max(raw, Self.lastingRaw) }
        let score = Self.score(raw: raw)
        guard Self.result(score: score) == .anomaly else { return Assessment(score: score, reason: nil) }
        guard found.raw <= 1 else { return Assessment(score: score, reason: found.reason) }
        if let lasting = found.lasting { return Assessment(score: score, reason: lasting) }
        // What is off by itself is named by its hour, if that has a usual value that is as far away.
        if case .spike(let deviations, nil) = alone.reason, let fromHour = found.fromHour, fromHour * deviations > 0 {
            let hour = SeriesWatch.hour(of: time)
            return Assessment(score: score, reason: .spike(deviations: fromHour, hour: hour))
        }
        return Assessment(score: score, reason: alone.reason)
    }

    private static let notFinite: Assessment = {
        let raw = EWMAResidual.deviationsMax
        return Assessment(score: score(raw: raw), reason: .notFinite)
    }()

    /// Of a series too young for a forecast.
    private func young(_ value: Double, isForeign: Bool) -> Alone {
        guard isForeign else { return .nothing }
        let raw = min(abs(world.position(of: value)) / MetricWorld.foreignFrom, EWMAResidual.deviationsMax)
        return Alone(raw: raw, reason: .foreign)
    }

    private func alone(_ found: EWMAResidual.Residual, quick: Double, _ reach: SpikeReach) -> Alone {
        let raw = reach.raw(quick, line: EWMAResidual.outlyingFrom)
        return Alone(raw: Self.tempered(raw), reason: .spike(deviations: found.deviations, hour: nil))
    }

    /// The quick residual, less what is nothing special for the metric.
    private func weighted(_ found: EWMAResidual.Residual, of value: Double) -> Double {
        let quick = found.quick
        let share = quick / EWMAResidual.outlyingFrom
        guard share >= Self.askFrom, let familiarity else { return quick }
        let weight = familiarity.weight(of: found, position: world.position(of: value))
        // The forest's word counts more the nearer the line, fully from there on: no jump where it is first asked.
        let say = min(1, (share - Self.askFrom) / (1 - Self.askFrom))
        return quick * (1 - say * (1 - weight))
    }

    /// One reading off, within the range that the series always had, is an anomaly but a small one: whatever its size, it
    /// ranks below what the watch finds. A reading beyond the range is the watch's to find.
    private static func tempered(_ raw: Double) -> Double {
        raw <= 1 ? raw : 1 + aloneMax * (1 - 1 / raw)
    }

    private static let aloneMax = 0.5
    /// From this score on, what the watch found: readings that begin something, or at which it grows. Between the alarm line
    /// and this are single spikes within the usual range, and what was announced and lasts.
    package static let newsLine = (1 + aloneMax) / (2 + aloneMax)
    /// What was announced and lasts is an anomaly still, and no news.
    private static let lastingRaw = 1.05
    /// Raw score from which the forest is asked. Ninety-eight of a hundred ordinary readings never ask it, which keeps scoring cheap.
    private static let askFrom = 0.6
}
