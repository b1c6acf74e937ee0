import Detection
import Distributed
import Ports

/// Telling the store whom this owner heard.
extension Scoring {
    /// What became of one flush.
    enum Told: Hashable, Sendable {
        /// What had changed in so many slots, one after the other, but for series that the store does not know yet.
        case slots(Int)
        case nothing
    }

    /// Flushes that one `settle` makes: two million series.
    static let settleFlushesMax = 100

    /// One flush. One at a time: another that is under way is waited for.
    package func flush() async { _ = await flushOnce() }

    /// Flushes until everything is told that had changed when it was called.
    /// - Returns: false if the store could not be told all of it.
    package func settle() async -> Bool {
        // A flush that is under way has taken its rows already: what it took is told when it ends.
        var left = slots.count
        for _ in 0..<Self.settleFlushesMax where left > 0 {
            guard case .slots(let count) = await flushOnce() else { return false }
            left -= count
        }
        return left <= 0
    }

    /// What models in the shadow said. It is looked at by people who compare, and lost with this process.
    func tellShadows() async {
        let scores = models.takeShadowScores()
        guard !scores.isEmpty else { return }
        do { try await store.keep(scores) } catch { models.putBack(scores) }
    }

    private func flushOnce() async -> Told {
        while isFlushing { await withCheckedContinuation { flushWaiters.append($0) } }
        isFlushing = true
        let told = await tellStore()
        await learnDeletions()
        isFlushing = false
        let waiters = flushWaiters
        flushWaiters = []
        for waiter in waiters { waiter.resume() }
        return told
    }
}
