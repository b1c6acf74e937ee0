import Telemetry

/// What a series usually shows at each time of its day, or of its week.
///
/// A ring of values, one an hour of UTC, read between neighbours by a straight line. Each visit of an hour mostly
/// replaces what the last one left, so the profile follows a season that changes; how much one reading counts goes by
/// the share of the hour that it stands for.
struct SeasonProfile: Hashable, Sendable {
    /// Bins of an hour, in microseconds.
    static let binWidth: Int64 = 3_600_000_000
    static let binsOfDay = 24
    static let binsOfWeek = 168
    /// What a reading counts for each of its share of a bin, and at most.
    static let gainPerBin = 4.0
    static let gainMax = 0.4
    /// Of a bin that no reading reached yet. Finite, so that profiles can be compared.
    static let unknown = Float.greatestFiniteMagnitude
    /// Values in it are within ±this.
    static let valueMax = 1e38
    /// A reading beside a bin's middle by more than 1 − this says nothing of it.
    static let weightMin = 0.01

    /// Empty until the first reading.
    var values: [Float] = []

    /// Where a time falls: between two bins, and how near to the second.
    struct Place {
        let first: Int
        let second: Int
        let part: Double
    }

    /// The place in the week, and the same in the day.
    static func places(of time: Instant) -> (day: Place, week: Place) {
        let period = binWidth * Int64(binsOfWeek)
        let remainder = time.microseconds % period
        // From the middle of the hour before, so that nothing is negative.
        let sinceStart = (remainder < 0 ? remainder + period : remainder) + binWidth / 2
        let hours = Int(sinceStart / binWidth)
        let part = Double(sinceStart % binWidth) / Double(binWidth)
        let second = hours == binsOfWeek ? 0 : hours
        let first = second == 0 ? binsOfWeek - 1 : second - 1
        return (
            Place(first: first % binsOfDay, second: second % binsOfDay, part: part),
            Place(first: first, second: second, part: part)
        )
    }

    /// nil where nothing was learned yet.
    func value(at place: Place) -> Double? {
        guard !values.isEmpty else { return nil }
        let (first, second) = (values[place.first], values[place.second])
        guard first != Self.unknown else { return second == Self.unknown ? nil : Double(second) }
        guard second != Self.unknown else { return Double(first) }
        return Double(first) + place.part * (Double(second) - Double(first))
    }

    mutating func learn(_ value: Double, at place: Place, gain: Double, binsCount: Int) {
        if values.isEmpty { values = .init(repeating: Self.unknown, count: binsCount) }
        learn(value, into: place.first, weight: 1 - place.part, gain: gain)
        learn(value, into: place.second, weight: place.part, gain: gain)
    }

    private mutating func learn(_ value: Double, into bin: Int, weight: Double, gain: Double) {
        guard weight > Self.weightMin else { return }
        let value = EWMAResidual.clipped(value, to: Self.valueMax)
        let old = values[bin]
        values[bin] = old == Self.unknown ? Float(value) : Float(Double(old) + weight * gain * (value - Double(old)))
    }

    /// What one reading counts, by the usual interval in microseconds.
    static func gain(interval: Double) -> Double {
        min(gainMax, interval * (gainPerBin / Double(binWidth)))
    }
}
