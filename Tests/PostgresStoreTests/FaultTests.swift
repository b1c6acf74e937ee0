import NodeHarness
import Ports
import PostgresStore
import ServerHarness
import Synchronization
import Telemetry
import Testing

/// Whatever happens to the server or to the line, in the end stored = accepted, and nothing is there twice.
@Suite("A PostgreSQL store in trouble", .enabled(if: Server.isInstalled, .noServer))
struct FaultTests {
    private func check(_ work: Work, _ row: Checkpoint, _ address: String, _ note: String = "") async throws {
        let store = try Server.store(address)
        _ = try await store.prepare()
        let expected = Int(row.position.readings)
        #expect(row.stored == row.position.readings && row.duplicates == 0 && row.discarded == 0, "\(note)")
        #expect(try await store.checkpoint(of: work.log) == row, "\(note)")
        #expect(try await work.storedCount(store) == expected, "\(note)")
        #expect(try await work.countedReadings(store) == expected, "\(note)")
        await store.close()
    }

    private func failure(of store: PostgresStore, _ transaction: StoreTransaction) async -> StoreError? {
        do throws(StoreError) {
            _ = try await store.commit(transaction)
            return nil
        } catch {
            return error
        }
    }

    /// The line is cut after any number of bytes, of any message: the start-up, a COPY, a COMMIT, its answer.
    @Test(arguments: 0..<4 as Range<UInt64>)
    func aLineThatIsCutAnywhere(part: UInt64) async throws {
        let mode: Mode = !Server.hasTimescale || part < 2 ? .plain : part == 2 ? .apache : .community
        let server = try Server.shared(mode)
        let database = try server.database()
        var cuts = 0
        for seed in (part * 25)..<(part * 25 + 25) {
            let fuses = Mutex(SeededGenerator(seed: seed))
            let connections = Atomic(0)
            let line = try CutLine(to: server.port) {
                // So many are cut; then one lives.
                guard connections.wrappingAdd(1, ordering: .relaxed).newValue < 14 else { return nil }
                return fuses.withLock { $0.draw(below: 5) == 0 ? $0.draw(below: 3_000) : $0.draw(below: 70_000) } + 1
            }
            let store = try Server.store(server.address(database, port: line.port))
            _ = try await Pause.until { () async throws(StoreError) in try await store.prepare() }
            let work = Work(seed + 1)
            let row = try await work.store(until: LogPosition(2_000), step: 400, on: store)
            await store.close()
            line.end()
            cuts += line.cuts
            try await check(work, row, server.address(database), "seed \(seed)")
        }
        #expect(cuts > 50, "lines should have been cut")
    }

    @Test func aServerThatIsKilledInTheMiddleOfACopy() async throws {
        let programs = try #require(PostgresPrograms.found)
        let server = try PostgresServer(programs)
        let database = try server.database()
        let store = try Server.store(server.address(database))
        _ = try await store.prepare()
        let work = Work()
        _ = try await work.register(store)
        var row = try await store.commit(work.transaction(at: .start))
        for round in 1...3 {
            // The COPY comes to a key that somebody else is about to add, and waits there.
            let blocked = row.position + 200
            let held = try await server.hold(
                database,
                """
                INSERT INTO readings SELECT 'epoch'::timestamptz + \(blocked.readings) * interval '1 microsecond',
                    series.id, 0.5, 0, 1, 2, false FROM series JOIN devices ON devices.id = series.device
                    WHERE devices.name = '\(work.series(Int(blocked.readings)).device)'
                """)
            let start = row.position
            async let failed = failure(of: store, work.transaction(at: start))
            try await server.wait(
                "wait_event_type = 'Lock' AND query LIKE '%COPY readings%' AND datname = '\(database)'")
            server.kill()
            held.wait(.seconds(10))
            #expect(await failed?.code == .unavailable)
            try server.start()
            let found = try await Pause.until { () async throws(StoreError) in try await store.checkpoint(of: work.log)
            }
            #expect(found == row, "round \(round)")
            row = try await work.store(until: row.position + 800, step: 400, on: store)
        }
        try await check(work, row, server.address(database))
        await store.close()
    }

    /// The answer to COMMIT is lost, and the transaction is still on its way: the row is not told before it is settled.
    @Test func aCheckpointWaitsForACommitUnderWay() async throws {
        let server = try Server.shared()
        let database = try server.database()
        let store = try Server.store(server.address(database))
        _ = try await store.prepare()
        let work = Work()
        let row = try await work.register(store)
        let held = try await server.hold(database, "UPDATE checkpoints SET position = 7, accepted = 7, damaged = 7")
        async let read = store.checkpoint(of: work.log)
        async let again = work.register(try Server.store(server.address(database)).opened())
        try await server.wait("wait_event_type = 'Lock' AND query LIKE '%FOR SHARE%' AND datname = '\(database)'")
        #expect(try await store.checkpoints() == [row])
        try server.end(held, database)
        #expect(try await read == row)
        #expect(try await again == row)
        await store.close()
    }

    /// The backend of a line that broke still has the log's row; it is ended, and not waited for.
    @Test func whatABrokenLineLeftBehindIsEnded() async throws {
        let server = try Server.shared()
        let database = try server.database()
        let direct = try Server.store(server.address(database))
        _ = try await direct.prepare()
        let work = Work()
        _ = try await work.register(direct)
        let line = try CutLine(to: server.port) { nil }
        let store = try Server.store(server.address(database, port: line.port))
        _ = try await store.prepare()
        let row = try await store.commit(work.transaction(at: .start))
        let held = try await server.hold(database, "LOCK TABLE readings IN SHARE MODE")
        async let failed = failure(of: store, work.transaction(at: row.position))
        try await server.wait("wait_event_type = 'Lock' AND query LIKE '%COPY readings%' AND datname = '\(database)'")
        line.end()
        #expect(await failed?.code == .unavailable)
        // It waits for a lock and not for its line, so it does not notice by itself.
        try await server.wait("wait_event_type = 'Lock' AND query LIKE '%COPY readings%' AND datname = '\(database)'")
        let next = try Server.store(server.address(database))
        _ = try await next.prepare()
        async let settled = next.checkpoint(of: work.log)
        try await server.wait("wait_event_type = 'Lock' AND query LIKE '%FOR SHARE%' AND datname = '\(database)'")
        try server.end(held, database)
        let found = try #require(try await settled)
        #expect(found.position == row.position || found.position == row.position + 400)
        let last = try await work.store(until: row.position + 800, step: 400, on: next)
        try await check(work, last, server.address(database))
        await store.close()
        await next.close()
        await direct.close()
    }

    /// The store itself, as soon as it has a line again, need not even wait for that.
    @Test func whatMyOwnBrokenLineLeftBehindIsEndedAtOnce() async throws {
        let server = try Server.shared()
        let database = try server.database()
        let line = try CutLine(to: server.port) { nil }
        let store = try Server.store(server.address(database, port: line.port))
        _ = try await store.prepare()
        let work = Work()
        _ = try await work.register(store)
        let row = try await store.commit(work.transaction(at: .start))
        let held = try await server.hold(database, "LOCK TABLE readings IN SHARE MODE")
        async let failed = failure(of: store, work.transaction(at: row.position))
        try await server.wait("wait_event_type = 'Lock' AND query LIKE '%COPY readings%' AND datname = '\(database)'")
        line.cut()
        #expect(await failed?.code == .unavailable)
        #expect(try await store.checkpoint(of: work.log) == row)
        let left = try server.run(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%COPY readings%' AND datname = '\(database)'")
        #expect(left == "0")
        try server.end(held, database)
        let last = try await work.store(until: row.position + 800, step: 400, on: store)
        try await check(work, last, server.address(database))
        await store.close()
        line.end()
    }

    @Test func aLockThatAnotherProgramHoldsIsGivenUpAndNamed() async throws {
        let server = try Server.shared()
        let database = try server.database()
        let store = try Server.store(server.address(database))
        _ = try await store.prepare()
        let work = Work()
        _ = try await work.register(store)
        let row = try await store.commit(work.transaction(at: .start))
        let held = try await server.hold(database, "LOCK TABLE readings IN EXCLUSIVE MODE")
        let failure = await #expect(throws: StoreError.self) {
            _ = try await store.commit(work.transaction(at: row.position))
        }
        #expect(failure?.code == .unavailable && failure?.message.contains("pg_locks") == true)
        // Flushes and reads have other connections and other tables.
        _ = try await store.flush(latest: [])
        #expect(try await store.device(work.series(0).device)?.readings == 20)
        try server.end(held, database)
        let last = try await work.store(until: row.position + 800, step: 400, on: store)
        try await check(work, last, server.address(database))
        await store.close()
    }

    @Test(.enabled(if: SmallDisk.canMount, "NEEDS ROOT, to mount a small file system"))
    func aFullDiskIsUnavailableAndLosesNothing() async throws {
        let programs = try #require(PostgresPrograms.found)
        let server = try PostgresServer(programs)
        let database = try server.database()
        let disk = try SmallDisk(kibibytes: 3_072)
        try server.run("CREATE TABLESPACE small LOCATION '\(disk.path)'")
        let store = try Server.store(server.address(database))
        _ = try await store.prepare()
        try server.run("ALTER TABLE readings SET TABLESPACE small", in: database)
        let work = Work()
        var row = try await work.register(store)
        var failure: StoreError?
        for _ in 0..<100 where failure == nil {
            do throws(StoreError) {
                row = try await store.commit(work.transaction(at: row.position, count: 2_000))
            } catch {
                failure = error
            }
        }
        #expect(failure?.code == .unavailable)
        #expect(failure?.message.contains("disk is full") == true)
        #expect(!store.isReachable)
        #expect(try await store.checkpoint(of: work.log) == row)
        #expect(try await work.storedCount(store) == Int(row.stored))
        try disk.resize(kibibytes: 65_536)
        row = try await work.store(until: row.position + 10_000, step: 2_000, on: store)
        try await check(work, row, server.address(database))
        await store.close()
        server.stop()
    }
}

extension PostgresStore {
    fileprivate func opened() async throws(StoreError) -> PostgresStore {
        _ = try await prepare()
        return self
    }
}
