import Glibc
import Ports
import Telemetry

/// The turn to write to a file that several processes share: one `flock` for the turn, and a line of places before it,
/// each a byte of a second file that is locked by who stands there.
///
/// SQLite's own lock is found free by chance, so under load a writer can wait for seconds. Who wants to write enters
/// the line at its end, goes on to the place ahead whenever that is free, and takes the turn from the first: who came
/// first writes first, and who has the turn cannot take it again before those in line. A lock ends with its process,
/// however that ends.
///
/// The waits look again and again instead of blocking, because a blocking lock cannot be given a limit, and a stopped
/// process (SIGSTOP, a debugger) would stop all others for ever. One that is stopped while it stands in line is passed.
final class WriteTurn {
    private let turn: Int32
    private let line: Int32
    private let path: String

    init(_ place: FilePlace) throws(StoreError) {
        path = place.turnPath
        turn = try Self.open(place.turnPath)
        do {
            line = try Self.open(place.queuePath)
        } catch {
            close(turn)
            throw error
        }
    }

    deinit {
        close(line)
        close(turn)
    }

    /// - Throws: `.unavailable` if others had it for the whole of `turnWaitMicroseconds`.
    func take() throws(StoreError) {
        let deadline = MachineClock.monotonic().advanced(byMicroseconds: StoreLimits.turnWaitMicroseconds)
        defer { leaveLine() }
        var place = StoreLimits.linePlacesCount
        while true {
            switch try waitForStep(from: place, until: deadline) {
            case .turn: return
            case .place(let next):
                if place < StoreLimits.linePlacesCount { set(F_UNLCK, place: place) }
                place = next
            }
        }
    }

    func release() {
        flock(turn, LOCK_UN)
    }

    private enum Step {
        case place(Int)
        case turn
    }

    /// One step ahead, or the turn itself: from the first place, or past a line that has not moved for long.
    private func waitForStep(from place: Int, until deadline: Moment) throws(StoreError) -> Step {
        let begin = MachineClock.monotonic()
        let patience = begin.advanced(byMicroseconds: StoreLimits.linePatienceMicroseconds)
        var pause = StoreLimits.turnPollMicrosecondsMin
        // Far back nothing is lost by looking less often: the place ahead is free long before its owner has the turn.
        let pauseMax = min(
            StoreLimits.turnPollMicrosecondsMax * UInt32(place + 1), StoreLimits.linePollMicrosecondsMax)
        while true {
            if place > 0, try isHeld(set(F_WRLCK, place: place - 1)) { return .place(place - 1) }
            let now = MachineClock.monotonic()
            if place == 0 || now >= patience, try isHeld(flock(turn, LOCK_EX | LOCK_NB)) { return .turn }
            guard now < deadline else {
                let seconds = StoreLimits.turnWaitMicroseconds / 1_000_000
                throw StoreError(
                    .unavailable,
                    "no turn to write for \(seconds) s: another process holds \(path) (`fuser \(path)` names it)")
            }
            usleep(pause)
            pause = min(pause * 2, pauseMax)
        }
    }

    private func isHeld(_ result: Int32) throws(StoreError) -> Bool {
        guard result != 0 else { return true }
        let reason = errno
        guard reason == EWOULDBLOCK || reason == EACCES || reason == EINTR else {
            throw StoreError(
                .unavailable, "a lock on \(path): \(String(cString: strerror(reason))); is it a local disk?")
        }
        return false
    }

    private func leaveLine() {
        set(F_UNLCK, place: 0, count: StoreLimits.linePlacesCount)
    }

    /// Locks or unlocks for this open file, not for the process: two stores in one process wait for each other, too.
    @discardableResult
    private func set(_ kind: Int32, place: Int, count: Int = 1) -> Int32 {
        var lock = flock()
        lock.l_type = Int16(kind)
        lock.l_whence = Int16(SEEK_SET)
        lock.l_start = place
        lock.l_len = count
        return fcntl(line, Self.setOpenFileLock, &lock)
    }

    /// `F_OFD_SETLK` of Linux, which Glibc's module does not show.
    private static let setOpenFileLock: Int32 = 37

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
