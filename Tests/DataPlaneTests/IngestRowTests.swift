import DataPlane
import HashRing
import LogFormat
import Ports
import Telemetry
import Testing

/// What the log's row in the store says, and what follows where it contradicts the log.
struct IngestRowTests {
    private static func running() -> IngestDriver {
        var driver = IngestDriver()
        driver.start()
        driver.performAll()
        return driver
    }

    /// A log of which a former life stored the first `stored` of `accepted` readings.
    private static func former(stored: UInt64, of accepted: UInt64, records count: Int) -> IngestDriver {
        var driver = IngestDriver()
        // A row stands between records, if it stands in the log.
        let first = min(Int(stored), count)
        if first > 0 { driver.records.append(.readings(.start, driver.fresh(first))) }
        if first < count { driver.records.append(.readings(.start + first, driver.fresh(count - first))) }
        driver.lives = [LogLife(writer: WriterID(77), start: .start)]
        driver.row = Checkpoint(
            log: driver.logID, node: "n0", writer: WriterID(77), position: LogPosition(stored),
            accepted: LogPosition(accepted), stored: stored)
        return driver
    }

    @Test func theRowIsClaimedBeforeAnythingIsCommitted() {
        var driver = Self.former(stored: 0, of: 4, records: 4)
        driver.start()
        #expect(driver.orders == [.readCheckpoint(driver.logID)])
        driver.performAll(leaving: \.isClaim)
        #expect(driver.isOrdered { $0 == .claim(driver.logID, from: WriterID(77), by: driver.core.writer) })
        driver.isStoreAway = true
        driver.performAll()
        for _ in 0..<50 {
            driver.tick(200_000)
            #expect(!driver.isOrdered(\.isCommit))
            driver.performAll()
        }
        #expect(driver.scoredTimes.count == 4, "scoring does not wait for the store")
        driver.isStoreAway = false
        driver.settle()
        #expect(driver.commits.map(\.writer) == [driver.core.writer])
        #expect(driver.row?.writer == driver.core.writer)
    }

    /// Two folders with one log, that ran in turns: each accepted readings at the same positions before it saw the other's
    /// row.
    @Test func aRowThatACopyMovedInItsTurnRetiresTheName() {
        var driver = Self.former(stored: 4, of: 4, records: 8)
        driver.lives = [LogLife(writer: WriterID(5), start: .start)]
        driver.start()
        driver.performAll(leaving: \.isRetirement)
        #expect(driver.retirement == .claimedByAnother)
        driver.settle()
        #expect(driver.stored.count == 8)
    }

    @Test func aRowOfAProgramThatDidNotClaimIsTakenOver() {
        var driver = Self.former(stored: 4, of: 4, records: 8)
        driver.lives = []
        driver.row?.writer = .unclaimed
        driver.start()
        driver.settle()
        #expect(driver.logID == LogID(high: 0, low: 1) && driver.stored.count == 4)
        #expect(driver.row?.position == LogPosition(8))
    }

    /// The folder was copied while its process ran: the copy knows that life, but not what it did after.
    @Test func aRowThatAFormerLifeMovedFurtherThanItCouldRetiresTheName() {
        var driver = Self.former(stored: 4, of: 4, records: 8)
        driver.lives = [
            LogLife(writer: WriterID(77), start: .start), LogLife(writer: WriterID(78), start: LogPosition(2)),
        ]
        driver.start()
        driver.performAll(leaving: \.isRetirement)
        #expect(driver.retirement == .claimedByAnother)
        driver.settle()
        #expect(driver.stored.count == 8)
    }

    /// Its commit went in between our look at the row and our claim.
    @Test func aRowThatMovesTooFarBeforeTheClaimRetiresTheName() {
        var driver = Self.former(stored: 0, of: 0, records: 8)
        driver.lives = [
            LogLife(writer: WriterID(77), start: .start), LogLife(writer: WriterID(78), start: .start),
        ]
        driver.start()
        driver.performAll(leaving: \.isClaim)
        driver.row?.position = LogPosition(4)
        driver.row?.stored = 4
        driver.performAll(leaving: \.isRetirement)
        #expect(driver.retirement == .claimedByAnother)
    }

    @Test func aLogWithoutARowIsRegisteredWithTheOneItReplaced() {
        var driver = IngestDriver()
        let replaced = LogID(high: 9, low: 9)
        driver.step(.started(IngestCore.OpenLog(id: driver.logID, base: .start, end: .start, replaces: replaced)))
        driver.performAll { if case .register = $0 { true } else { false } }
        #expect(driver.orders == [.register(driver.logID, by: driver.core.writer, replacing: replaced)])
    }

    /// What the row says when it is read again, and what that means.
    struct Contradiction: Sendable, CustomTestStringConvertible {
        let reason: IngestCore.RetireReason
        let change: @Sendable (inout Checkpoint?) -> Void

        var testDescription: String { reason.rawValue }
    }

    @Test(arguments: [
        Contradiction(reason: .claimedByAnother) { $0?.writer = WriterID(99) },
        Contradiction(reason: .rowMovedBack) { $0?.position = LogPosition(2) },
        Contradiction(reason: .rowMissing) { $0 = nil },
    ])
    func aRowThatSomebodyElseChangedRetiresTheName(_ case: Contradiction) {
        var driver = Self.running()
        driver.offer(driver.fresh(4))
        driver.settle()
        driver.tick(0)
        driver.performAll()
        `case`.change(&driver.row)
        let old = driver.logID
        // Nothing is stored, nothing comes: the row is looked at all the same.
        driver.tick(driver.core.limits.rowLook)
        driver.performAll(leaving: \.isRetirement)
        #expect(driver.retirement == `case`.reason)
        #expect(driver.core.phase == .retiring(`case`.reason, isOrdered: true))
        driver.offer(driver.fresh(3))
        driver.settle()
        #expect(driver.logID != old && driver.row?.log == driver.logID)
        #expect(driver.stored.count == 7 && driver.acknowledged.count == 2)
    }

    @Test func aCommitThatLostAgainstAnotherWriterIsNotTriedAgain() {
        var driver = Self.running()
        driver.offer(driver.fresh(4))
        driver.performAll(leaving: \.isCommit)
        driver.row?.writer = WriterID(99)
        driver.tick(200_000)
        driver.performAll(leaving: \.isRetirement)
        #expect(driver.stored.isEmpty)
        // A look at the row shows why.
        driver.tick(driver.core.limits.storeRetryFirst)
        driver.performAll(leaving: \.isRetirement)
        #expect(driver.retirement == .claimedByAnother)
        driver.settle()
        #expect(driver.stored.count == 4)
    }

    @Test func aRowBeyondTheLogsEndRetiresTheName() {
        // The disk is restored from before: the store knows four readings, the log has two others in their place.
        var driver = Self.former(stored: 4, of: 4, records: 2)
        driver.start()
        driver.performAll(leaving: \.isRetirement)
        #expect(driver.retirement == .rowBeyondLog)
        driver.settle()
        #expect(driver.stored.count == 2)
        #expect(driver.row?.log == driver.logID && driver.row?.position == LogPosition(2))
    }

    @Test func aRowBeyondWhatTheLogHeldAtItsStartRetiresTheNameHoweverMuchCameSince() {
        // An older disk, and a store that is away at the start: the node accepts beyond the row before it sees it.
        var driver = Self.former(stored: 40, of: 40, records: 0)
        driver.isStoreAway = true
        driver.start()
        driver.performAll()
        for _ in 0..<20 { driver.offer(driver.fresh(4)) }
        driver.performAll()
        #expect(driver.core.ledger.accepted == 80)
        driver.isStoreAway = false
        driver.tick(driver.core.limits.storeRetryLast)
        driver.performAll(leaving: \.isRetirement)
        #expect(driver.retirement == .rowBeyondLog)
        driver.settle()
        #expect(driver.stored.count == 80)
    }

    @Test func whatTheRowProvesBeyondTheLogsEndIsSkippedAndCountedAsDamaged() {
        // Ten were accepted and four stored; of the rest the disk lost the last three.
        var driver = Self.former(stored: 4, of: 10, records: 7)
        driver.start()
        driver.performAll()
        #expect(driver.core.phase == .running)
        #expect(driver.core.ledger.accepted == 10)
        driver.offer(driver.fresh(2))
        driver.settle()
        #expect(driver.records.last(where: \.holdsReadings)?.position == LogPosition(10), "a position given twice")
        let ledger = driver.core.ledger
        #expect(ledger.damaged == 3 && ledger.accepted == 12 && ledger.pending == 0)
        #expect(driver.row?.position == LogPosition(12))
    }

    @Test func positionsGivenSinceTheStartAreNotThoseThatTheRowProves() {
        var driver = Self.former(stored: 4, of: 10, records: 7)
        driver.isStoreAway = true
        driver.start()
        driver.performAll()
        driver.offer(driver.fresh(2))
        driver.performAll()
        driver.isStoreAway = false
        driver.tick(driver.core.limits.storeRetryLast)
        driver.performAll(leaving: \.isRetirement)
        #expect(driver.retirement == .rowBeyondLog)
        driver.settle()
        #expect(driver.stored.count == 9)
    }

    @Test func aRowWithinARecordRetiresTheName() {
        var driver = Self.running()
        driver.offer(driver.fresh(4))
        driver.performAll(leaving: \.isCommit)
        driver.row?.position = LogPosition(2)
        // A look at the row, after a commit without an answer.
        driver.tick(200_000)
        driver.performAll(leaving: \.isCommit)
        if driver.take(\.isCommit) != nil { driver.step(.commitFailed) }
        driver.tick(driver.core.limits.storeRetryFirst)
        driver.tick(200_000)
        driver.performAll(leaving: \.isRetirement)
        #expect(driver.retirement == .rowMisplaced)
    }

    @Test func aNameThatFindsNoRoomIsTriedAgainAndKeepsNobodyWaiting() {
        var driver = Self.running()
        driver.offer(driver.fresh(4))
        driver.settle()
        driver.row?.writer = WriterID(99)
        driver.tick(driver.core.limits.rowLook)
        driver.performAll(leaving: \.isRetirement)
        let waiting = driver.offer(driver.fresh(2))
        #expect(driver.refused[waiting] == nil)
        _ = driver.take(\.isRetirement)
        driver.step(.retireFailed("no space left"))
        #expect(driver.refused[waiting] == .logFull(retryAfterSeconds: driver.core.limits.fullRetryAfterSeconds))
        #expect(!driver.isOrdered(\.isRetirement), "tried again at once")
        driver.tick(driver.core.limits.storeRetryLast - 1)
        #expect(!driver.isOrdered(\.isRetirement))
        driver.tick(1)
        #expect(driver.retirement == .claimedByAnother)
        driver.settle()
        let late = driver.offer(driver.fresh(1))
        driver.settle()
        #expect(driver.acknowledged.contains(late))
    }

    @Test func theRowIsLookedAtOnlyNowAndThenAndNotWhileItMoves() {
        var driver = Self.running()
        driver.tick(driver.core.limits.rowLook - 1)
        #expect(!driver.isOrdered(\.isLook))
        driver.tick(1)
        #expect(driver.orders == [.readCheckpoint(driver.logID)])
        driver.performAll()
        for _ in 0..<100 {
            driver.offer(driver.fresh(1))
            driver.tick(200_000)
            driver.performAll(leaving: \.isLook)
            #expect(!driver.isOrdered(\.isLook), "every commit shows the row")
        }
    }
}
