import Ports
import SQLiteStore
import StoreConformance
import Synchronization
import Telemetry
import Testing

/// What only this adapter can show: its clock is the test's, and its file can be looked into.
@Suite("Pruning in a SQLite store") struct PruneTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// A clock that is set by hand.
    private final class Hand: Sendable {
        private let time: Mutex<Instant>

        init(_ time: Instant) {
            self.time = Mutex(time)
        }

        var now: Instant {
            get { time.withLock { $0 } }
            set { time.withLock { $0 = newValue } }
        }
    }

    private func prepared(_ hand: Hand) async throws -> SQLiteStore {
        let store = SQLiteStore(path: folder.database, logger: TemporaryFolder.silent) { hand.now }
        _ = try await store.prepare()
        return store
    }

    static let backToSecondSchema = """
        ALTER TABLE readings DROP COLUMN reason; ALTER TABLE flock DROP COLUMN models_revision;
        DROP TABLE shadow_scores; DROP INDEX models_shadow; ALTER TABLE models DROP COLUMN shadow; ALTER TABLE models DROP COLUMN alarm_rate;
        ALTER TABLE models DROP COLUMN activated;
        DROP TABLE alerts; DROP TABLE deliveries; DROP TABLE mutes;
        DROP TABLE jobs; DROP TABLE ticks; DROP TABLE silences; ALTER TABLE devices DROP COLUMN restored;
        UPDATE flock SET schema_version = 2
        """

    @Test func aFileOfTheSecondSchemaIsTakenOver() async throws {
        let store = try await folder.prepared()
        let row = try await store.commit(Work.transaction(at: try await Work.register(store).position))
        await store.close()
        try RawDatabase(folder.database).execute(Self.backToSecondSchema)
        let upgraded = try await folder.prepared()
        #expect(try await upgraded.checkpoint(of: Work.log) == row)
        let token = try await upgraded.elect("n0")
        let silent = try await upgraded.silentDevices(heardThrough: .distantFuture, limit: 10)
        #expect(silent.count == 4)
        #expect(try await upgraded.delete(silent, reason: "silent", token).count == 4)
        await upgraded.close()
    }

    private static let day: Int64 = 86_400_000_000

    @Test func theTombstoneIsTheMiddleExactly() async throws {
        let hand = Hand(Instant(microseconds: 1_000_000))
        let start = hand.now
        let store = try await prepared(hand)
        _ = try await store.commit(Work.transaction(at: try await Work.register(store).position))
        let silent = try await store.silentDevices(heardThrough: start, limit: 10)
        #expect(silent.map(\.lastHeard) == [start, start, start, start])
        hand.now = start.advanced(byMicroseconds: 7 * Self.day + 1)
        let token = try await store.elect("n0")
        let gone = try await store.delete(silent, reason: "silent", token)
        #expect(gone.map(\.time) == .init(repeating: start.advanced(byMicroseconds: 7 * Self.day / 2), count: 4))
        // Read with a clock that was ahead, deleted after it was set back.
        hand.now = .distantFuture
        let row = try #require(try await store.checkpoint(of: Work.log))
        let batch = ScoredBatch(
            position: row.position,
            readings: ReadingBatch(
                receivedAt: .distantFuture, readings: [Reading(series: Work.series(0), time: .epoch, value: 1)]),
            verdicts: VerdictBatch(repeating: .learning, count: 1))
        _ = try await store.commit(
            StoreTransaction(
                log: Work.log, writer: Work.writer, start: row.position, end: batch.end, batches: [batch], damaged: 0,
                accepted: batch.end))
        let ahead = try await store.silentDevices(heardThrough: .distantFuture, limit: 10)
        hand.now = start
        #expect(try await store.delete(ahead, reason: "silent", token).map(\.device) == [Work.series(0).device])
        await store.close()
    }

    /// A run that a clock ahead of its time began must not be the last one.
    @Test func aClockThatIsSetBackStopsNoRuns() async throws {
        let hand = Hand(Instant(microseconds: 100 * Self.day))
        let store = try await prepared(hand)
        let token = try await store.elect("n0")
        let minute: Int64 = 60_000_000
        let turns: [(now: Int64, wait: Int64?)] = [
            (100 * Self.day, nil), (100 * Self.day, minute), (100 * Self.day + minute - 1, 1),
            (100 * Self.day + minute, nil), (5 * Self.day, nil), (5 * Self.day + 1, minute - 1),
            (5 * Self.day + minute, nil), (.min, nil), (.max, nil), (.max, minute), (0, nil),
        ]
        for (now, wait) in turns {
            hand.now = Instant(microseconds: now)
            let turn = try await store.beginRun(token, every: minute)
            switch turn {
            case .begun(let start): #expect(wait == nil && start.time == hand.now, "\(now)")
            case .early(let left): #expect(left == wait, "\(now)")
            }
        }
        await store.close()
    }

    /// Without the table there is nothing to be looked at.
    @Test func readingsAreNeverLookedAt() async throws {
        let store = try await folder.prepared()
        _ = try await store.commit(Work.transaction(at: try await Work.register(store).position))
        try RawDatabase(folder.database).execute("DROP TABLE readings")
        let token = try await store.elect("n0")
        #expect(
            try await store.census(after: .epoch, old: .distantPast) == Census(heard: 4, fellSilent: 0))
        let silent = try await store.silentDevices(heardThrough: .distantFuture, limit: 10)
        #expect(silent.map(\.readings) == [10, 10, 10, 10])
        #expect(try await store.hide(heardThrough: .distantFuture, limit: 10, reason: "r", token).count == 4)
        #expect(try await store.delete(silent, reason: "r", token).count == 4)
        await store.close()
    }

    @Test func theOldestDecisionsAreForgotten() async throws {
        let store = try await folder.prepared()
        let token = try await store.elect("n0")
        func fill(_ count: Int) throws {
            try RawDatabase(folder.database).execute(
                """
                WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(count))
                INSERT INTO audit (time, job, decision, reason) SELECT i, 'prune', 'wait', 'r' FROM n
                """)
        }
        func count() throws -> [Int64] { try RawDatabase(folder.database).numbers("SELECT count(*) FROM audit") }
        try fill(101_000)
        try await store.endRun("done", waiting: nil, token)
        #expect(try count() == [101_000])
        try fill(1)
        try await store.endRun("done", waiting: nil, token)
        #expect(try count() == [100_000])
        #expect(try RawDatabase(folder.database).numbers("SELECT min(id) FROM audit") == [1_002])
        #expect(try await store.audit(limit: 1).map(\.time) == [Instant(microseconds: 1)])
        await store.close()
    }

    /// Most of a fleet is heard; a hundred devices are pruned.
    @Test func aHundredOfAHundredThousandDevices() async throws {
        let store = try await folder.prepared()
        var row = try await Work.register(store)
        let series = (0..<100_000).map {
            Series(device: DeviceID(unchecked: "device-\($0)"), metric: Metric(unchecked: "temperature"))
        }
        for part in 0..<10 {
            let readings = series[(part * 10_000)..<(part * 10_000 + 10_000)].map {
                Reading(series: $0, time: .epoch, value: 1)
            }
            let batch = ScoredBatch(
                position: row.position, readings: ReadingBatch(receivedAt: .epoch, readings: readings),
                verdicts: VerdictBatch(repeating: .learning, count: readings.count))
            row = try await store.commit(
                StoreTransaction(
                    log: Work.log, writer: Work.writer, start: row.position, end: batch.end, batches: [batch],
                    damaged: 0, accepted: batch.end))
        }
        try RawDatabase(folder.database).execute(
            "UPDATE devices SET last_heard = last_heard - 1000000000 - id WHERE id % 1000 = 7")
        let token = try await store.elect("n0")
        let heard = try #require(try await store.device(series[0].device)).lastHeard
        let old = heard.advanced(byMicroseconds: -500_000_000)
        let clock = ContinuousClock()
        var census: Census?
        var hidden: [DeviceID] = []
        var silent: [SilentDevice] = []
        var gone: [Tombstone] = []
        let counting = try await clock.measure {
            census = try await store.census(after: old, old: .distantPast)
        }
        let hiding = try await clock.measure {
            hidden = try await store.hide(heardThrough: old, limit: 1_000, reason: "silent", token)
        }
        let reading = try await clock.measure {
            silent = try await store.silentDevices(heardThrough: old, limit: 1_000)
        }
        let deleting = try await clock.measure {
            for part in [silent.prefix(50), silent.dropFirst(50)] {
                gone += try await store.delete(Array(part), reason: "silent", token)
            }
        }
        print("100,000 devices in SQLite: census \(counting), hide \(hiding), silent \(reading), delete \(deleting)")
        #expect(census == Census(heard: 99_900, fellSilent: 100))
        #expect(hidden.count == 100 && silent.count == 100 && gone.count == 100)
        #expect(silent.map(\.lastHeard) == silent.map(\.lastHeard).sorted())
        #expect(counting + hiding + reading + deleting < .seconds(60))
        await store.close()
    }

    /// Each part is one write transaction, for which other nodes wait.
    @Test(arguments: [(series: 2_000, readings: 30), (series: 3, readings: 20_000)])
    func retentionGoesInShortParts(_ fleet: (series: Int, readings: Int)) async throws {
        let store = try await folder.prepared()
        var row = try await Work.register(store)
        let series = (0..<fleet.series).map {
            Series(device: DeviceID(unchecked: "device-\($0)"), metric: Metric(unchecked: "temperature"))
        }
        for one in 0..<(fleet.series * fleet.readings / 10_000) {
            let readings = (0..<10_000).map { number in
                let place = one * 10_000 + number
                let time = Instant(microseconds: Int64(place / fleet.series) * 1_000_000)
                return Reading(series: series[place % fleet.series], time: time, value: 0.5)
            }
            let batch = ScoredBatch(
                position: row.position, readings: ReadingBatch(receivedAt: .epoch, readings: readings),
                verdicts: VerdictBatch(repeating: .learning, count: readings.count))
            row = try await store.commit(
                StoreTransaction(
                    log: Work.log, writer: Work.writer, start: row.position, end: batch.end, batches: [batch],
                    damaged: 0, accepted: batch.end))
        }
        let token = try await store.elect("n0")
        let clock = ContinuousClock()
        var times: [Duration] = []
        var dropped = 0
        var cursor: RetentionCursor?
        repeat {
            var part = RetentionPart(dropped: 0, next: nil)
            let time = try await clock.measure {
                part = try await store.dropReadings(before: .distantFuture, after: cursor, token)
            }
            times.append(time)
            dropped += part.dropped
            cursor = part.next
        } while cursor != nil
        let longest = try #require(times.max())
        print("\(fleet) in SQLite: \(times.count) parts, \(times.reduce(.zero, +)), the longest \(longest)")
        #expect(dropped == 60_000)
        #expect(longest < .seconds(10))
        #expect(try RawDatabase(folder.database).numbers("SELECT count(*) FROM readings") == [0])
        await store.close()
    }
}
