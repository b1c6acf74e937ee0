package import Telemetry

/// Why a reading is an anomaly: its main reason, as a short sentence.
package enum AnomalyReason: Hashable, Sendable, CustomStringConvertible {
    /// One reading off what was expected, in deviations with their sign; the hour (UTC) if it was the hour's usual value.
    case spike(deviations: Double, hour: Int?)
    /// Readings have been off for a while, each a little; deviations of the latest.
    case run(deviations: Double, hour: Int?)
    /// Away from where the series has been for hundreds of readings.
    case level(deviations: Double)
    /// Beyond all values so far, of which the nearest is the edge.
    case unseen(value: Double, edge: Double)
    /// Its errors are so many times as large as usual.
    case restless(times: Double)
    /// The same value for so long, in microseconds.
    case stuck(value: Double, microseconds: Int64)
    /// The first readings of a series, far outside of what its metric shows.
    case foreign
    /// Among the training readings it would be alone after few splits: a forest's own score, and its line.
    case isolated(score: Double, line: Double)
    /// No number.
    case notFinite
    /// A metric of a device has been off its level for a while, by so many deviations of single readings on average.
    case offLevel(Metric, deviations: Double)
    /// Two metrics of a device have been off their levels, in the way in which they move together.
    case offTogether(Metric, Metric)
    /// Two metrics of a device no longer go together as they used to.
    case disagreement(Metric, Metric)
    /// A metric of a device moves so many times as much as usual.
    case unsteady(Metric, times: Double)

    package var description: String {
        switch self {
        case .spike(let deviations, let hour?):
            "\(Self.sigmas(deviations)) its usual \(Self.clock(hour)) value"
        case .spike(let deviations, nil): "\(Self.sigmas(deviations)) what was expected"
        case .run(let deviations, let hour?):
            "for a while now \(Self.side(deviations)) its usual \(Self.clock(hour)) values"
        case .run(let deviations, nil): "for a while now \(Self.side(deviations)) what was expected"
        case .level(let deviations): "\(Self.sigmas(deviations)) its usual level"
        case .unseen(let value, let edge):
            "outside everything seen so far: \(Self.short(value)), \(value > edge ? "never above" : "never below")"
                + " \(Self.short(edge)) before"
        case .restless(let times): "\(Self.short(times)) times as restless as usual"
        case .stuck(let value, let microseconds): "stuck at \(Self.short(value)) for \(Self.span(microseconds))"
        case .foreign: "far outside of what this metric shows"
        case .isolated(let score, let line):
            "unlike the values that its model was trained on (\(Self.short(score)), alarm line \(Self.short(line)))"
        case .notFinite: "not a number"
        case .offLevel(let metric, let deviations): "\(metric) \(Self.sigmas(deviations)) its usual level"
        case .offTogether(let first, let second): "\(first) and \(second) are both off their usual levels"
        case .disagreement(let first, let second): "\(first) and \(second) disagree"
        case .unsteady(let metric, let times): "\(metric) \(Self.short(times)) times as restless as usual"
        }
    }

    private static func sigmas(_ deviations: Double) -> String {
        "\(short(abs(deviations))) σ \(side(deviations))"
    }

    private static func side(_ deviations: Double) -> String {
        deviations < 0 ? "below" : "above"
    }

    private static func clock(_ hour: Int) -> String {
        hour < 10 ? "0\(hour):00" : "\(hour):00"
    }

    /// At most three digits behind the point below 10, two below 100, and so on; none from 1000 on.
    static func short(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
        let size = abs(value)
        if size > 0, size < 0.001 { return "\(value)" }
        let scale: Double = size < 1 ? 1000 : size < 10 ? 100 : size < 1000 ? 10 : 1
        let rounded = (value * scale).rounded() / scale
        return rounded == rounded.rounded() ? "\(Int64(rounded))" : "\(rounded)"
    }

    /// In the largest unit of which there are two.
    static func span(_ microseconds: Int64) -> String {
        let seconds = max(0, microseconds) / 1_000_000
        if seconds < 120 { return "\(seconds) s" }
        if seconds < 7_200 { return "\(seconds / 60) min" }
        return seconds < 172_800 ? "\(seconds / 3_600) h" : "\(seconds / 86_400) days"
    }
}
