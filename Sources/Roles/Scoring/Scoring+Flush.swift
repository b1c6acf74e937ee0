import Distributed

/// Telling the store whom this owner heard.
extension Scoring {
    /// What became of one flush.
    enum Told: Hashable, Sendable {
        /// Everything that had changed when it began, but for series that the store does not know yet.
        case all
        /// As much as fits into one; there may be more.
        case part
        case none
    }

    /// Flushes that one `settle` makes: two million series.
    static let settleFlushesMax = 100

    /// One flush. One at a time: another that is under way is waited for.
    package func flush() async { _ = await flushOnce() }

    /// Flushes until everything is told that had changed when it was called.
    /// - Returns: false if the store could not be told all of it.
    package func settle() async -> Bool {
        // A flush that is under way has taken its rows already: what it took is told when it ends.
        for _ in 0..<Self.settleFlushesMax {
            switch await flushOnce() {
            case .all: return true
            case .part: continue
            case .none: return false
            }
        }
        return false
    }

    private func flushOnce() async -> Told {
        while isFlushing { await withCheckedContinuation { flushWaiters.append($0) } }
        isFlushing = true
        let told = await tellStore()
        isFlushing = false
        let waiters = flushWaiters
        flushWaiters = []
        for waiter in waiters { waiter.resume() }
        return told
    }
}
