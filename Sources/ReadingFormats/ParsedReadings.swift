package import Telemetry

/// How a body of `POST /data` is written.
package enum BodyFormat: Hashable, Sendable {
    /// `application/json`: one message, or an array of them.
    case json
    /// `application/x-ndjson`: one message a line.
    case ndjson
}

/// Why one message, or one reading of a message, was refused.
package struct ItemError: Hashable, Sendable {
    /// Of the message: element of the array or line of the body, from 0; skipped lines count.
    package let index: Int
    /// `device_id`, `timestamp`, `metrics`, `metrics[1]`, `metrics[1].value`; `message` where it is bad as a whole.
    package let field: String
    package let reason: String

    package init(index: Int, field: String, reason: String) {
        self.index = index
        self.field = field
        self.reason = reason
    }
}

/// What a body held: the good readings, and what is wrong with the rest.
package struct ParsedReadings: Hashable, Sendable {
    /// The accepted readings, in the order of the body.
    package let batch: ReadingBatch
    /// Readings refused; a message bad as a whole counts 1.
    package let rejected: Int
    /// The first `errorsCountMax` of them, in the order of the body.
    package let errors: [ItemError]

    package init(batch: ReadingBatch, rejected: Int, errors: [ItemError]) {
        self.batch = batch
        self.rejected = rejected
        self.errors = errors
    }

    /// An answer stays readable; the count says how many there are in all.
    package static let errorsCountMax = 100
}

/// Why nothing of a body was accepted.
package enum BodyError: Error, Hashable, Sendable {
    /// No bytes but white space (400).
    case empty
    /// Broken JSON: what, where, and how to mend it (400). Of `json` only; a broken line is an `ItemError`.
    case syntax(String)
    /// Well-formed, and every reading in it was refused (400).
    case nothingAcceptable(ParsedReadings)
    /// More than `ReadingParser.bodyByteCountMax` bytes (413).
    case tooLarge
}

extension BodyError: CustomStringConvertible {
    /// For the `detail` of a problem answer.
    package var description: String {
        switch self {
        case .empty:
            "The body is empty. Send a message like {\"device_id\":\"device-01\",\"metrics\":"
                + "[{\"type\":\"temperature\",\"value\":21.5}]}, an array of messages, or one a line."
        case .syntax(let text):
            text
        case .nothingAcceptable(let parsed) where parsed.rejected == 0:
            "The array is empty: there is no message to accept. Send at least one."
        case .nothingAcceptable(let parsed):
            "Nothing in the body can be accepted (\(parsed.rejected) rejected): mend what `errors` lists,"
                + " then send it again."
        case .tooLarge:
            "The body has more than \(ReadingParser.bodyByteCountMax) bytes: send the messages in smaller parts."
        }
    }
}
