import Glibc
import Telemetry

/// For our own deadlines; the store's clock is the server's.
enum MachineClock {
    /// Never steps back.
    static func monotonic() -> Moment {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Moment(microseconds: Int64(time.tv_sec) &* 1_000_000 &+ Int64(time.tv_nsec) / 1_000)
    }
}
