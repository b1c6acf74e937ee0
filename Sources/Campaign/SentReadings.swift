package import Telemetry

/// In a record and in what is said of it.
extension Reading: Comparable, CustomStringConvertible {
    package static func < (lhs: Reading, rhs: Reading) -> Bool {
        (lhs.series, lhs.time, lhs.value) < (rhs.series, rhs.time, rhs.value)
    }

    package var description: String { "\(series.device) \(series.metric) \(time) \(value)" }

    /// Of four words: device, type, microseconds, value.
    package init?(_ words: some Collection<Substring>) {
        let words = Array(words)
        guard words.count == 4, let device = DeviceID(String(words[0])), let metric = Metric(String(words[1])),
            let time = Int64(words[2]), let value = Double(words[3])
        else { return nil }
        self.init(
            series: Series(device: device, metric: metric), time: Instant(microseconds: time), value: value)
    }
}

/// What clients sent and what they saw accepted, as `starling simulate --record` writes it.
package struct SentReadings: Sendable {
    package private(set) var sent: Set<Reading> = []
    package private(set) var accepted: Set<Reading> = []

    package init() {}

    package struct BadLine: Error, CustomStringConvertible {
        package let description: String
    }

    /// - Parameter text: of one record or of several.
    package mutating func add(_ text: String) throws(BadLine) {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard let word = words.first, let fact = Reading(words.dropFirst()) else {
                throw BadLine(description: "no line of a record: \(line)")
            }
            switch word {
            case "sent": sent.insert(fact)
            case "accepted": accepted.insert(fact)
            default: throw BadLine(description: "no line of a record: \(line)")
            }
        }
    }

    package var devices: Set<DeviceID> { Set(sent.map(\.series.device)) }
}
