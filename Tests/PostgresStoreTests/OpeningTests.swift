import Logging
import NodeHarness
import Ports
import PostgresStore
import ServerHarness
import Telemetry
import Testing

@Suite("Opening a PostgreSQL store", .enabled(if: Server.isInstalled, .noServer))
struct OpeningTests {
    private let server: PostgresServer

    init() throws {
        server = try Server.shared()
    }

    @Test(arguments: 1...5)
    func fiveNodesAtOnceOnAnEmptyDatabaseAllComeUp(round: Int) async throws {
        let address = server.address(try server.database())
        let stores = try (0..<5).map { _ in try Server.store(address) }
        let flocks = try await withThrowingTaskGroup(of: FlockID.self) { group in
            for store in stores { group.addTask { try await store.prepare() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(flocks.count == 5 && Set(flocks).count == 1)
        #expect(stores.allSatisfy { $0.kind == StoreKind(name: "postgres", timescale: .none) && $0.isReachable })
        for store in stores { await store.close() }
    }

    private func failure(_ address: String, passwordFile: String? = nil) async throws -> StoreError {
        let store = try Server.store(address, passwordFile: passwordFile)
        let error = await #expect(throws: StoreError.self) { _ = try await store.prepare() }
        await store.close()
        return try #require(error)
    }

    @Test func aNewerSchemaIsRefused() async throws {
        let database = try server.database()
        let store = try Server.store(server.address(database))
        _ = try await store.prepare()
        await store.close()
        try server.run("UPDATE flock SET schema_version = 9", in: database)
        let error = try await failure(server.address(database))
        #expect(error.code == .unusable)
        #expect(error.message.contains("schema 9") && error.message.contains("newer starling"))
        #expect(try server.run("SELECT schema_version FROM flock", in: database) == "9")
    }

    @Test func aDatabaseOfAnotherProgramIsLeftAlone() async throws {
        let database = try server.database()
        try server.run("CREATE TABLE readings (a int)", in: database)
        let error = try await failure(server.address(database))
        #expect(error.code == .unusable && error.message.contains("not Starling's"))
        let tables = try server.run(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", in: database)
        #expect(tables == "1")
    }

    @Test func anotherEncodingIsRefused() async throws {
        let database = try server.database("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        let error = try await failure(server.address(database))
        #expect(error.code == .unusable && error.message.contains("UTF8"))
    }

    @Test func aWrongPasswordIsAMatterForAPersonAndIsNotTold() async throws {
        let address = server.address("postgres").replacing("corr3ct", with: "wr0ng")
        let recorder = Recorder()
        let store = PostgresStore(url: try PostgresURL(address), logger: recorder.logger)
        let error = await #expect(throws: StoreError.self) { _ = try await store.prepare() }
        await store.close()
        #expect(error?.code == .unusable)
        let told = recorder.lines + ["\(try #require(error))"]
        #expect(told.count > 1)
        #expect(told.allSatisfy { $0.contains("password authentication failed") && $0.contains("28P01") })
        #expect(told.allSatisfy { !$0.contains("wr0ng") && !$0.contains("battery") })
    }

    @Test func aMissingDatabaseIsNamed() async throws {
        let error = try await failure(server.address("nowhere"))
        #expect(error.code == .unusable && error.message.contains("createdb"))
    }

    @Test func aServerThatIsAwayIsTriedAgainLaterAndNotAtOnce() async throws {
        let port = try LoopbackPort.free()
        let store = try Server.store("postgres://starling:hush-hush@127.0.0.1:\(port)/db")
        let first = await #expect(throws: StoreError.self) { _ = try await store.prepare() }
        #expect(first?.code == .unavailable)
        // Soon the pause between two attempts is longer than any test takes for its next call.
        var messages = [first?.message]
        let deadline = Deadline(in: .seconds(60))
        while messages.last??.contains("tried again in") == false, !deadline.isPast {
            let next = await #expect(throws: StoreError.self) { _ = try await store.prepare() }
            #expect(next?.code == .unavailable)
            messages.append(next?.message)
        }
        #expect(messages.last??.contains("tried again in") == true)
        #expect(messages.allSatisfy { $0?.contains("hush") == false })
        #expect(!store.isReachable)
        await store.close()
    }

    @Test func thePasswordMayStandInAFile() async throws {
        let folder = try TemporaryFolder()
        let database = try server.database()
        let address = "postgres://starling@127.0.0.1:\(server.port)/\(database)?sslmode=disable"
        let store = try Server.store(
            address, passwordFile: try folder.write(PostgresServer.password + "\n", to: "password"))
        _ = try await store.prepare()
        await store.close()
        let wrong = try await failure(address, passwordFile: try folder.write("n0t-this-one", to: "wrong"))
        #expect(wrong.code == .unusable && !wrong.message.contains("n0t-this-one"))
        let missing = try await failure(address, passwordFile: folder.file("missing"))
        #expect(missing.message.contains("missing cannot be read"))
    }

    /// No rights beyond those of a database's owner.
    @Test(arguments: Mode.allCases)
    func anOrdinaryUserWillDo(_ mode: Mode) async throws {
        guard mode == .plain || Server.hasTimescale else { return }
        let server = try Server.shared(mode)
        let user = "user_" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
        try server.run("CREATE ROLE \(user) LOGIN PASSWORD 'plain'")
        let database = try server.database("OWNER \(user)")
        let address = "postgres://\(user):plain@127.0.0.1:\(server.port)/\(database)?sslmode=disable"
        let store = try Server.store(address)
        _ = try await store.prepare()
        #expect(store.kind.timescale == mode.timescale)
        let work = Work()
        let row = try await work.store(until: LogPosition(800), step: 400, on: store)
        let again = work.transaction(at: .start)
        let other = LogID(high: 2, low: 2)
        _ = try await store.register(log: other, node: "n1", by: Work.writer, replacing: nil)
        let doubled = try await store.commit(
            StoreTransaction(
                log: other, writer: Work.writer, start: again.start, end: again.end, batches: again.batches, damaged: 0,
                accepted: again.end))
        #expect(row.stored == 800 && doubled.duplicates == 400)
        #expect(try await store.delete(work.series(0).device) != nil)
        #expect(try await work.storedCount(store) == 760)
        await store.close()
    }

    @Test func aSocketWillDo() async throws {
        let store = try Server.store(server.socketAddress(try server.database()))
        _ = try await store.prepare()
        await store.close()
    }

    @Test func theFirstServerThatAnswersIsTaken() async throws {
        let dead = try LoopbackPort.free()
        let address = server.address(try server.database()).replacing(
            "127.0.0.1:", with: "127.0.0.1:\(dead),127.0.0.1:")
        let store = try Server.store(address)
        _ = try await store.prepare()
        await store.close()
    }

    @Test func anotherFlockBehindTheSameAddressIsRefused() async throws {
        let database = try server.database()
        let store = try Server.store(server.address(database))
        _ = try await store.prepare()
        let log = LogID(high: 1, low: 1)
        _ = try await store.checkpoint(of: log)
        try server.run("UPDATE flock SET uuid = gen_random_uuid()", in: database)
        try server.run(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = '\(database)' AND pid <> pg_backend_pid()
            """)
        let error = await #expect(throws: StoreError.self) { _ = try await store.checkpoint(of: log) }
        #expect(error?.code == .unusable && error?.message.contains("was flock") == true)
        await store.close()
    }

    @Test func whoseADatabaseIsIsAskedWithoutTouchingIt() async throws {
        let database = try server.database()
        let keeper = PostgresFlockKeeper(url: try PostgresURL(server.address(database)), logger: Server.silent)
        let error = await #expect(throws: StoreError.self) { _ = try await keeper.record() }
        #expect(error?.code == .unusable && error?.message.contains("has no flock yet") == true)
        #expect(try server.run("SELECT count(*) FROM pg_class WHERE relname = 'flock'", in: database) == "0")
        let store = try Server.store(server.address(database))
        let flock = try await store.prepare()
        await store.close()
        // As a newer program left it.
        try server.run("UPDATE flock SET schema_version = 99", in: database)
        #expect(try await keeper.record().flock == flock)
        try await keeper.rename(flock, to: FlockID(high: 1, low: 2))
        #expect(try server.run("SELECT schema_version FROM flock", in: database) == "99")
    }
}
