package import Telemetry

/// Exponential back-off with full jitter: the wait before try `n` is uniform in 0...min(longest, first · 2ⁿ).
///
/// Full jitter (Brooker 2015, "Exponential Backoff and Jitter") because a fleet loses its server at one moment: equal
/// waits would bring all devices back at one moment too.
package struct Backoff: Hashable, Sendable {
    package let firstMicroseconds: Int64
    package let longestMicroseconds: Int64

    package init(firstMicroseconds: Int64, longestMicroseconds: Int64) {
        precondition(
            firstMicroseconds > 0 && longestMicroseconds >= firstMicroseconds,
            "a back-off from \(firstMicroseconds) to \(longestMicroseconds) µs")
        self.firstMicroseconds = firstMicroseconds
        self.longestMicroseconds = longestMicroseconds
    }

    /// Half a second, doubled up to 30 s: an outage of a minute costs a device a handful of tries, and a server that is
    /// back is found within half a minute.
    package static let usual = Backoff(firstMicroseconds: 500_000, longestMicroseconds: 30_000_000)

    /// The longest wait after `failures` failures in a row (1 or more).
    package func ceilingMicroseconds(failures: Int) -> Int64 {
        let doublings = Int64(min(max(failures, 1) - 1, 62))
        let (product, overflow) = firstMicroseconds.multipliedReportingOverflow(by: 1 << doublings)
        return overflow ? longestMicroseconds : min(product, longestMicroseconds)
    }

    package func delayMicroseconds(failures: Int, using generator: inout SeededGenerator) -> Int64 {
        Int64(Double(ceilingMicroseconds(failures: failures)) * generator.drawUnit())
    }
}
