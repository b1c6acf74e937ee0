import CSimdjson
import Telemetry

/// The time that a message names for its readings.
enum MessageTime {
    case given(Instant)
    /// Left out or null: the time of receipt counts. Devices without a clock write either.
    case missing
    /// Why the message is refused.
    case bad(String)

    /// Numbers above it are milliseconds: as seconds they would lie beyond the year 5138.
    static let secondsMax = 1e11

    init(_ value: starling_json_value, receivedAt: Instant) {
        switch value.kind {
        case .absent, .null:
            self = .missing
        case .number:
            self.init(epoch: value.number, receivedAt: receivedAt)
        case .text:
            let text = UnsafeBufferPointer(start: value.text, count: Int(value.text_count))
            guard let instant = Instant(rfc3339: text) else {
                self = .bad("must be RFC 3339 like 2026-11-22T15:04:05Z, or epoch seconds as a number")
                return
            }
            self.init(checking: instant, receivedAt: receivedAt)
        case .infinite:
            self = Self.ahead
        case .boolean, .broken_text, .array, .object:
            self = .bad("must be a string in RFC 3339 or a number, not \(value.kind.noun)")
        }
    }

    private init(epoch number: Double, receivedAt: Instant) {
        let microseconds = (number > Self.secondsMax ? number * 1e3 : number * 1e6).rounded()
        if let microseconds = Int64(exactly: microseconds) {
            self.init(checking: Instant(microseconds: microseconds), receivedAt: receivedAt)
        } else {
            self = number < 0 ? Self.early : Self.ahead
        }
    }

    private init(checking instant: Instant, receivedAt: Instant) {
        if instant < ReadingParser.earliestTime {
            self = Self.early
        } else if instant > receivedAt.advanced(byMicroseconds: ReadingParser.futureMicrosecondsMax) {
            self = Self.ahead
        } else {
            self = .given(instant)
        }
    }

    private static let early = MessageTime.bad(
        "is before 2000: set the device's clock, or leave the timestamp out to get the time of receipt")
    private static let ahead = MessageTime.bad(
        "is more than 5 minutes ahead of this node's clock: set the device's clock, or leave the timestamp out")
}

extension starling_json_kind {
    /// For "must be a string, not …".
    var noun: String {
        switch self {
        case .absent: "nothing"
        case .null: "null"
        case .boolean: "a boolean"
        case .number, .infinite: "a number"
        case .text, .broken_text: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
