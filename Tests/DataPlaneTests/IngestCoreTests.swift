import DataPlane
import HashRing
import LogFormat
import Ports
import Telemetry
import Testing

/// Accepting, scoring and storing while row and log agree.
struct IngestCoreTests {
    /// A log that is open, claimed and runs.
    private static func running(_ limits: IngestLimits = IngestLimits()) -> IngestDriver {
        var driver = IngestDriver(limits: limits)
        driver.start()
        driver.performAll()
        return driver
    }

    @Test func whatIsAcceptedIsScoredAndStoredOnce() {
        var driver = Self.running()
        let request = driver.offer(driver.fresh(5))
        driver.settle()
        #expect(driver.acknowledged == [request])
        #expect(driver.stored.count == 5 && driver.scoredTimes.values.allSatisfy { $0 == 1 })
        #expect(driver.stored.allSatisfy { $0.value.score == $0.key.value / 1e6 }, "the verdict of another reading")
        #expect(driver.core.ledger.stored == 5 && driver.core.ledger.pending == 0)
    }

    @Test func readingsWithALoggedVerdictAreNotScoredAgainAfterARestart() {
        var driver = Self.running()
        driver.isStoreAway = true
        driver.offer(driver.fresh(50))
        driver.performAll()
        driver.tick(200_000)
        #expect(driver.scoredTimes.count == 50)
        driver.isStoreAway = false
        driver.restart()
        driver.settle()
        #expect(driver.scoredTimes.values.allSatisfy { $0 == 1 })
        #expect(driver.stored.count == 50)
    }

    @Test func aReadingThatFindsNoOwnerIsStoredUnscoredAfterFiveSeconds() {
        var driver = Self.running()
        driver.step(.ring(Ring([])))
        driver.offer(driver.fresh(3))
        driver.performAll()
        driver.tick(4_900_000)
        driver.performAll()
        #expect(driver.stored.isEmpty)
        driver.tick(200_000)
        driver.settle()
        #expect(driver.stored.values.map(\.result) == [.unscored, .unscored, .unscored])
    }

    @Test func twoOwnersLostUnderAReadingAreEnough() throws {
        var driver = Self.running()
        driver.offer(driver.fresh(2))
        driver.performAll(leaving: \.isCall)
        // The same one asked again, as long as the ring has it, is not a second.
        func lose(_ before: () -> Void = {}) throws {
            let taken = driver.takeCall()
            let call = try #require(taken)
            before()
            driver.step(.callFailed(call.number, .ownerLost))
            driver.tick(driver.core.limits.callRetry)
        }
        for _ in 0..<3 { try lose() }
        try lose { driver.step(.ring(Ring([Owner(name: "n0", incarnation: 2)]))) }
        #expect(driver.isOrdered(\.isCall))
        try lose()
        #expect(!driver.isOrdered(\.isCall))
        driver.settle()
        #expect(driver.stored.values.map(\.result) == [.unscored, .unscored])
    }

    @Test func anOwnerThatDoesNotAnswerIsAskedAgainAndThenGivenUp() throws {
        var driver = Self.running()
        driver.offer(driver.fresh(2))
        driver.performAll(leaving: \.isCall)
        var calls = 0
        while let call = driver.takeCall() {
            calls += 1
            driver.step(.callFailed(call.number, .noAnswer))
            #expect(!driver.isOrdered(\.isCall), "asked again at once")
            driver.tick(driver.core.limits.callRetry)
            try #require(calls < 1_000)
        }
        #expect(calls > 10)
        #expect(driver.now.microseconds >= driver.core.limits.unscoredAfter)
        driver.settle()
        #expect(driver.stored.values.map(\.result) == [.unscored, .unscored])
    }

    @Test func aCallExpiresAndItsLateAnswerChangesNothing() throws {
        var driver = Self.running()
        driver.offer(driver.fresh(2))
        driver.performAll(leaving: \.isCall)
        let taken = driver.takeCall()
        let first = try #require(taken)
        driver.tick(driver.core.limits.callDeadline - 1)
        #expect(!driver.isOrdered(\.isCall))
        driver.tick(1)
        driver.tick(driver.core.limits.callRetry)
        let again = driver.takeCall()
        let second = try #require(again)
        #expect(second.number != first.number && second.positions == first.positions)
        let before = driver.core
        driver.answer(first)
        #expect(driver.core == before)
        driver.answer(second)
        driver.settle()
        #expect(driver.stored.values.map(\.result) == [.normal, .normal])
    }

    @Test func whatAChunkWentThroughGoesWithItToItsNextOwner() throws {
        let others = [Owner(name: "n1", incarnation: 1), Owner(name: "n2", incarnation: 1)]
        var driver = Self.running()
        driver.offer(driver.fresh(4))
        driver.performAll(leaving: \.isCall)
        // One owner died under all four readings; the next ring has other owners.
        let taken = driver.takeCall()
        driver.step(.callFailed(try #require(taken).number, .ownerLost))
        driver.step(.ring(Ring(others)))
        driver.tick(driver.core.limits.callRetry)
        var dead = 0
        while let call = driver.takeCall() {
            dead += call.count
            driver.step(.callFailed(call.number, .ownerLost))
            driver.tick(driver.core.limits.callRetry)
        }
        #expect(dead == 4, "each reading went to one owner of the second ring, and no further")
        driver.settle()
        #expect(driver.stored.values.map(\.result) == Array(repeating: .unscored, count: 4))
    }

    @Test func patienceWithOwnersIsNotRenewedByANewRing() throws {
        var driver = Self.running()
        driver.offer(driver.fresh(2))
        driver.performAll(leaving: \.isCall)
        let taken = driver.takeCall()
        driver.step(.callFailed(try #require(taken).number, .noAnswer))
        for incarnation: UInt64 in 2..<8 {
            driver.step(.ring(Ring([Owner(name: "n0", incarnation: incarnation)])))
            driver.tick(1_000_000)
            guard let call = driver.takeCall() else { break }
            driver.step(.callFailed(call.number, .noAnswer))
        }
        driver.settle()
        #expect(driver.stored.values.map(\.result) == [.unscored, .unscored])
    }

    @Test func aFullLogIsAnErrorToTheClientAndNothingIsHalfAccepted() throws {
        var driver = Self.running()
        let request = driver.offer(driver.fresh(2))
        guard case .append(let number, _)? = driver.orders.popLast() else {
            Issue.record("no append")
            return
        }
        driver.step(.appendFailed(number, .full("no room")))
        #expect(driver.refused[request] == .logFull(retryAfterSeconds: driver.core.limits.fullRetryAfterSeconds))
        #expect(driver.acknowledged.isEmpty)
        #expect(driver.core.ledger.accepted == 0)
        driver.offer(driver.fresh(2))
        driver.settle()
        #expect(driver.stored.count == 2)
    }

    @Test func aDiskThatFailedClosesTheLogForGood() throws {
        var driver = Self.running()
        driver.offer(driver.fresh(2))
        guard case .append(let number, _)? = driver.orders.popLast() else {
            Issue.record("no append")
            return
        }
        driver.step(.appendFailed(number, .failed("EIO")))
        #expect(driver.core.logFailure == "EIO")
        let request = driver.offer(driver.fresh(1))
        #expect(driver.refused[request] == .logFailed("EIO"))
    }

    @Test func memoryStaysBoundedWhileTheStoreIsAway() {
        var limits = IngestLimits()
        limits.storingReadingsMax = 50
        var driver = Self.running(limits)
        var largest = 0
        for round in 0..<400 {
            driver.offer(driver.fresh(1))
            // Away in the middle of commits, so that some are put back after their verdicts were written.
            driver.isStoreAway = round > 50
            driver.performAll()
            driver.tick(60_000)
            if round > 120 { largest = max(largest, driver.core.entriesInMemory) }
        }
        #expect(largest < 100, "\(largest) entries")
        driver.isStoreAway = false
        driver.settle()
        #expect(driver.stored.count == 400)
    }

    @Test func verdictsThatReachBackBeforeTheRowStillCountAfterARestart() {
        var driver = Self.running()
        driver.isStoreAway = true
        for _ in 0..<3 { driver.offer(driver.fresh(2)) }
        driver.performAll()
        #expect(driver.records.contains { !$0.holdsReadings && $0.count > 2 })
        // The store took the first record of those that one verdict record covers.
        driver.row?.position = LogPosition(2)
        driver.row?.stored = 2
        driver.row?.accepted = LogPosition(6)
        let scored = driver.scoredTimes
        driver.isStoreAway = false
        driver.restart()
        driver.settle()
        #expect(driver.scoredTimes == scored)
        #expect(driver.row?.position == LogPosition(6))
    }

    @Test func aLongBacklogOfSingleReadingsIsReadBackInOrder() {
        var limits = IngestLimits()
        limits.storingReadingsMax = 100
        limits.commitReadingsMax = 5_000
        var driver = Self.running(limits)
        driver.isStoreAway = true
        for _ in 0..<200 {
            for _ in 0..<100 { driver.offer(driver.fresh(1)) }
            driver.performAll()
        }
        driver.isStoreAway = false
        driver.settle()
        #expect(driver.stored.count == 20_000)
        #expect(driver.core.ledger.damaged == 0)
        #expect(driver.commits.count < 40)
    }

    @Test func readingsWaitForTheFirstRingHoweverLongTheStartTakes() {
        var driver = IngestDriver()
        driver.step(.started(driver.opened))
        driver.performAll()
        driver.offer(driver.fresh(3))
        driver.performAll()
        driver.tick(60_000_000)
        driver.step(.ring(Ring([IngestDriver.owner])))
        driver.settle()
        #expect(driver.stored.values.map(\.result) == [.normal, .normal, .normal])
    }

    @Test func drainingRefusesAndStoresAtOnce() {
        var driver = Self.running()
        driver.offer(driver.fresh(2))
        driver.step(.drain)
        driver.performAll()
        #expect(driver.core.isDrained && driver.stored.count == 2)
        let request = driver.offer(driver.fresh(1))
        #expect(driver.refused[request] == .draining)
    }
}
