import Glibc

/// An end of patience. Every wait of the harness has one, so a hung program fails a test instead of stopping it.
package struct Deadline: Sendable {
    private let end: ContinuousClock.Instant

    package init(in duration: Duration) {
        end = .now.advanced(by: duration)
    }

    package var isPast: Bool { ContinuousClock.now >= end }

    /// What is left, rounded up, for `poll(2)`; 0 when it is past.
    package var milliseconds: Int32 {
        let (seconds, attoseconds) = (end - ContinuousClock.now).components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return Int32(clamping: seconds * 1_000 + attoseconds / 1_000_000_000_000_000 + 1)
    }
}
