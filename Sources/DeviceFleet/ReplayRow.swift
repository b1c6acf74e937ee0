package import Telemetry

/// One row of a recorded series.
package struct ReplayRow: Hashable, Sendable {
    package let time: Instant
    package let value: Double

    package init(time: Instant, value: Double) {
        self.time = time
        self.value = value
    }
}

/// A row that is not sent, by its line in the file (from 1).
package struct BadRow: Hashable, Sendable, CustomStringConvertible {
    package let line: Int
    package let reason: String

    package init(line: Int, reason: String) {
        self.line = line
        self.reason = reason
    }

    package var description: String { "line \(line): \(reason)" }
}
