package import Telemetry

/// When a device measures: every `interval` from `first` on, `messagesCountMax` times or for ever.
package struct DeviceSchedule: Hashable, Sendable {
    package let first: Moment
    package let intervalMicroseconds: Int64
    package let messagesCountMax: Int?
    private var taken = 0

    package init(first: Moment, intervalMicroseconds: Int64, messagesCountMax: Int?) {
        precondition(intervalMicroseconds > 0, "an interval of \(intervalMicroseconds) µs")
        self.first = first
        self.intervalMicroseconds = intervalMicroseconds
        self.messagesCountMax = messagesCountMax
    }

    /// Nil when the device has measured all it ever will.
    package var next: Moment? {
        if let messagesCountMax, taken >= messagesCountMax { return nil }
        let (offset, overflow) = Int64(taken).multipliedReportingOverflow(by: intervalMicroseconds)
        return overflow ? nil : first.advanced(byMicroseconds: offset)
    }

    package mutating func take() {
        taken += 1
    }

    /// Passes over what lies so far back that only the last `keep` of it matter (a machine that slept).
    /// - Returns: how many were passed over.
    package mutating func skip(to now: Moment, keep: Int) -> Int {
        guard let next, next < now else { return 0 }
        let due = (now.microseconds - next.microseconds) / intervalMicroseconds + 1
        let left = messagesCountMax.map { Int64($0 - taken) } ?? .max
        let skipped = max(0, min(due, left) - Int64(keep))
        taken += Int(skipped)
        return Int(skipped)
    }
}
