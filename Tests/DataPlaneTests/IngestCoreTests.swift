import DataPlane
import HashRing
import LogFormat
import Ports
import Telemetry
import Testing

struct IngestCoreTests {
    /// Bounds so small that every one of them is met within a few steps.
    private static var tight: IngestLimits {
        var limits = IngestLimits()
        limits.recordReadingsMax = 4
        limits.appendReadingsMax = 8
        limits.waitingReadingsMax = 20
        limits.scoringReadingsMax = 24
        limits.callReadingsMax = 6
        limits.storingReadingsMax = 10
        limits.commitReadingsMax = 9
        return limits
    }

    @Test(arguments: 0..<120)
    func everyAcknowledgedReadingIsStoredOnceWhateverHappens(seed: UInt64) {
        var world = IngestWorld(seed: seed, limits: Self.tight)
        world.start()
        var number = 0
        for _ in 0..<400 {
            switch world.random.draw(below: 20) {
            case 0..<6: world.offer(batch(&number, of: 1 + world.random.draw(below: 7)))
            case 6..<16: world.performOne(isKind: false)
            case 16: world.isStoreAway.toggle()
            case 17 where world.random.draw(below: 5) == 0: world.crash()
            default: world.tick(Int64(world.random.draw(below: 300_000)))
            }
        }
        world.settle()
        #expect(world.problems.isEmpty, "seed \(seed): \(world.problems.prefix(3))")
        let acknowledged = world.acknowledged.flatMap { batch in (0..<batch.count).map { batch[$0] } }
        for reading in acknowledged where world.rows[reading] == nil {
            Issue.record("seed \(seed): \(reading) was acknowledged and is not stored")
        }
        #expect(world.rows.keys.allSatisfy(world.sent.contains))
        #expect(world.core.ledger.damaged == 0)
        #expect(world.core.ledger.stored == UInt64(world.rows.count))
        #expect(world.core.ledger.pending == 0)
        for (reading, verdict) in world.rows where verdict.result == .normal {
            #expect(verdict.score == reading.value / 1e6, "the verdict of another reading")
        }
    }

    @Test func theSameEventsGiveTheSameEffects() {
        func trace() -> [String] {
            var world = IngestWorld(seed: 7, limits: Self.tight)
            world.start()
            var number = 0
            var lines: [String] = []
            for _ in 0..<200 {
                if world.random.draw(below: 3) == 0 { world.offer(batch(&number, of: 3)) }
                world.performOne(isKind: false)
                lines.append("\(world.orders)")
            }
            return lines
        }
        #expect(trace() == trace())
    }

    @Test func readingsWithALoggedVerdictAreNotScoredAgainAfterARestart() {
        var world = IngestWorld(seed: 1, limits: IngestLimits())
        world.start()
        world.isStoreAway = true
        var number = 0
        world.offer(batch(&number, of: 50))
        for _ in 0..<20 { world.performOne(isKind: true) }
        #expect(world.scoredTimes.count == 50)
        world.syncedCount = world.records.count
        world.crash()
        world.settle()
        #expect(world.scoredTimes.values.allSatisfy { $0 == 1 })
        #expect(world.rows.count == 50)
        #expect(world.problems.isEmpty)
    }

    @Test func aReadingThatFindsNoOwnerIsStoredUnscoredAfterFiveSeconds() {
        var world = IngestWorld(seed: 2, limits: IngestLimits())
        world.start()
        for _ in 0..<5 { world.performOne(isKind: true) }
        world.step(.ring(Ring([])))
        var number = 0
        world.offer(batch(&number, of: 3))
        world.performOne(isKind: true)
        world.tick(4_900_000)
        #expect(world.rows.isEmpty)
        world.tick(200_000)
        world.settle()
        #expect(world.rows.values.map(\.result) == [.unscored, .unscored, .unscored])
    }

    @Test func twoOwnersLostUnderAReadingAreEnough() throws {
        var world = IngestWorld(seed: 3, limits: IngestLimits())
        world.start()
        for _ in 0..<5 { world.performOne(isKind: true) }
        var number = 0
        world.offer(batch(&number, of: 2))
        world.performOne(isKind: true)
        for _ in 0..<2 {
            let taken = world.takeCall()
            let call = try #require(taken)
            world.step(.callFailed(call.number))
        }
        let third = world.takeCall()
        #expect(third == nil)
        world.settle()
        #expect(world.rows.values.map(\.result) == [.unscored, .unscored])
    }

    @Test func aFullLogIsAnErrorToTheClientAndNothingIsHalfAccepted() throws {
        var world = IngestWorld(seed: 4, limits: IngestLimits())
        world.start()
        for _ in 0..<5 { world.performOne(isKind: true) }
        var number = 0
        world.offer(batch(&number, of: 2))
        let append = try #require(world.outstandingAppend)
        world.orders.removeAll()
        world.step(.appendFailed(append, .full("no room")))
        #expect(world.requests.isEmpty && world.acknowledged.isEmpty)
        #expect(world.core.ledger.accepted == 0)
        world.offer(batch(&number, of: 2))
        world.settle()
        #expect(world.rows.count == 2)
    }

    @Test func aDiskThatFailedClosesTheLogForGood() throws {
        var world = IngestWorld(seed: 5, limits: IngestLimits())
        world.start()
        for _ in 0..<5 { world.performOne(isKind: true) }
        var number = 0
        world.offer(batch(&number, of: 2))
        let append = try #require(world.outstandingAppend)
        world.step(.appendFailed(append, .failed("EIO")))
        #expect(world.core.logFailure == "EIO")
        let effects = world.core.handle(
            .offered([.init(request: .init(99), batch: batch(&number, of: 1))]), now: world.now)
        #expect(effects == [.refuse([IngestCore.RequestID(99)], .logFailed("EIO"))])
    }

    @Test func aRowBeyondTheLogsEndRetiresTheName() {
        var world = IngestWorld(seed: 6, limits: IngestLimits())
        world.start()
        var number = 0
        world.offer(batch(&number, of: 4))
        world.settle()
        // The disk is restored from before: the store knows four readings, the log has two others in their place.
        world.records = [.readings(.start, batch(&number, of: 2))]
        world.syncedCount = 1
        world.trimmedTo = .start
        let old = world.logID
        world.crash()
        world.settle()
        #expect(world.logID != old)
        #expect(world.rows.count == 6)
        #expect(world.problems.isEmpty)
    }

    @Test func aRowBeyondWhatTheLogHeldAtItsStartRetiresTheNameHoweverMuchCameSince() {
        var world = IngestWorld(seed: 9, limits: IngestLimits())
        world.start()
        var number = 0
        world.offer(batch(&number, of: 40))
        world.settle()
        // An older disk, and a store that is away at the start: the node accepts beyond the row before it sees it.
        world.records = []
        world.syncedCount = 0
        world.trimmedTo = .start
        world.isStoreAway = true
        world.crash()
        for _ in 0..<6 { world.performOne(isKind: true) }
        for _ in 0..<20 {
            world.offer(batch(&number, of: 4))
            for _ in 0..<10 { world.performOne(isKind: true) }
        }
        #expect(world.core.ledger.accepted == 80)
        world.settle()
        #expect(world.rows.count == 120)
        #expect(world.problems.isEmpty)
    }

    @Test func memoryStaysBoundedWhileTheStoreIsAway() {
        var limits = IngestLimits()
        limits.storingReadingsMax = 50
        var world = IngestWorld(seed: 10, limits: limits)
        world.start()
        var number = 0
        var largest = 0
        for round in 0..<400 {
            world.offer(batch(&number, of: 1))
            // Away in the middle of commits, so that some are put back after their verdicts were written.
            world.isStoreAway = round > 50
            for _ in 0..<6 { world.performOne(isKind: true) }
            world.tick(60_000)
            if round > 120 { largest = max(largest, world.core.entriesInMemory) }
        }
        #expect(largest < 100, "\(largest) entries")
        world.settle()
        #expect(world.rows.count == 400)
    }

    @Test func verdictsThatReachBackBeforeTheRowStillCountAfterARestart() {
        var world = IngestWorld(seed: 11, limits: IngestLimits())
        world.start()
        for _ in 0..<5 { world.performOne(isKind: true) }
        var number = 0
        for _ in 0..<3 { world.offer(batch(&number, of: 2)) }
        world.isStoreAway = true
        for _ in 0..<20 { world.performOne(isKind: true) }
        // The store took the first record of the three that one verdict record covers.
        world.row?.position = LogPosition(2)
        world.row?.stored = 2
        world.syncedCount = world.records.count
        let scored = world.scoredTimes
        world.isStoreAway = false
        world.crash()
        world.settle()
        #expect(world.scoredTimes == scored)
    }

    @Test func aLongBacklogOfSingleReadingsIsReadBackInOrder() {
        var limits = IngestLimits()
        limits.storingReadingsMax = 100
        limits.commitReadingsMax = 5_000
        var world = IngestWorld(seed: 12, limits: limits)
        world.checksEachStep = false
        world.start()
        for _ in 0..<5 { world.performOne(isKind: true) }
        world.isStoreAway = true
        var number = 0
        for _ in 0..<200 {
            for _ in 0..<100 { world.offer(batch(&number, of: 1)) }
            for _ in 0..<4 { world.performOne(isKind: true) }
        }
        world.readRecordsMax = 1_000
        world.settle()
        #expect(world.rows.count == 20_000)
        #expect(world.core.ledger.damaged == 0)
        #expect(world.commitsCount < 40)
    }

    @Test func readingsWaitForTheFirstRingHoweverLongTheStartTakes() {
        var world = IngestWorld(seed: 13, limits: IngestLimits())
        world.step(.started(log: world.logID, base: .start, end: .start))
        for _ in 0..<5 { world.performOne(isKind: true) }
        var number = 0
        world.offer(batch(&number, of: 3))
        world.performOne(isKind: true)
        world.tick(60_000_000)
        world.step(.ring(Ring([IngestWorld.owner])))
        world.tick(1)
        world.settle()
        #expect(world.rows.values.map(\.result) == [.normal, .normal, .normal])
    }

    @Test func drainingRefusesAndStoresAtOnce() {
        var world = IngestWorld(seed: 8, limits: IngestLimits())
        world.start()
        for _ in 0..<5 { world.performOne(isKind: true) }
        var number = 0
        world.offer(batch(&number, of: 2))
        world.step(.drain)
        for _ in 0..<10 { world.performOne(isKind: true) }
        #expect(world.core.isDrained)
        let effects = world.core.handle(
            .offered([.init(request: .init(99), batch: batch(&number, of: 1))]), now: world.now)
        #expect(effects == [.refuse([IngestCore.RequestID(99)], .draining)])
    }

    private func batch(_ number: inout Int, of count: Int) -> ReadingBatch {
        let readings = (0..<count).map { _ in
            number += 1
            let series = Series(
                device: DeviceID(unchecked: "d\(number % 11)"), metric: Metric(unchecked: "m\(number % 2)"))
            return Reading(series: series, time: Instant(microseconds: Int64(number)), value: Double(number))
        }
        return ReadingBatch(receivedAt: Instant(microseconds: Int64(number)), readings: readings)
    }
}

extension IngestWorld {
    var outstandingAppend: IngestCore.AppendNumber? {
        for case .append(let number, _) in orders { return number }
        return nil
    }

    mutating func takeCall() -> ScoreCall? {
        let index = orders.firstIndex { if case .call = $0 { true } else { false } }
        guard let index, case .call(_, let call) = orders.remove(at: index) else { return nil }
        return call
    }
}
