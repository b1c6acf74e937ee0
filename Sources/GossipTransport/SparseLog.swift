import Logging
import Synchronization

/// Says the same kind of thing once a pause: what strangers send must not fill the log.
final class SparseLog: Sendable {
    private let logger: Logger
    private let pause: Duration
    private let lastSaid = Mutex<[String: (at: ContinuousClock.Instant, missed: Int)]>([:])

    init(_ logger: Logger, pause: Duration = GossipLimits.logPause) {
        self.logger = logger
        self.pause = pause
    }

    /// - Parameter kind: one of a fixed few.
    func warn(_ kind: String, _ text: @autoclosure () -> String) {
        let missed: Int? = lastSaid.withLock { all in
            let now = ContinuousClock.now
            if let last = all[kind], now < last.at + pause {
                all[kind]?.missed += 1
                return nil
            }
            let missed = all[kind]?.missed ?? 0
            all[kind] = (now, 0)
            return missed
        }
        guard let missed else { return }
        let more: Logger.Metadata? = missed > 0 ? ["more_since_last": "\(missed)"] : nil
        logger.warning("\(text())", metadata: more)
    }
}
