import Ports
import PostgresStore
import ServerHarness
import Telemetry
import Testing

/// Nodes that write the same series, flush the same rows and delete the same devices at the same time.
@Suite("Nodes that share a PostgreSQL store", .enabled(if: Server.isInstalled, .noServer))
struct ContentionTests {
    private static let devices = 12
    private static let steps = 25

    private static func series(_ number: Int) -> Series {
        Series(
            device: DeviceID(unchecked: "device-\(number % devices)"),
            metric: Metric(unchecked: number % 2 == 0 ? "temperature" : "humidity"))
    }

    /// Few times and values, so that nodes write the same reading again and again, in orders of their own.
    private static func transaction(
        _ node: UInt64, at start: LogPosition, _ generator: inout SeededGenerator
    ) -> StoreTransaction {
        let readings = (0..<60).map { _ in
            Reading(
                series: series(generator.draw(below: devices * 2)),
                time: Instant(microseconds: Int64(generator.draw(below: 40))), value: Double(generator.draw(below: 2)))
        }
        let models = ModelID(name: "model-\(generator.draw(below: 3))", version: 1)
        let verdict = Verdict(result: .normal, score: 0.25, model: models, isLate: false)
        let batch = ScoredBatch(
            position: start, readings: ReadingBatch(receivedAt: .distantFuture, readings: readings),
            verdicts: VerdictBatch(repeating: verdict, count: readings.count))
        return StoreTransaction(
            log: LogID(high: 1, low: node), writer: Work.writer, start: start, end: batch.end, batches: [batch],
            damaged: 0, accepted: batch.end)
    }

    private static func work(_ node: UInt64, _ seed: UInt64, _ store: PostgresStore) async throws -> Checkpoint {
        var generator = SeededGenerator(seed: seed &* 100 &+ node)
        var row = try await store.register(
            log: LogID(high: 1, low: node), node: "n", by: Work.writer, replacing: nil)
        for _ in 0..<steps {
            row = try await store.commit(transaction(node, at: row.position, &generator))
            switch generator.draw(below: 3) {
            case 0:
                _ = try await store.delete(series(generator.draw(below: devices)).device)
            case 1:
                let rows = (0..<devices * 2).map { number in
                    LatestRow(
                        series: series(number), time: .epoch, value: 1, verdict: .learning, lastHeard: .epoch,
                        usualInterval: 0, state: [1])
                }
                _ = try await store.flush(latest: rows)
            default: break
            }
        }
        return row
    }

    /// Of a node that stands still in the middle of a commit: a deletion waits for it, and nobody for the deletion.
    @Test func aDeletionThatWaitsHoldsNobodyUp() async throws {
        let server = try Server.shared()
        let database = try server.database()
        let stores = [try Server.store(server.address(database)), try Server.store(server.address(database))]
        for store in stores { _ = try await store.prepare() }
        let work = Work()
        var row = try await work.store(until: LogPosition(400), step: 400, on: stores[0])
        let held = try await server.hold(database, "LOCK TABLE flock IN ROW SHARE MODE")
        let device = work.series(0).device
        async let deletion = code { _ = try await stores[1].delete(device, isKnown: true) }
        try await server.wait("wait_event_type = 'Lock' AND query LIKE 'LOCK TABLE flock%' AND datname = '\(database)'")
        for _ in 0..<10 { row = try await stores[0].commit(work.transaction(at: row.position)) }
        #expect(try await deletion == .unavailable)
        try server.end(held, database)
        #expect(try await stores[1].delete(device, isKnown: true) != nil)
        #expect(row.stored == 4_400)
        for store in stores { await store.close() }
    }

    @Test(arguments: Mode.allCases, 1...3 as ClosedRange<UInt64>)
    func neitherLockEachOtherOutNorMiscount(_ mode: Mode, seed: UInt64) async throws {
        guard mode == .plain || Server.hasTimescale else { return }
        let server = try Server.shared(mode)
        let database = try server.database()
        var stores: [PostgresStore] = []
        for _ in 0..<4 {
            let store = try Server.store(server.address(database))
            _ = try await store.prepare()
            stores.append(store)
        }
        let rows = try await withThrowingTaskGroup(of: Checkpoint.self) { group in
            for (number, store) in stores.enumerated() {
                group.addTask { try await Self.work(UInt64(number), seed, store) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for row in rows {
            #expect(row.position.readings == UInt64(Self.steps * 60))
            #expect(row.position.readings == row.stored + row.duplicates && row.discarded == 0)
        }
        for number in 0..<Self.devices {
            let device = Self.series(number).device
            let known = try await stores[0].device(device)
            var count = 0
            for metric in known?.metrics ?? [] {
                count += try await stores[1].history(
                    of: Series(device: device, metric: metric), from: .distantPast, to: .distantFuture, after: nil,
                    limit: .max
                ).count
            }
            #expect(known?.readings ?? 0 == UInt64(count))
        }
        _ = try await stores[0].flush(latest: [])
        let ownerless = try server.run(
            """
            SELECT count(*) FROM readings WHERE series NOT IN (SELECT id FROM series)
                AND series NOT IN (SELECT series FROM deleted_series)
            """, in: database)
        #expect(ownerless == "0")
        #expect(
            try server.run("SELECT count(*) FROM latest WHERE series NOT IN (SELECT id FROM series)", in: database)
                == "0")
        for store in stores { await store.close() }
    }
}
