import NodeHarness
import Ports
import PostgresStore
import ServerHarness
import StoreConformance
import Telemetry
import Testing

@Suite("Pruning in a PostgreSQL store", .enabled(if: Server.isInstalled, .noServer))
struct PruneTests {
    private func prepared(_ database: String) async throws -> PostgresStore {
        let store = try Server.store(try Server.shared().address(database))
        _ = try await store.prepare()
        return store
    }

    private func stored(_ store: PostgresStore) async throws {
        _ = try await Work().store(until: LogPosition(400), step: 400, on: store)
    }

    // MARK: Locks

    /// A leader that stands still in the middle of a transaction: its connection stays, and so does its lock, until the
    /// server ends it.
    @Test func aHolderThatStandsStillKeepsNobodyFromAnElection() async throws {
        let server = try Server.shared()
        let database = try server.database()
        let store = try await prepared(database)
        let old = try await store.elect("frozen")
        // It stands still from the moment on at which it is let go on.
        let gate = try await server.hold(database, "SELECT pg_advisory_xact_lock(42)")
        let held = try server.session(
            """
            BEGIN; SET LOCAL idle_in_transaction_session_timeout = 1000;
            SELECT token FROM jobs WHERE job = 'prune' FOR UPDATE; SELECT pg_advisory_xact_lock(42); \\! sleep 8
            """, in: database)
        try await server.wait("wait_event = 'advisory' AND datname = '\(database)'")
        try server.end(gate, database)
        let clock = ContinuousClock()
        var token = old
        let waiting = try await clock.measure { token = try await store.elect("n1") }
        #expect(token > old)
        #expect(waiting < .seconds(10))
        let code = try await code { try await store.endRun("done", waiting: nil, old) }
        #expect(code == .fenced(newest: token))
        try await store.endRun("done", waiting: nil, token)
        held.kill()
        await store.close()
    }

    /// Every transaction with the job's row in it is one that the server ends so, and that waits for no lock for long.
    @Test func everyFencedTransactionIsShort() async throws {
        let server = try Server.shared()
        let database = try server.database()
        let store = try await prepared(database)
        try await stored(store)
        let tables = ["jobs", "ticks", "devices", "tombstones", "audit", "readings"]
        try server.run(
            """
            CREATE TABLE seen (change text, idle text, lock text);
            CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO seen VALUES (TG_TABLE_NAME || ' ' || TG_OP,
                    current_setting('idle_in_transaction_session_timeout'), current_setting('lock_timeout'));
                RETURN NULL; END $$;
            """
                + tables.map {
                    "CREATE TRIGGER see AFTER INSERT OR UPDATE OR DELETE ON \($0) EXECUTE FUNCTION see();"
                }.joined(), in: database)
        let token = try await store.elect("n0")
        let silent = try await store.silentDevices(heardThrough: .distantFuture, limit: 10)
        _ = try await store.beginRun(token, every: 0)
        try await store.write(Tick(through: .epoch, total: 0), keepingFrom: 0, token)
        _ = try await store.hide(heardThrough: .distantFuture, limit: 5, reason: "r", token)
        #expect(try await store.dropReadings(before: .distantFuture, after: nil, token).dropped == 400)
        let waiting = Waiting(reason: "r", approval: Approval())
        try await store.endRun("done", waiting: waiting, token)
        _ = try await store.approve()
        // The last, because its readings are removed in transactions of another kind.
        try server.run("DROP TRIGGER see ON readings", in: database)
        #expect(try await store.delete(silent, reason: "r", token).count == 10)
        let others = try server.run("SELECT * FROM seen WHERE (idle, lock) <> ('1s', '1s')", in: database)
        #expect(others == "")
        let changes = try server.run("SELECT DISTINCT change FROM seen ORDER BY 1", in: database).split(separator: "\n")
        let expected = [
            "audit INSERT", "devices DELETE", "devices UPDATE", "jobs INSERT", "jobs UPDATE", "readings DELETE",
            "ticks INSERT", "tombstones INSERT",
        ]
        #expect(Set(expected).isSubset(of: Set(changes.map(String.init))), "\(changes)")
        await store.close()
    }

    /// Writers of a node that stands still keep a deletion waiting, and an election all the same not.
    @Test func aDeletionThatWaitsLetsAnElectionPass() async throws {
        let server = try Server.shared()
        let database = try server.database()
        let (one, other) = (try await prepared(database), try await prepared(database))
        try await stored(one)
        let old = try await one.elect("n0")
        let silent = try await one.silentDevices(heardThrough: .distantFuture, limit: 10)
        let held = try await server.hold(database, "LOCK TABLE flock IN ROW SHARE MODE")
        async let deletion = code { _ = try await one.delete(silent, reason: "r", old) }
        try await server.wait("wait_event_type = 'Lock' AND query LIKE 'LOCK TABLE flock%' AND datname = '\(database)'")
        let clock = ContinuousClock()
        var token = old
        let waiting = try await clock.measure { token = try await other.elect("n1") }
        #expect(waiting < .seconds(3))
        let code = try await deletion
        #expect(code == .fenced(newest: token))
        try server.end(held, database)
        #expect(try await other.delete(silent, reason: "r", token).count == 10)
        for store in [one, other] { await store.close() }
    }

    // MARK: Schema and tables

    @Test func aDatabaseOfTheFirstSchemaIsTakenOver() async throws {
        let server = try Server.shared()
        let database = try server.database()
        let store = try await prepared(database)
        try await stored(store)
        let row = try await store.checkpoint(of: Work().log)
        await store.close()
        try server.run(
            """
            ALTER TABLE readings DROP COLUMN reason; ALTER TABLE flock DROP COLUMN models_revision;
            DROP TABLE shadow_scores; ALTER TABLE models DROP COLUMN shadow, DROP COLUMN alarm_rate, DROP COLUMN activated;
            DROP TABLE alerts, deliveries, mutes; DROP TABLE jobs, ticks, silences; ALTER TABLE devices DROP COLUMN restored;
            UPDATE flock SET schema_version = 1
            """, in: database)
        let upgraded = try await prepared(database)
        #expect(try server.run("SELECT schema_version FROM flock", in: database) == "4")
        #expect(try await upgraded.checkpoint(of: Work().log) == row)
        let token = try await upgraded.elect("n0")
        let silent = try await upgraded.silentDevices(heardThrough: .distantFuture, limit: 10)
        #expect(try await upgraded.delete(silent, reason: "silent", token).count == 10)
        await upgraded.close()
    }

    /// What a deletion leaves goes after the run.
    @Test func nothingOfADeletedDeviceIsLeft() async throws {
        let server = try Server.shared()
        let database = try server.database()
        let store = try await prepared(database)
        var work = Work()
        work.devices = 200
        _ = try await work.store(until: LogPosition(4_000), step: 4_000, on: store)
        let token = try await store.elect("n0")
        let silent = try await store.silentDevices(heardThrough: .distantFuture, limit: 150)
        #expect(try await store.delete(silent, reason: "r", token).count == 150)
        await store.sweep(for: 60_000_000)
        let counts = try server.run(
            """
            SELECT (SELECT count(*) FROM devices), (SELECT count(*) FROM series), (SELECT count(*) FROM readings),
                (SELECT count(*) FROM deleted_series), (SELECT count(*) FROM tombstones)
            """, in: database)
        #expect(counts == "50|50|1000|0|150")
        await store.close()
    }

    /// Without the table there is nothing to be looked at.
    @Test func readingsAreNeverLookedAt() async throws {
        let server = try Server.shared()
        let database = try server.database()
        let store = try await prepared(database)
        try await stored(store)
        try server.run("DROP TABLE readings", in: database)
        let token = try await store.elect("n0")
        #expect(try await store.census(after: .epoch, old: .distantPast) == Census(heard: 20, fellSilent: 0))
        let silent = try await store.silentDevices(heardThrough: .distantFuture, limit: 100)
        #expect(silent.map(\.readings) == .init(repeating: 20, count: 20))
        #expect(try await store.hide(heardThrough: .distantFuture, limit: 100, reason: "r", token).count == 20)
        #expect(try await store.delete(silent, reason: "r", token).count == 20)
        await store.close()
    }

    @Test func theOldestDecisionsAreForgotten() async throws {
        let server = try Server.shared()
        let database = try server.database()
        let store = try await prepared(database)
        let token = try await store.elect("n0")
        func fill(_ count: Int) throws {
            try server.run(
                """
                INSERT INTO audit (time, job, decision, reason)
                SELECT to_timestamp(i), 'prune', 'wait', 'r' FROM generate_series(1, \(count)) AS i
                """, in: database)
        }
        func count() throws -> String { try server.run("SELECT count(*) FROM audit", in: database) }
        try fill(101_000)
        try await store.endRun("done", waiting: nil, token)
        #expect(try count() == "101000")
        // With a gap in the ids.
        try server.run("SELECT nextval(pg_get_serial_sequence('audit', 'id'))", in: database)
        try fill(1)
        try await store.endRun("done", waiting: nil, token)
        #expect(try count() == "100000")
        #expect(try await store.audit(limit: 1).map(\.time) == [Instant(microseconds: 1_000_000)])
        await store.close()
    }

    /// Most of a fleet is heard; a hundred devices are pruned.
    @Test func aHundredOfAHundredThousandDevices() async throws {
        let server = try Server.shared()
        let database = try server.database()
        let store = try await prepared(database)
        var work = Work()
        work.devices = 100_000
        _ = try await work.store(until: LogPosition(100_000), step: 100_000, on: store)
        try server.run(
            "UPDATE devices SET last_heard = last_heard - interval '1 hour' - id * interval '1 ms' WHERE id % 1000 = 7",
            in: database)
        let token = try await store.elect("n0")
        let heard = try #require(try await store.device(work.series(0).device)).lastHeard
        let old = heard.advanced(byMicroseconds: -600_000_000)
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
        print(
            "100,000 devices in PostgreSQL: census \(counting), hide \(hiding), silent \(reading), delete \(deleting)")
        #expect(census == Census(heard: 99_900, fellSilent: 100))
        #expect(hidden.count == 100 && silent.count == 100 && gone.count == 100)
        #expect(silent.map(\.lastHeard) == silent.map(\.lastHeard).sorted())
        #expect(counting + hiding + reading + deleting < .seconds(60))
        await store.close()
        try server.drop(database)
    }
}
