import Glibc
package import Telemetry

/// The clocks of this machine. The wall clock is the store's clock: one file, one machine.
package enum MachineClock {
    package static func now() -> Instant {
        Instant(microseconds: microseconds(CLOCK_REALTIME))
    }

    /// Never steps back.
    static func monotonic() -> Moment {
        Moment(microseconds: microseconds(CLOCK_MONOTONIC))
    }

    private static func microseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) &* 1_000_000 &+ Int64(time.tv_nsec) / 1_000
    }
}
