/// Where the alarm line of a slow chart is while something happens.
///
/// An alarm begins at the line and ends well below it, or where it is down to about half of its worst: after a violent
/// fault a device is slow to come back and never quite the same, and that is no second fault. The worst is forgotten in
/// some thousand rows.
struct EpisodeLine: Hashable, Sendable {
    /// Part of the line at which an alarm ends.
    static let endPart = 0.75
    /// Part of the worst at which it ends.
    static let peakPart = 0.55
    /// What is left of the worst a row later, once the alarm is over.
    static let peakDecay = 0.999
    static let peakMax = 1e9

    /// The worst so far, 1 at the line.
    var peak = 0.0
    var isOn = false

    /// - Parameters:
    ///   - slow: of the chart, in units of the line.
    ///   - worst: of all charts: what any of them saw is known.
    /// - Returns: in units of the line that holds now: more than 1 is an alarm.
    mutating func take(_ slow: Double, worst: Double) -> Double {
        peak = max(isOn ? peak : peak * Self.peakDecay, min(worst, Self.peakMax))
        let line = max(isOn ? Self.endPart : 1, Self.peakPart * peak)
        isOn = slow > line
        return slow / line
    }
}
