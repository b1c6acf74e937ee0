import Glibc
import Synchronization
package import Telemetry

/// The node's two clocks, and the only place that reads them.
package struct NodeClock: Sendable {
    package init() {}

    /// Never steps back; for deadlines.
    package var moment: Moment { Moment(microseconds: Self.read(CLOCK_MONOTONIC)) }

    /// Never steps back, and goes on while the machine sleeps; for leases, which others' clocks run out meanwhile.
    package var sleeplessMoment: Moment { Moment(microseconds: Self.read(CLOCK_BOOTTIME)) }

    /// Wall clock; for receipt times and for people.
    package var instant: Instant { Instant(microseconds: Self.read(CLOCK_REALTIME)) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}

/// Receipt times of readings that came without one: by the wall clock, strictly increasing on this node.
package final class ReceiptClock: Sendable {
    private let last: Atomic<Int64>
    private let clock: NodeClock

    package init(clock: NodeClock) {
        self.clock = clock
        last = Atomic(Instant.epoch.microseconds)
    }

    package func next() -> Instant {
        let now = clock.instant.microseconds
        var seen = last.load(ordering: .relaxed)
        while true {
            let next = max(now, seen + 1)
            let (exchanged, original) = last.weakCompareExchange(expected: seen, desired: next, ordering: .relaxed)
            if exchanged { return Instant(microseconds: next) }
            seen = original
        }
    }
}
