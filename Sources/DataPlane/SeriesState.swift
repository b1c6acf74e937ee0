package import Detection
package import Ports
package import Telemetry

/// What an owner knows of one series: its newest reading, its rhythm, and its detector's state.
package struct SeriesState: Hashable, Sendable {
    /// Nil before the first reading.
    package private(set) var time: Instant?
    package private(set) var value = 0.0
    package private(set) var verdict = Verdict.learning
    /// By the receivers' clocks.
    package private(set) var lastHeard = Instant.epoch
    /// The usual time between two readings in microseconds, an exponentially weighted mean; 0 before the second.
    package private(set) var usualInterval: Int64 = 0
    package private(set) var detector = DetectorState()
    /// Since the store was last told.
    package internal(set) var isChanged = false

    /// The weight of the newest interval, as a divisor.
    private static let intervalWeight: Int64 = 8
    /// A pause longer than this says nothing about the rhythm.
    private static let intervalMax: Int64 = 86_400_000_000

    package init() {}

    package init(_ row: LatestRow) {
        time = row.time
        value = row.value
        verdict = row.verdict
        lastHeard = row.lastHeard
        usualInterval = min(max(0, row.usualInterval), Self.intervalMax)  // a disk may say anything
        // A state of another format starts anew.
        detector = DetectorState(decoding: row.state) ?? DetectorState()
    }

    /// As another owner knew it.
    init(
        time: Instant?, value: Double, verdict: Verdict, lastHeard: Instant, usualInterval: Int64,
        detector: DetectorState
    ) {
        self.time = time
        self.value = value
        self.verdict = verdict
        self.lastHeard = lastHeard
        self.usualInterval = min(max(0, usualInterval), Self.intervalMax)
        self.detector = detector
    }

    /// A reading as it reaches its owner.
    package struct Arrival: Hashable, Sendable {
        let time: Instant
        let value: Double
        let receivedAt: Instant

        package init(time: Instant, value: Double, receivedAt: Instant) {
            self.time = time
            self.value = value
            self.receivedAt = receivedAt
        }
    }

    /// Judges one reading; moves the state only if the reading is later than the last.
    package mutating func judge(
        _ reading: Arrival, of series: Series, _ models: inout ModelRegistry
    ) -> Verdict {
        // The newest reading again, perhaps through another node: the same verdict, and nothing new.
        if time == reading.time, value == reading.value {
            hear(reading)
            return verdict
        }
        let isLate = time.map { reading.time <= $0 } ?? false
        let verdict = assess(reading, of: series, isLate: isLate, &models)
        hear(reading)
        guard !isLate else { return verdict }
        time = reading.time
        value = reading.value
        self.verdict = verdict
        isChanged = true
        return verdict
    }

    private mutating func assess(
        _ reading: Arrival, of series: Series, isLate: Bool, _ models: inout ModelRegistry
    ) -> Verdict {
        guard let model = models.detector(for: series.metric) else {
            if !isLate {
                detector.learn(reading.value, at: reading.time)
                _ = models.observe(reading.value, at: reading.time, series: series)
            }
            return Verdict(result: .learning, score: 0, model: .none, isLate: isLate)
        }
        let score =
            isLate
            ? model.score(reading.value, at: reading.time, frozen: detector)
            : model.score(reading.value, at: reading.time, state: &detector)
        return model.verdict(score: score, isLate: isLate)
    }

    private mutating func hear(_ reading: Arrival) {
        guard reading.receivedAt > lastHeard else { return }
        let pause = reading.receivedAt.microseconds(since: lastHeard)
        if time != nil, pause <= Self.intervalMax {
            usualInterval = usualInterval == 0 ? pause : usualInterval + (pause - usualInterval) / Self.intervalWeight
        }
        lastHeard = reading.receivedAt
        isChanged = true
    }

    /// Unheard for three times its usual interval, and for ten seconds at least.
    package func isSilent(at now: Instant) -> Bool {
        now.microseconds(since: lastHeard) > silentAfter
    }

    /// Microseconds of silence until then.
    package var silentAfter: Int64 {
        max(Self.silenceMin, usualInterval.multipliedReportingOverflow(by: 3).partialValue)
    }

    private static let silenceMin: Int64 = 10_000_000

    /// - Precondition: has a reading.
    func row(of series: Series) -> LatestRow {
        LatestRow(
            series: series, time: time ?? .epoch, value: value, verdict: verdict, lastHeard: lastHeard,
            usualInterval: usualInterval, state: detector.encoded())
    }
}
