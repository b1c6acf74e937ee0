import Lease
import Logging
import Ports
import Pruning

/// One term as the leader.
extension Scheduler {
    /// From the election to the end of the term, or until the store says that somebody else was elected since.
    func lead(in term: UInt64) async {
        guard let token = await mintToken(in: term), startLeading(with: token, in: term) else { return }
        var pruner = Pruner(settings.rules, store, flock, token) { await self.mayAct(in: term) }
        var failures = 0
        while mayAct(in: term) {
            var pause = Self.lookPeriod
            do throws(StoreError) {
                pause = note(try await pruner.run())
                failures = 0
            } catch {
                if case .fenced = error.code {
                    // What it would have done, somebody else does.
                    logger.warning("refused by the store", metadata: ["reason": "\(error)"])
                    return step(.stepDown)
                }
                failures += 1
                noteFailure(error)
                pause = Self.retryPause
            }
            if failures >= Self.failuresMax { return step(.stepDown) }
            guard await sleep(pause, in: term) else { return }
        }
    }

    /// The store may be away for a while: another node may find the way to it.
    private func mintToken(in term: UInt64) async -> FencingToken? {
        for _ in 0..<Self.failuresMax where mayAct(in: term) {
            do throws(StoreError) {
                return try await store.elect(settings.holder)
            } catch {
                noteFailure(error)
            }
            guard await sleep(Self.retryPause, in: term) else { return nil }
        }
        step(.stepDown)
        return nil
    }

    /// - Returns: false if the term is over, or this task is.
    private func sleep(_ microseconds: Int64, in term: UInt64) async -> Bool {
        var left = microseconds
        while left > 0, mayAct(in: term) {
            let part = min(left, Self.lookPeriod)
            left -= part
            guard (try? await Task.sleep(for: .microseconds(part))) != nil else { return false }
        }
        return mayAct(in: term)
    }

    /// - Returns: how long to wait, in microseconds. After a run not at all: the store says when the next is due.
    private func note(_ outcome: Pruner.Outcome) -> Int64 {
        if isStoreStuck {
            isStoreStuck = false
            logger.notice("the pruner reaches the store again")
        }
        switch outcome {
        case .early(let wait): return wait
        case .stopped: return Self.lookPeriod
        case .waited(let waiting):
            if waitsFor != waiting.reason {
                logger.warning("the pruner waits", metadata: ["reason": "\(waiting.reason)"])
            }
            waitsFor = waiting.reason
        case .done(let counts):
            if waitsFor != nil { logger.notice("the pruner goes on") }
            waitsFor = nil
            if counts != PruneCounts() { logger.notice("pruned", metadata: ["result": "\(counts)"]) }
        }
        return 0
    }

    private func noteFailure(_ error: StoreError) {
        guard !isStoreStuck else { return }
        isStoreStuck = true
        logger.warning("the pruner cannot reach the store: it tries again", metadata: ["reason": "\(error)"])
    }
}
