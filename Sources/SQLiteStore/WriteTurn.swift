import Glibc
import Ports
import Telemetry

/// The turn to write to a file that several processes share: one `flock` for the turn, one for the place next in line.
///
/// SQLite's own lock is found free by chance, so under load a writer can wait for seconds. Who wants to write first
/// takes the place in line, waits there for the turn, and gives the place up once it has the turn: whoever had the turn
/// cannot take it again before the one who stands in line. A lock ends with its process, however that ends.
///
/// The waits look again and again instead of blocking, because a blocking `flock` cannot be given a limit, and a
/// stopped process (SIGSTOP, a debugger) would stop all others for ever.
final class WriteTurn {
    private let turn: Int32
    private let queue: Int32
    private let path: String

    init(_ place: FilePlace) throws(StoreError) {
        path = place.turnPath
        turn = try Self.open(place.turnPath)
        do {
            queue = try Self.open(place.queuePath)
        } catch {
            close(turn)
            throw error
        }
    }

    deinit {
        close(queue)
        close(turn)
    }

    /// - Throws: `.unavailable` if others had it for the whole of `turnWaitMicroseconds`.
    func take() throws(StoreError) {
        let deadline = MachineClock.monotonic().advanced(byMicroseconds: StoreLimits.turnWaitMicroseconds)
        try lock(queue, until: deadline)
        defer { flock(queue, LOCK_UN) }
        try lock(turn, until: deadline)
    }

    func release() {
        flock(turn, LOCK_UN)
    }

    private func lock(_ descriptor: Int32, until deadline: Moment) throws(StoreError) {
        var pause = StoreLimits.turnPollMicrosecondsMin
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let reason = errno
            guard reason == EWOULDBLOCK || reason == EINTR else {
                throw StoreError(
                    .unavailable, "flock on \(path): \(String(cString: strerror(reason))); is it a local disk?")
            }
            guard MachineClock.monotonic() < deadline else {
                let seconds = StoreLimits.turnWaitMicroseconds / 1_000_000
                throw StoreError(
                    .unavailable,
                    "no turn to write for \(seconds) s: another process holds \(path) (`fuser \(path)` names it)")
            }
            usleep(pause)
            pause = min(pause * 2, StoreLimits.turnPollMicrosecondsMax)
        }
    }

    private static func open(_ path: String) throws(StoreError) -> Int32 {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor < 0 else { return descriptor }
        let reason = errno
        let message = "cannot open \(path): \(String(cString: strerror(reason)))"
        switch reason {
        case EACCES, EROFS, EPERM, EISDIR, ENOTDIR, ENAMETOOLONG, ELOOP:
            throw StoreError(.unusable, message + "; make the store's folder writable or choose another path")
        default: throw StoreError(.unavailable, message)
        }
    }
}
