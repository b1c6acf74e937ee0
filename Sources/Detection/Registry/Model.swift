package import Telemetry

/// What scores a metric: one version of one model, of whichever kind.
package enum Model: Hashable, Sendable {
    /// Streaming: judges a reading by what its series did before. Starling trains these itself.
    case detector(Detector)
    /// Stateless: judges a value by itself. Made elsewhere, and imported.
    case forest(ForestModel)

    package var id: ModelID {
        switch self {
        case .detector(let detector): detector.id
        case .forest(let forest): forest.id
        }
    }

    /// Readings it was trained on.
    package var readingsCount: Int {
        switch self {
        case .detector(let detector): detector.readingsCount
        case .forest(let forest): forest.readingsCount
        }
    }

    /// The same parameters under another name and version.
    package func renamed(_ id: ModelID) -> Model {
        switch self {
        case .detector(let detector):
            .detector(
                Detector(
                    id: id, world: detector.world, familiarity: detector.familiarity,
                    readingsCount: detector.readingsCount))
        case .forest(let forest):
            .forest(ForestModel(id: id, forest: forest.forest, readingsCount: forest.readingsCount) ?? forest)
        }
    }

    /// Scores a reading and moves the state on by it. Whatever the kind, the state learns: a streaming model that comes
    /// later finds it warm.
    ///
    /// - Parameter time: later than that of the series' last reading; late ones go to `assess(_:at:frozen:)`.
    package func assess(_ value: Double, at time: Instant, state: inout DetectorState) -> Detector.Assessment {
        switch self {
        case .detector(let detector):
            return detector.assess(value, at: time, state: &state)
        case .forest(let forest):
            state.learn(value, at: time)
            return forest.assess(value)
        }
    }

    /// Scores a late reading by the state as it stands.
    package func assess(_ value: Double, at time: Instant, frozen state: DetectorState) -> Detector.Assessment {
        switch self {
        case .detector(let detector): detector.assess(value, at: time, frozen: state)
        case .forest(let forest): forest.assess(value)
        }
    }

    /// See `Detector.expected`. Nil of a forest: what it takes for normal is not one range.
    package func expected(after state: DetectorState) -> ClosedRange<Double>? {
        switch self {
        case .detector(let detector): detector.expected(after: state)
        case .forest: nil
        }
    }

    /// The verdict on what was found. Beyond the line is an anomaly; on the line is not.
    package func verdict(_ found: Detector.Assessment, isLate: Bool) -> Verdict {
        Verdict(
            result: Detector.result(score: found.score), score: found.score, model: id, isLate: isLate,
            reason: found.reason?.description)
    }
}
