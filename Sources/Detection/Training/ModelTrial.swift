package import Telemetry

/// A candidate for a metric's model, and how it does beside the one that serves, on readings that it was not trained on.
///
/// Each series of the sample is cut in time: its first part trains, its last part is held back. Both models then go through
/// every series from its start, and what they say of the part held back is counted.
package struct ModelTrial: Hashable, Sendable {
    /// Readings of one series, in the order of their times.
    package struct Sample: Hashable, Sendable {
        package let series: Series
        package let times: [Instant]
        package let values: [Double]

        /// - Precondition: as many times as values.
        package init(series: Series, times: [Instant], values: [Double]) {
            precondition(times.count == values.count, "\(times.count) times for \(values.count) values")
            self.series = series
            self.times = times
            self.values = values
        }

        var heldBackFrom: Int { values.count - values.count / ModelTrial.heldBackPart }
    }

    /// One reading in so many is held back.
    static let heldBackPart = 4
    /// Readings that a candidate learns from at most: the newest of the earlier parts, as many of each series.
    package static let readingsCountMax = 16_384
    /// Fewer readings than the first model takes are too few for a better one.
    package static let readingsCountMin = DetectorTrainer.readingsCount

    package let candidate: Model
    /// Readings held back, and alarms among them: of the candidate, and of the model that serves (nil without one).
    package let heldBack: Int
    package let alarms: Int
    package let alarmsBefore: Int?
    package let budget: Double

    /// Share of the held-back readings that the candidate calls anomalies; nil if none were held back.
    package var alarmRate: Double? { heldBack > 0 ? Double(alarms) / Double(heldBack) : nil }
    package var alarmRateBefore: Double? {
        heldBack > 0 ? alarmsBefore.map { Double($0) / Double(heldBack) } : nil
    }

    /// Alarms that the candidate may raise: as many as the one before it and the budget's, rounded up; without one before
    /// it, any number, because nothing scores at all until then.
    package var alarmsAllowed: Int? {
        alarmsBefore.map { $0 + Int((budget * Double(heldBack)).rounded(.up)) }
    }

    /// It does not raise the alarm rate beyond the budget.
    package var isAccepted: Bool { alarmsAllowed.map { alarms <= $0 } ?? true }

    /// Trains a detector and tries it.
    ///
    /// - Parameters:
    ///   - id: of the candidate.
    ///   - budget: the share of clean readings that may alarm.
    ///   - seed: the same samples and seed give the same candidate.
    /// - Returns: nil if the samples hold fewer than `readingsCountMin` finite readings outside of what is held back.
    package init?(
        training samples: [Sample], id: ModelID, serving: Model?, budget: Double = SeriesWatch.falseAlarmBudget,
        seed: UInt64
    ) {
        let share = max(1, Self.readingsCountMax / max(1, samples.count))
        var trainer = DetectorTrainer(limit: Self.readingsCountMax)
        for sample in samples {
            for index in (0..<sample.heldBackFrom).suffix(share) {
                trainer.append(sample.values[index], at: sample.times[index], series: sample.series)
            }
        }
        guard trainer.count >= Self.readingsCountMin else { return nil }
        let trained = trainer.train(name: id.name, version: id.version, seed: seed)
        self.init(trying: .detector(trained), on: samples, serving: serving, budget: budget)
    }

    /// Tries a model that was made elsewhere.
    package init(
        trying candidate: Model, on samples: [Sample], serving: Model?, budget: Double = SeriesWatch.falseAlarmBudget
    ) {
        self.candidate = candidate
        self.budget = budget
        heldBack = samples.reduce(0) { $0 + $1.values.count - $1.heldBackFrom }
        alarms = Self.alarms(of: candidate, on: samples)
        alarmsBefore = serving.map { Self.alarms(of: $0, on: samples) }
    }

    private static func alarms(of model: Model, on samples: [Sample]) -> Int {
        var alarms = 0
        for sample in samples {
            var state = DetectorState()
            for (index, (time, value)) in zip(sample.times, sample.values).enumerated() {
                let found = model.assess(value, at: time, state: &state)
                if index >= sample.heldBackFrom, Detector.result(score: found.score) == .anomaly { alarms += 1 }
            }
        }
        return alarms
    }
}
