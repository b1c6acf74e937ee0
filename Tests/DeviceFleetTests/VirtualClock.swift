import DeviceFleet
import Synchronization
import Telemetry

/// A clock that jumps to wherever the next sleeper wants to be: an outage of hours takes no time.
final class VirtualClock: FleetClock {
    static let wallStart = Instant(microseconds: 1_790_000_000_000_000)

    private let moment = Mutex(Moment(microseconds: 0))

    func now() -> Moment { moment.withLock { $0 } }

    func wallNow() -> Instant {
        Self.wallStart.advanced(byMicroseconds: now().microseconds)
    }

    func sleep(until wanted: Moment) async throws {
        try Task.checkCancellation()
        moment.withLock { $0 = max($0, wanted) }
        await Task.yield()
        try Task.checkCancellation()
    }
}
