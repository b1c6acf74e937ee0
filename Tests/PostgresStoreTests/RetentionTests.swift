import Ports
import PostgresStore
import ServerHarness
import Telemetry
import Testing

/// What is dropped leaves no outline behind, and what could not be dropped is all there.
@Suite("Retention in a PostgreSQL store", .enabled(if: Server.isInstalled, .noServer))
struct RetentionTests {
    private static let series = Series(device: DeviceID(unchecked: "d"), metric: Metric(unchecked: "t"))
    private static let midnight = Instant(rfc3339: "2024-02-28T00:00:00Z") ?? .epoch
    private static let minute: Int64 = 60_000_000

    private static var modes: [Mode] { Server.hasTimescale ? Mode.allCases : [.plain] }

    private static func time(_ minutes: Int64) -> Instant { midnight.advanced(byMicroseconds: minutes * minute) }

    private func append(_ readings: [Reading], to store: PostgresStore, log: LogID = Work(9).log) async throws {
        let row = try await store.register(log: log, node: "n", by: Work.writer, replacing: nil)
        let batch = ScoredBatch(
            position: row.position, readings: ReadingBatch(receivedAt: .distantFuture, readings: readings),
            verdicts: VerdictBatch(repeating: .learning, count: readings.count))
        _ = try await store.commit(
            StoreTransaction(
                log: log, writer: Work.writer, start: row.position, end: batch.end, batches: [batch], damaged: 0,
                accepted: batch.end))
    }

    private func prepared(_ mode: Mode) async throws -> (PostgresServer, String, PostgresStore) {
        let server = try Server.shared(mode)
        let database = try server.database()
        let store = try Server.store(server.address(database))
        _ = try await store.prepare()
        return (server, database, store)
    }

    /// One reading a minute, for three days, and a chart of them that made outlines of all.
    private func outlined(_ store: PostgresStore) async throws {
        let values = (0..<4_320).map { Reading(series: Self.series, time: Self.time($0), value: Double($0 % 97)) }
        try await append(values, to: store)
        #expect(try await chart(store).count > 800)
    }

    private func chart(_ store: PostgresStore) async throws -> [HistoryPoint] {
        let points = try await store.outline(
            of: Self.series, from: Self.midnight, to: Self.time(4_320), points: 100)
        return try #require(points)
    }

    private func history(_ store: PostgresStore) async throws -> [HistoryPoint] {
        try await store.history(of: Self.series, from: .distantPast, to: .distantFuture, after: nil, limit: 100_000)
    }

    private func dropAll(before time: Instant, _ store: PostgresStore, _ token: FencingToken) async throws -> Int {
        var dropped = 0
        var cursor: RetentionCursor?
        repeat {
            let part = try await store.dropReadings(before: time, after: cursor, token)
            dropped += part.dropped
            cursor = part.next
        } while cursor != nil
        return dropped
    }

    @Test(arguments: modes) func outlinesOfWhatIsDroppedGoWithIt(_ mode: Mode) async throws {
        let (server, database, store) = try await prepared(mode)
        try await outlined(store)
        let token = try await store.elect("n0")
        func outlines(_ condition: String) throws -> String {
            try server.run("SELECT count(*) FROM outlines WHERE \(condition)", in: database)
        }
        let dropped = try await dropAll(before: Self.time(1_440), store, token)
        #expect(dropped == (mode == .plain ? 1_440 : 1))
        #expect(try await history(store).count == 2_880)
        #expect(try outlines("stretch < '2024-02-29T00:00:00Z'") == "0")
        #expect(try outlines("stretch >= '2024-02-29T00:00:00Z'") == "288")
        // A reading that comes late is all there is of its time: no outline tells of what was there before.
        try await append([Reading(series: Self.series, time: Self.time(3), value: 1_000)], to: store)
        let points = try await chart(store)
        let all = try await history(store)
        #expect(points.first?.value == 1_000)
        #expect(Set(points).isSubset(of: Set(all)))
        // In the middle of a stretch, where there are no chunks.
        let late = Self.time(1_440 + 25)
        _ = try await dropAll(before: late, store, token)
        let kept = try await history(store)
        #expect(kept.first?.time == Self.time(mode == .plain ? 1_460 : 1_440))
        #expect(kept.last?.time == Self.time(4_319))
        #expect(Set(try await chart(store)).isSubset(of: Set(kept)))
        await store.close()
    }

    /// The last thing that a drop does is refused: then nothing of it stays.
    @Test(arguments: modes) func whatIsRolledBackIsAllThere(_ mode: Mode) async throws {
        let (server, database, store) = try await prepared(mode)
        try await outlined(store)
        let token = try await store.elect("n0")
        try server.run("ALTER TABLE audit ADD CONSTRAINT none CHECK (decision <> 'drop')", in: database)
        func view() async throws -> [String] {
            let queries = ["SELECT count(*) FROM readings", "SELECT count(*) FROM outlines"]
            let chunks = "SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_name = 'readings'"
            return try (queries + (mode == .plain ? [] : [chunks])).map { try server.run($0, in: database) }
        }
        let before = try await view()
        #expect(before == ["4320", "432"] + (mode == .plain ? [] : ["3"]))
        await #expect(throws: StoreError.self) { try await dropAll(before: Self.time(1_440), store, token) }
        #expect(try await view() == before)
        try server.run("ALTER TABLE audit DROP CONSTRAINT none", in: database)
        let newest = try await store.elect("n1")
        let stale = try await code { _ = try await dropAll(before: Self.time(1_440), store, token) }
        #expect(stale == .fenced(newest: newest))
        #expect(try await view() == before)
        #expect(try await dropAll(before: Self.time(1_440), store, newest) == (mode == .plain ? 1_440 : 1))
        await store.close()
    }

    @Test(.enabled(if: Server.hasTimescale, .noTimescale)) func compressedChunksAreDroppedToo() async throws {
        let (server, database, store) = try await prepared(.community)
        try await outlined(store)
        try server.run("SELECT count(compress_chunk(c)) FROM show_chunks('readings') AS c", in: database)
        let token = try await store.elect("n0")
        #expect(try await dropAll(before: Self.time(2_880), store, token) == 2)
        #expect(try await history(store).count == 1_440)
        let row = try #require(try await store.audit(limit: 1).first)
        #expect(row.reason.contains("2 chunks") && row.reason.contains("2024-03-01T00:00:00"))
        await store.close()
    }

    /// As many as no server drops at once: each takes locks, of which there are few.
    @Test(.enabled(if: Server.hasTimescale, .noTimescale)) func yearsOfChunksAreDroppedInParts() async throws {
        let (server, database, store) = try await prepared(.community)
        let days: Int64 = 150
        let readings = (0..<days).map { Reading(series: Self.series, time: Self.time(-$0 * 1_440), value: 1) }
        try await append(readings, to: store)
        let token = try await store.elect("n0")
        let first = try await store.dropReadings(before: Self.midnight, after: nil, token)
        let chunks = "SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_name = 'readings'"
        let left = try #require(Int(try server.run(chunks, in: database)))
        #expect(first.dropped > 0 && first.dropped < 50 && first.next != nil && left == Int(days) - first.dropped)
        // The oldest go first.
        #expect(try await history(store).count == left)
        #expect(try await history(store).last?.time == Self.midnight)
        #expect(try await dropAll(before: Self.midnight, store, token) == left - 1)
        #expect(try await history(store).count == 1)
        await store.close()
    }

    @Test(.enabled(if: Server.hasTimescale, .noTimescale)) func averagesGoWithTheReadings() async throws {
        let (server, database, store) = try await prepared(.community)
        let days: [Int64] = [-400, -399, 0]
        let readings = days.map { Reading(series: Self.series, time: Self.time($0 * 1_440), value: 1) }
        try await append(readings, to: store)
        let views = ["readings_by_minute", "readings_by_hour"]
        func counts() throws -> [String] {
            try views.map { try server.run("SELECT sum(readings) FROM \($0)", in: database) }
        }
        for view in views { try server.run("CALL refresh_continuous_aggregate('\(view)', NULL, NULL)", in: database) }
        #expect(try counts() == ["3", "3"])
        let token = try await store.elect("n0")
        #expect(try await dropAll(before: Self.midnight, store, token) == 2)
        #expect(try counts() == ["1", "1"])
        await store.close()
    }

    /// Nodes that store old readings, draw charts, flush and delete, beside a pruner that does all it can.
    @Test(arguments: modes) func nobodyWaitsInACircle(_ mode: Mode) async throws {
        let (server, database, first) = try await prepared(mode)
        try await outlined(first)
        if mode == .community {
            // The server's own compression and those who store old readings wait for each other now and then.
            let jobs = "FROM timescaledb_information.jobs WHERE hypertable_name IS NOT NULL"
            try server.run("SELECT alter_job(job_id, scheduled => false) \(jobs)", in: database)
        }
        var others: [PostgresStore] = []
        for _ in 0..<3 {
            let store = try Server.store(server.address(database))
            _ = try await store.prepare()
            others.append(store)
        }
        let stores = others
        try await withThrowingTaskGroup(of: Void.self) { group in
            for node in 0..<2 {
                group.addTask {
                    var generator = SeededGenerator(seed: UInt64(node))
                    for step in 0..<30 {
                        let readings = (0..<200).map { _ in
                            let device = DeviceID(unchecked: "d\(generator.draw(below: 6))")
                            return Reading(
                                series: Series(device: device, metric: Metric(unchecked: "t")),
                                time: Self.time(Int64(generator.draw(below: 4_000))),
                                value: Double(generator.draw(below: 9)))
                        }
                        try await append(readings, to: stores[node], log: Work(UInt64(20 + node)).log)
                        if step % 5 == 0 {
                            _ = try await stores[node].delete(DeviceID(unchecked: "d\(generator.draw(below: 6))"))
                        }
                    }
                }
            }
            group.addTask { for _ in 0..<30 { _ = try await chart(first) } }
            group.addTask {
                for step in 0..<30 {
                    let token = try await stores[2].elect("n")
                    _ = try await stores[2].hide(heardThrough: .distantFuture, limit: 3, reason: "r", token)
                    let silent = try await stores[2].silentDevices(heardThrough: .distantFuture, limit: 3)
                    let named = silent.filter { $0.device.text != "d" }
                    _ = try await stores[2].delete(named, reason: "r", token)
                    _ = try await dropAll(before: Self.time(Int64(step * 90)), stores[2], token)
                    try await stores[2].endRun("done", waiting: nil, token)
                }
            }
            try await group.waitForAll()
        }
        let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = '\(database)'"
        #expect(try server.run(deadlocks) == "0")
        for store in stores + [first] { await store.close() }
    }
}
