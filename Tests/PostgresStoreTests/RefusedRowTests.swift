import Ports
import PostgresStore
import ServerHarness
import Telemetry
import Testing

@Suite("Rows that PostgreSQL refuses", .enabled(if: Server.isInstalled, .noServer))
struct RefusedRowTests {
    /// What the server refuses and no other row is found by halving.
    @Test func rowsThatTheServerRefusesAreSetAside() async throws {
        let server = try Server.shared()
        let database = try server.database()
        let store = try Server.store(server.address(database))
        _ = try await store.prepare()
        try server.run("ALTER TABLE readings ADD CONSTRAINT unlucky CHECK (value <> 13)", in: database)
        let log = LogID(high: 1, low: 1)
        let series = Work().series(1)
        _ = try await store.register(log: log, node: "n0", by: Work.writer, replacing: nil)
        let readings = (0..<1_000).map {
            Reading(series: series, time: Instant(microseconds: Int64($0 % 990)), value: $0 % 100 == 7 ? 13 : 1)
        }
        let batch = ScoredBatch(
            position: .start, readings: ReadingBatch(receivedAt: .epoch, readings: readings),
            verdicts: VerdictBatch(repeating: .learning, count: readings.count))
        let row = try await store.commit(
            StoreTransaction(
                log: log, writer: Work.writer, start: .start, end: batch.end, batches: [batch], damaged: 0,
                accepted: batch.end))
        #expect(row.discarded == 10 && row.duplicates == 9 && row.stored == 981)
        let why = try server.run("SELECT DISTINCT value, reason LIKE '%unlucky%23514%' FROM quarantine", in: database)
        #expect(why == "13.0|t")
        #expect(try server.run("SELECT min(position), max(position) FROM quarantine", in: database) == "7|907")
        await store.close()
    }

    /// A name that no device can have, but a defect could write, stops nothing.
    @Test func aNameWithANulIsSetAside() async throws {
        let server = try Server.shared()
        let database = try server.database()
        let store = try Server.store(server.address(database))
        _ = try await store.prepare()
        let log = LogID(high: 1, low: 1)
        _ = try await store.register(log: log, node: "n\u{0}0", by: Work.writer, replacing: nil)
        let bad = Series(device: DeviceID(unchecked: "a\u{0}b"), metric: Metric(unchecked: "m"))
        let readings = [bad, Work().series(0), bad].map { Reading(series: $0, time: .epoch, value: 1) }
        let batch = ScoredBatch(
            position: .start, readings: ReadingBatch(receivedAt: .epoch, readings: readings),
            verdicts: VerdictBatch(repeating: .learning, count: readings.count))
        let row = try await store.commit(
            StoreTransaction(
                log: log, writer: Work.writer, start: .start, end: batch.end, batches: [batch], damaged: 0,
                accepted: batch.end))
        #expect(row.stored == 1 && row.discarded == 2)
        await #expect(throws: StoreError.self) {
            _ = try await store.history(of: bad, from: .epoch, to: .distantFuture, after: nil, limit: 1)
        }
        #expect(try await store.device(bad.device) == nil)
        await store.close()
    }
}
