import NIOCore
import NIOPosix

/// How long what an event loop reads now may have waited in its socket.
///
/// A loop asks once which sockets can be read and then serves them all: who is served last waited for all others, and, at
/// the worst, for the whole round before. A measure, not a bound: rounds are timed from the first small post on.
final class LoopLag {
    private var roundStart: NIODeadline?
    private var lastRound = TimeAmount.zero

    /// Each thread sees its own alone.
    nonisolated(unsafe) private static let ofThreads = ThreadSpecificVariable<LoopLag>()

    static func ofThisThread() -> LoopLag {
        if let lag = ofThreads.currentValue { return lag }
        let lag = LoopLag()
        ofThreads.currentValue = lag
        return lag
    }

    /// - Parameters:
    ///   - now: of the request that was read.
    ///   - loop: this thread's.
    /// - Returns: about the most that it waited.
    func waited(at now: NIODeadline, _ loop: any EventLoop) -> TimeAmount {
        if let roundStart { return now - roundStart + lastRound }
        roundStart = now
        // Tasks run after the sockets.
        loop.assumeIsolated().execute { [self] in
            lastRound = NIODeadline.now() - now
            roundStart = nil
        }
        return lastRound
    }
}
