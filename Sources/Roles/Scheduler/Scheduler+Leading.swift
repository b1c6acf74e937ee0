import CoreMetrics
import Lease
import Logging
import Ports
import Pruning

/// One term as the leader.
extension Scheduler {
    /// From the election to the end of the term, or until the store says that somebody else was elected since.
    func lead(in term: UInt64) async {
        guard await standBack(in: term), let token = await mintToken(in: term), startLeading(with: token, in: term)
        else { return }
        var pruner = Pruner(settings.rules, store, flock, token) { await self.mayAct(in: term) }
        let elected = ContinuousClock.now
        var failures = 0
        while mayAct(in: term) {
            var pause = Self.lookPeriod
            let start = ContinuousClock.now
            do throws(StoreError) {
                let outcome = try await pruner.run()
                pause = note(outcome, after: ContinuousClock.now - start)
                if ContinuousClock.now - elected >= Self.peacefulTerm { refusedTerms = 0 }
                switch outcome {
                case .waited, .done:
                    failures = 0
                    // After the run, which it is no part of.
                    await store.sweep(for: Self.sweepAfterRun)
                    if mayAct(in: term) { await afterRun() }
                case .early, .stopped: break
                }
            } catch {
                if case .fenced = error.code {
                    noteRefusal(error, after: ContinuousClock.now - elected)
                    return stepDown(from: term)
                }
                failures += 1
                noteFailure(error)
                try? await store.failRun("failed: \(error)", token)
                pause = Self.retryPause
            }
            if failures >= Self.failuresMax { return stepDown(from: term) }
            guard await sleep(pause, in: term) else { return }
        }
    }

    /// What it would have done, somebody else does. Two leaders by two leases would refuse each other for ever.
    private func noteRefusal(_ error: StoreError, after time: Duration) {
        refusedTerms = time < Self.peacefulTerm ? refusedTerms + 1 : 1
        if refusedTerms <= Self.refusedTermsTold {
            logger.warning("refused by the store", metadata: ["reason": "\(error)"])
        }
        guard refusedTerms == Self.refusedTermsTold else { return }
        logger.warning(
            """
            another node is elected again and again while this one has the lease: give all nodes of the flock the same \
            --lease; nothing is pruned meanwhile
            """)
    }

    /// - Returns: false if the term is over.
    private func standBack(in term: UInt64) async -> Bool {
        guard refusedTerms >= Self.refusedTermsTold else { return true }
        let doublings = min(refusedTerms - Self.refusedTermsTold, 6)
        return await sleep(min(Self.refusedPauseMax, Self.retryPause << Int64(doublings)), in: term)
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
        stepDown(from: term)
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
    private func note(_ outcome: Pruner.Outcome, after time: Duration) -> Int64 {
        count(outcome, after: time)
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
            if counts != PruneCounts() {
                logger.notice("pruned", metadata: ["result": "\(counts)", "took": "\(time)"])
            }
        }
        return 0
    }

    /// A later term of this node is not this task's to end.
    private func stepDown(from term: UInt64) {
        guard mayAct(in: term) else { return }
        step(.stepDown)
    }

    private func count(_ outcome: Pruner.Outcome, after time: Duration) {
        switch outcome {
        case .early, .stopped: return
        case .waited: NodeMetrics.pruneWaits.increment()
        case .done(let counts):
            NodeMetrics.hidden.increment(by: counts.hidden)
            NodeMetrics.deleted.increment(by: counts.deleted)
        }
        if isStoreStuck { logger.notice("the pruner's runs go through again") }
        isStoreStuck = false
        NodeMetrics.pruneRuns.increment()
        NodeMetrics.pruneSeconds.record(time / .seconds(1))
    }

    private func noteFailure(_ error: StoreError) {
        guard !isStoreStuck else { return }
        isStoreStuck = true
        logger.warning("a run of the pruner failed: it tries again", metadata: ["reason": "\(error)"])
    }
}
