import DataPlane
import HashRing
import LogFormat
import Ports
import Telemetry
import Testing

/// What a look from outside at the core and its simulator found, each as the shortest story that shows it; the simulator
/// has learnt to find them since.
struct FoundByReviewTests {
    private static func running(_ limits: IngestLimits = IngestLimits()) -> IngestDriver {
        var driver = IngestDriver(limits: limits)
        driver.start()
        driver.performAll()
        return driver
    }

    /// The store came back while the log was still being replayed: what it has is no contradiction.
    @Test func aRowThatIsSeenDuringTheReplayRetiresNothing() {
        var driver = Self.running()
        driver.offer(driver.fresh(4))
        driver.settle()
        let row = driver.row
        // The power failed: what was not synced is gone.
        driver.records.removeAll { !$0.holdsReadings }
        driver.base = .start
        driver.isStoreAway = true
        driver.restart()
        driver.performAll(leaving: \.isReplay)
        driver.isStoreAway = false
        driver.tick(driver.core.limits.storeRetryLast)
        driver.performAll(leaving: \.isReplay)
        driver.settle()
        #expect(driver.retirement == nil && driver.row?.log == row?.log && driver.row?.duplicates == 0)
    }

    @Test func aReadErrorInTheReplayCostsNoVerdict() {
        var driver = Self.running()
        driver.isStoreAway = true
        driver.offer(driver.fresh(6))
        driver.performAll(leaving: \.isCall)
        driver.restart()
        for _ in 0..<3 {
            driver.performAll(leaving: \.isReplay)
            #expect(driver.take(\.isReplay) != nil)
            driver.step(.logReadFailed(.replay, driver.logID))
            driver.tick(driver.core.limits.replayRetry)
        }
        driver.isStoreAway = false
        driver.settle()
        #expect(driver.stored.count == 6 && driver.stored.values.allSatisfy { $0.result == .normal })
    }

    /// A log that is full of what is stored already must be emptied though nothing can be committed.
    @Test func aRowThatIsReadTrimsTheLog() {
        var driver = Self.running()
        driver.offer(driver.fresh(4))
        driver.settle()
        driver.restart()
        driver.performAll { if case .trim = $0 { true } else { false } }
        #expect(driver.orders.contains(.trim(driver.logID, LogPosition(4))))
    }

    @Test func aStoreThatCanBeReadButNotWrittenIsNotAskedAtFullSpeed() {
        var driver = Self.running()
        driver.offer(driver.fresh(4))
        var tries = 0
        for _ in 0..<600 {
            driver.tick(100_000)
            driver.performAll(leaving: \.isCommit)
            while driver.take(\.isCommit) != nil {
                tries += 1
                driver.step(.commitFailed)
            }
        }
        #expect(tries < 60, "\(tries) tries in a minute")
        driver.settle()
        #expect(driver.stored.count == 4)
    }

    /// A full log keeps verdicts waiting; its new name must not forget them.
    @Test func verdictsThatWaitAreWrittenBeforeTheNameIsGivenUp() {
        var driver = Self.running()
        driver.offer(driver.fresh(4))
        driver.performAll(leaving: \.isAppend)
        while let order = driver.take(\.isAppend) {
            guard case .append(let number, let records) = order else { break }
            if records.contains(where: \.holdsReadings) {
                driver.perform(order)
                driver.performAll(leaving: \.isAppend)
            } else {
                driver.step(.appendFailed(number, .full("no room")))
                break
            }
        }
        driver.row?.writer = WriterID(99)
        driver.tick(driver.core.limits.commitDelay)
        driver.performAll(leaving: \.isRetirement)
        driver.tick(driver.core.limits.storeRetryFirst)
        driver.performAll(leaving: \.isRetirement)
        #expect(driver.retirement == nil, "verdicts wait")
        driver.settle()
        #expect(driver.row?.log == driver.logID && driver.stored.count == 4)
        #expect(driver.scoredTimes.values.allSatisfy { $0 == 1 })
    }

    @Test func aLogThatIsGivingUpItsNameIsNotDrained() {
        var driver = Self.running()
        driver.offer(driver.fresh(4))
        driver.performAll(leaving: \.isCommit)
        driver.row?.writer = WriterID(99)
        driver.row?.position = LogPosition(4)
        driver.tick(200_000)
        driver.performAll(leaving: \.isRetirement)
        driver.tick(driver.core.limits.storeRetryFirst)
        driver.performAll(leaving: \.isRetirement)
        #expect(driver.retirement == .claimedByAnother)
        #expect(!driver.core.isDrained)
        driver.settle()
        #expect(driver.core.isDrained && driver.stored.count == 4)
    }

    @Test func aFirstRingWithoutMembersIsARingToo() {
        var driver = IngestDriver()
        driver.step(.started(driver.opened))
        driver.performAll()
        driver.offer(driver.fresh(4))
        driver.performAll()
        driver.step(.ring(Ring([])))
        driver.tick(driver.core.limits.unscoredAfter)
        driver.settle()
        #expect(driver.stored.count == 4 && driver.stored.values.allSatisfy { $0.result == .unscored })
    }

    /// An owner that stays in the ring and answers nothing costs its own readings their verdicts, and nobody time.
    @Test func aHungOwnerDoesNotHoldUpTheStoreCallByCall() {
        var limits = IngestLimits()
        limits.callReadingsMax = 4
        limits.recordReadingsMax = 4
        var driver = Self.running(limits)
        for _ in 0..<40 { driver.offer(driver.fresh(4)) }
        for _ in 0..<150 {
            driver.tick(100_000)
            driver.performAll(leaving: \.isCall)
            driver.orders.removeAll(where: \.isCall)
        }
        #expect(driver.stored.count == 160, "in fifteen seconds")
    }

    @Test func whatTheRowHasPassedIsNotAskedFor() {
        var limits = IngestLimits()
        limits.recordReadingsMax = 2
        limits.callReadingsMax = 2
        var driver = Self.running(limits)
        driver.offer(driver.fresh(4))
        driver.settle()
        driver.records.removeAll { !$0.holdsReadings }
        driver.base = .start
        driver.isStoreAway = true
        driver.restart()
        // The first two are on their way, the others wait behind them; then the row says that all are stored.
        driver.performAll(leaving: \.isCall)
        #expect(driver.isOrdered(\.isCall))
        driver.isStoreAway = false
        driver.tick(driver.core.limits.storeRetryLast)
        driver.performAll(leaving: \.isCall)
        driver.orders.removeAll(where: \.isCall)
        driver.tick(driver.core.limits.callDeadline)
        driver.tick(driver.core.limits.callRetry)
        #expect(!driver.isOrdered(\.isCall))
    }
}

extension IngestCore.Effect {
    fileprivate var isReplay: Bool { if case .readLog(.replay, _, _) = self { true } else { false } }
    fileprivate var isAppend: Bool { if case .append = self { true } else { false } }
}
