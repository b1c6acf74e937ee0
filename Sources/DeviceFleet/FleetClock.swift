import Foundation
package import Telemetry

/// The time that drivers live in; tests have one that jumps.
package protocol FleetClock: Sendable {
    func now() -> Moment
    func wallNow() -> Instant
    /// - Throws: `CancellationError` alone.
    func sleep(until moment: Moment) async throws
}

/// The machine's clocks.
package struct SystemFleetClock: FleetClock {
    private let start = ContinuousClock.now

    package init() {}

    package func now() -> Moment {
        Moment(microseconds: (ContinuousClock.now - start).wholeMicroseconds)
    }

    package func wallNow() -> Instant {
        Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1e6))
    }

    package func sleep(until moment: Moment) async throws {
        try await ContinuousClock().sleep(until: start.advanced(by: .microseconds(moment.microseconds)))
    }
}

extension Duration {
    /// Cut to microseconds, saturating.
    package var wholeMicroseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, sumOverflow) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000_000)
        return sumOverflow ? (seconds < 0 ? .min : .max) : sum
    }
}
