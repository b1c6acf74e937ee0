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

    /// Scores a reading and moves the state on by it.
    ///
    /// - Parameter time: later than that of the series' last reading; late ones go to `score(_:at:frozen:)`.
    /// - Returns: 0 to 1, 0.5 at the alarm line, higher is more anomalous. A value that is not finite is far beyond it.
    package func score(_ value: Double, at time: Instant, state: inout DetectorState) -> Double {
        let score = score(value, at: time, frozen: state)
        state.update(with: value, at: time, world: world)
        return score
    }

    /// Scores a late reading by the state as it stands.
    package func score(_ value: Double, at time: Instant, frozen state: DetectorState) -> Double {
        let raw = rawScore(value, at: time, residual: state.residual)
        return raw / (1 + raw)
    }

    /// The verdict that goes with a score. Beyond the line is an anomaly; on the line is not, as in `IsolationForest`.
    package func verdict(score: Double, isLate: Bool) -> Verdict {
        Verdict(result: Self.result(score: score), score: score, model: id, isLate: isLate)
    }

    /// `.anomaly` exactly if the score is above 0.5, `.normal` otherwise.
    package static func result(score: Double) -> ScoreResult {
        score > 0.5 ? .anomaly : .normal
    }

    /// 1 at the alarm line; finite, not negative.
    private func rawScore(_ value: Double, at time: Instant, residual: EWMAResidual) -> Double {
        guard value.isFinite else { return EWMAResidual.deviationsMax }
        guard residual.isWarm else {
            guard world.isForeign(value, to: residual) else { return 0 }
            return min(abs(world.position(of: value)) / MetricWorld.foreignFrom, EWMAResidual.deviationsMax)
        }
        let found = residual.residual(of: value, at: time, typical: world.typicalDeviation)
        let slow = abs(found.slow) / EWMAResidual.outlyingFrom
        let quick = found.quick / EWMAResidual.outlyingFrom
        guard quick >= Self.askFrom, let familiarity else { return max(quick, slow) }
        let weight = familiarity.weight(of: found, position: world.position(of: value))
        // The forest's word counts more the nearer the line, fully from there on: no jump where it is first asked.
        let say = min(1, (quick - Self.askFrom) / (1 - Self.askFrom))
        return max(quick * (1 - say * (1 - weight)), slow)
    }

    /// Raw score from which the forest is asked. Ninety-eight of a hundred ordinary readings never ask it, which keeps scoring cheap.
    private static let askFrom = 0.6
}
