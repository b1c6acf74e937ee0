import Ports
import PostgresStore
import ServerHarness
import Telemetry
import Testing

@Suite("A PostgreSQL store with TimescaleDB", .enabled(if: Server.hasTimescale, .noTimescale))
struct TimescaleTests {
    private func prepared(_ server: PostgresServer, _ database: String) async throws -> PostgresStore {
        let store = try Server.store(server.address(database))
        _ = try await store.prepare()
        return store
    }

    @Test(arguments: [Mode.apache, .community])
    func theModeIsFoundOut(_ mode: Mode) async throws {
        let server = try Server.shared(mode)
        let database = try server.database()
        let store = try await prepared(server, database)
        #expect(store.kind == StoreKind(name: "postgres", timescale: mode.timescale))
        await store.close()
        let again = try await prepared(server, database)
        #expect(again.kind == store.kind)
        await again.close()
        let made = try server.run(
            """
            SELECT hypertable_name, compression_enabled FROM timescaledb_information.hypertables
            WHERE hypertable_schema = 'public'
            """, in: database)
        #expect(made == "readings|\(mode == .community ? "t" : "f")")
        let views = try server.run("SELECT count(*) FROM timescaledb_information.continuous_aggregates", in: database)
        #expect(views == (mode == .community ? "2" : "0"))
    }

    /// A server that gains the extension under a store that has its table already: a person converts it, or nobody.
    @Test func aPlainTableStaysPlainAndThatIsTold() async throws {
        let server = try Server.shared(.community)
        let database = try server.database()
        try server.run("ALTER DATABASE \(database) SET timescaledb.disable_load = on")
        let first = try await prepared(server, database)
        #expect(first.kind.timescale == .none)
        let row = try await Work().store(until: LogPosition(800), step: 400, on: first)
        await first.close()
        try server.run("ALTER DATABASE \(database) RESET timescaledb.disable_load")
        try server.run("CREATE EXTENSION timescaledb", in: database)
        let recorder = Recorder()
        let store = PostgresStore(url: try PostgresURL(server.address(database)), logger: recorder.logger)
        _ = try await store.prepare()
        #expect(store.kind == StoreKind(name: "postgres", timescale: .none))
        #expect(recorder.lines.contains { $0.contains("create_hypertable('readings'") })
        #expect(try await store.checkpoint(of: Work().log) == row)
        let more = try await Work().store(until: LogPosition(1_600), step: 400, on: store)
        #expect(more.stored == 1_600)
        await store.close()
    }

    /// TimescaleDB unpacks no more than 100,000 rows in a transaction.
    @Test func aDeviceWithManyCompressedReadingsIsDeleted() async throws {
        let server = try Server.shared(.community)
        let database = try server.database()
        let store = try await prepared(server, database)
        let work = Work()
        _ = try await work.store(until: LogPosition(800), step: 800, on: store)
        let device = work.series(0).device
        let ofDevice = "FROM series JOIN devices ON devices.id = series.device WHERE devices.name = '\(device)' LIMIT 1"
        try server.run(
            """
            INSERT INTO readings SELECT '2024-01-01'::timestamptz + second * interval '1 second', (SELECT series.id
                \(ofDevice)), second % 100, 0, 1, 0, false FROM generate_series(1, 259200) AS second
            """, in: database)
        try server.run("SELECT count(compress_chunk(c)) FROM show_chunks('readings') AS c", in: database)
        let others = try server.run(
            "SELECT count(*) FROM readings WHERE series NOT IN (SELECT series.id \(ofDevice.dropLast(8)))", in: database
        )
        let views = ["readings_by_minute", "readings_by_hour"]
        for view in views { try server.run("CALL refresh_continuous_aggregate('\(view)', NULL, NULL)", in: database) }
        // Averages of what is older than three days are not looked at by the server any more.
        let averages = try views.map { try server.run("SELECT count(*) FROM \($0)", in: database) }
        #expect(averages.compactMap(Int.init).allSatisfy { $0 > 70 })
        #expect(try await store.delete(device, isKnown: false) != nil)
        await store.sweep(for: 60_000_000)
        #expect(try server.run("SELECT count(*) FROM deleted_series", in: database) == "0")
        #expect(try server.run("SELECT count(*) FROM readings", in: database) == others)
        for view in views {
            let left = try server.run(
                "SELECT count(*) FROM \(view) WHERE series NOT IN (SELECT id FROM series)", in: database)
            #expect(left == "0", "\(view)")
        }
        await store.close()
    }

    /// Late readings, exact duplicates and deletions reach into chunks that are compressed already.
    @Test func compressedChunksTakeWhatComesLate() async throws {
        let server = try Server.shared(.community)
        let database = try server.database()
        let store = try await prepared(server, database)
        let work = Work()
        let row = try await work.store(until: LogPosition(4_000), step: 2_000, on: store)
        #expect(
            try server.run("SELECT count(compress_chunk(c)) FROM show_chunks('readings') AS c", in: database) != "0")
        #expect(try await work.storedCount(store) == 4_000)
        // The first half again, by another log, and as many between them.
        let other = LogID(high: 9, low: 9)
        _ = try await store.register(log: other, node: "n1", by: Work.writer, replacing: nil)
        let old = work.transaction(at: .start, count: 2_000).batches[0].readings
        let late = (0..<2_000).map { Reading(series: old[$0].series, time: old[$0].time, value: -1) }
        let readings = (0..<2_000).map { old[$0] } + late
        let batch = ScoredBatch(
            position: .start, readings: ReadingBatch(receivedAt: .epoch, readings: readings),
            verdicts: VerdictBatch(repeating: .learning, count: readings.count))
        let done = try await store.commit(
            StoreTransaction(
                log: other, writer: Work.writer, start: .start, end: batch.end, batches: [batch], damaged: 0,
                accepted: batch.end))
        #expect(done.stored == 2_000 && done.duplicates == 2_000)
        #expect(try await work.storedCount(store) == 6_000)
        #expect(try await work.countedReadings(store) == 6_000)
        #expect(try await store.checkpoint(of: work.log) == row)
        try server.run(
            "SELECT compress_chunk(c, if_not_compressed => true) FROM show_chunks('readings') AS c", in: database)
        _ = try await store.delete(work.series(3).device)
        #expect(try await work.storedCount(store) == 6_000 - 300)
        await store.sweep(for: 60_000_000)
        let rest = try server.run("SELECT count(*) FROM readings", in: database)
        #expect(rest == "5700")
        await store.close()
    }

    @Test func theAveragesAddUp() async throws {
        let server = try Server.shared(.community)
        let database = try server.database()
        let store = try await prepared(server, database)
        _ = try await Work().store(until: LogPosition(2_000), step: 2_000, on: store)
        let sums = "SELECT sum(readings), sum(sum) FROM"
        for _ in 0..<2 {
            #expect(try server.run("\(sums) readings_by_minute", in: database) == "2000|1000")
            #expect(try server.run("\(sums) readings_by_hour", in: database) == "2000|1000")
            for view in ["readings_by_minute", "readings_by_hour"] {
                try server.run("CALL refresh_continuous_aggregate('\(view)', NULL, NULL)", in: database)
            }
        }
        await store.close()
    }
}
