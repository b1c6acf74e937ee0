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
    /// Of the whole device, if this series carries it.
    package internal(set) var panel: DevicePanel?
    /// Since the store was last told.
    package internal(set) var isChanged = false
    /// It was heard here since the store was last told. What came from another owner, or from the store, was not.
    package internal(set) var isHeard = false
    /// Its silence was noticed here, and it was not heard since.
    package internal(set) var isSilenceNoticed = false
    /// When it was last heard here, or came here, by this owner's own clock: receivers' clocks differ, and are set.
    var heardAt = Moment(microseconds: .min)

    /// The weight of the newest interval, as a divisor.
    private static let intervalWeight: Int64 = 8
    /// A pause longer than this says nothing about the rhythm.
    private static let intervalMax: Int64 = 86_400_000_000
    /// A silence counts as a pause of so many times `silentAfter` at most: a device that was away for an hour has the rhythm
    /// that it had, and one that has a slower one from now on is known by it after a few readings.
    private static let silencesMax: Int64 = 3

    package init() {}

    package init(_ row: LatestRow) {
        time = row.time
        value = row.value
        verdict = row.verdict
        lastHeard = row.lastHeard
        usualInterval = min(max(0, row.usualInterval), Self.intervalMax)  // a disk may say anything
        // A state of another format starts anew.
        let known = Self.decoded(row.state)
        detector = known.detector ?? DetectorState()
        panel = known.panel
    }

    /// As another owner knew it.
    init(
        time: Instant?, value: Double, verdict: Verdict, lastHeard: Instant, usualInterval: Int64,
        detector: DetectorState, panel: DevicePanel?, isHeard: Bool
    ) {
        self.time = time
        self.value = value
        self.verdict = verdict
        self.lastHeard = lastHeard
        self.usualInterval = min(max(0, usualInterval), Self.intervalMax)
        self.detector = detector
        self.panel = panel
        self.isHeard = isHeard
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

    /// A verdict, and what the reading is to its series.
    struct Judged {
        let verdict: Verdict
        /// Later than the last.
        let isNewest: Bool
        let isFirst: Bool
    }

    /// Judges one reading; moves the state only if the reading is later than the last.
    /// - Parameter ended: gets the end of a silence that the reading ends.
    mutating func judge(
        _ reading: Arrival, of series: Series, _ models: inout ModelRegistry, ended: inout [SilenceEnd], now: Moment
    ) -> Judged {
        // The newest reading again, perhaps through another node: the same verdict, and nothing new.
        if time == reading.time, value == reading.value {
            hear(reading, of: series, &ended, now)
            return Judged(verdict: verdict, isNewest: false, isFirst: false)
        }
        let isFirst = time == nil
        let isLate = time.map { reading.time <= $0 } ?? false
        let verdict = assess(reading, of: series, isLate: isLate, &models)
        hear(reading, of: series, &ended, now)
        guard !isLate else { return Judged(verdict: verdict, isNewest: false, isFirst: false) }
        time = reading.time
        value = reading.value
        self.verdict = verdict
        isChanged = true
        return Judged(verdict: verdict, isNewest: true, isFirst: isFirst)
    }

    /// The verdict on the newest reading is another, seen together with the device's other metrics.
    mutating func amend(_ verdict: Verdict) {
        self.verdict = verdict
    }

    private mutating func assess(
        _ reading: Arrival, of series: Series, isLate: Bool, _ models: inout ModelRegistry
    ) -> Verdict {
        guard let model = models.model(for: series.metric) else {
            if !isLate {
                detector.learn(reading.value, at: reading.time)
                _ = models.observe(reading.value, at: reading.time, series: series)
            }
            return Verdict(result: .learning, score: 0, model: .none, isLate: isLate)
        }
        if !isLate {
            models.scoreInShadow(Reading(series: series, time: reading.time, value: reading.value), frozen: detector)
        }
        let found =
            isLate
            ? model.assess(reading.value, at: reading.time, frozen: detector)
            : model.assess(reading.value, at: reading.time, state: &detector)
        return model.verdict(found, isLate: isLate)
    }

    /// A late reading that was received before the last one, as a log may bring it up after days, says nothing of now.
    private mutating func hear(
        _ reading: Arrival, of series: Series, _ ended: inout [SilenceEnd], _ now: Moment
    ) {
        let isLater = time.map { $0 < reading.time } ?? true
        guard isLater || reading.receivedAt > lastHeard else { return }
        let pause = reading.receivedAt.microseconds(since: lastHeard)
        // Where it was not noticed here, it may have been by an owner before.
        if let time, isSilenceNoticed || pause > silentAfter {
            ended.append(SilenceEnd(series: series, start: time, end: max(reading.time, time)))
        }
        isSilenceNoticed = false
        isHeard = true
        isChanged = true
        heardAt = now
        guard pause > 0 else { return }
        if time != nil, pause <= Self.intervalMax { count(pause) }
        lastHeard = reading.receivedAt
    }

    private mutating func count(_ pause: Int64) {
        guard usualInterval > 0 else {
            usualInterval = pause
            return
        }
        usualInterval += (min(pause, Self.silencesMax * silentAfter) - usualInterval) / Self.intervalWeight
    }

    /// Its newest reading is all there is of it.
    mutating func beginAnew() {
        usualInterval = 0
        detector = DetectorState()
        panel = nil
        isChanged = true
    }

    /// It comes from another owner, or from the store: listening begins. What the other heard and did not tell the store is
    /// to be told by this one.
    mutating func arrive(_ now: Moment) {
        isSilenceNoticed = false
        heardAt = now
    }

    /// Somebody heard it and could not tell the store.
    mutating func markHeard() {
        isHeard = true
        isChanged = true
    }

    /// Of two states of one series the later ends the silence that may have begun with the other.
    func silenceEnd(of series: Series, meeting other: SeriesState) -> SilenceEnd? {
        guard let time, let otherTime = other.time, time != otherTime else { return nil }
        guard time < otherTime else { return other.silenceEnd(of: series, meeting: self) }
        guard isSilenceNoticed || other.lastHeard.microseconds(since: lastHeard) > silentAfter else { return nil }
        return SilenceEnd(series: series, start: time, end: otherTime)
    }

    /// Unheard for three times its usual interval, and for ten seconds at least; or its owner noticed by its own clock.
    package func isSilent(at now: Instant) -> Bool {
        isSilenceNoticed || now.microseconds(since: lastHeard) > silentAfter
    }

    /// Microseconds of silence until then.
    package var silentAfter: Int64 { Self.silentAfter(usualInterval: usualInterval) }

    /// The same of any series with that usual interval; 0 while it is unknown.
    package static func silentAfter(usualInterval: Int64) -> Int64 {
        max(silenceMin, 3 * min(max(0, usualInterval), intervalMax))
    }

    static let silenceMin: Int64 = 10_000_000

    /// - Precondition: has a reading.
    func row(of series: Series) -> LatestRow {
        LatestRow(
            series: series, time: time ?? .epoch, value: value, verdict: verdict, lastHeard: lastHeard,
            usualInterval: usualInterval, state: encoded, isHeard: isHeard)
    }
}
