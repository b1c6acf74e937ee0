import Foundation
import NodeHarness
import Ports
import PostgresStore
import ServerHarness
import Telemetry
import Testing

/// How fast rows go in, beside a bare COPY of the same rows into a table of the same form. Prints, and asserts nothing
/// about time; run it optimised: `STARLING_MEASURE=1 swift test -c release --filter SpeedMeasurement`.
@Suite(
    .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["STARLING_MEASURE"] != nil, "set STARLING_MEASURE to measure"))
struct SpeedMeasurement {
    private static let rowsPerStep = 20_000
    private static let steps = 40
    private static let devices = 1_000

    private func transaction(_ step: Int) -> StoreTransaction {
        let start = LogPosition(UInt64(step * Self.rowsPerStep))
        var builder = ReadingBatch.Builder(receivedAt: .epoch)
        for row in 0..<Self.rowsPerStep {
            let series = Series(
                device: DeviceID(unchecked: "device-\(row % Self.devices)"), metric: Metric(unchecked: "temperature"))
            let time = Int64(step * Self.rowsPerStep + row) * 1_000 + 1_790_000_000_000_000
            builder.append(Reading(series: series, time: Instant(microseconds: time), value: Double(row) / 7))
        }
        let readings = builder.build()
        let model = ModelID(name: "m", version: 1)
        var verdicts = VerdictBatch()
        for row in 0..<Self.rowsPerStep {
            // Of the last device every reading.
            let isAnomaly = row % 97 == 0 || row % Self.devices == Self.devices - 1
            verdicts.append(Verdict(result: isAnomaly ? .anomaly : .normal, score: 0.25, model: model, isLate: false))
        }
        let batch = ScoredBatch(
            position: start, readings: readings, verdicts: verdicts)
        return StoreTransaction(
            log: LogID(high: 1, low: 1), writer: Work.writer, start: start, end: batch.end, batches: [batch],
            damaged: 0, accepted: batch.end)
    }

    /// Questions as a dashboard asks them.
    private func read(_ store: PostgresStore, _ clock: ContinuousClock) async throws {
        let devices = [0, Self.devices - 1].map { DeviceID(unchecked: "device-\($0)") }
        let series = Series(device: devices[0], metric: Metric(unchecked: "temperature"))
        func tell(_ what: String, _ call: () async throws -> Int) async throws {
            _ = try await call()
            var count = 0
            let time = try await clock.measure { count = try await call() }
            print("  \(what): \(count) rows in \(time)")
        }
        let (all, end) = (Instant.distantPast, Instant.distantFuture)
        try await tell("history") {
            try await store.history(of: series, from: all, to: end, after: nil, limit: 1_000).count
        }
        for device in [nil] + devices.map(Optional.some) {
            try await tell("anomalies of \(device?.text ?? "all")") {
                try await store.anomalies(AnomalyQuery(from: all, to: end, device: device, limit: 1_000)).count
            }
        }
        try await tell("devices") { try await store.devices(after: nil, limit: 1_000).count }
    }

    /// The same rows, sorted the same way, from files in COPY's own format, each a transaction.
    private func copyBare(
        _ mode: Mode, _ server: PostgresServer, _ database: String, _ clock: ContinuousClock
    ) throws -> Duration {
        var shape = ["CREATE TABLE bare (LIKE readings INCLUDING ALL)"]
        if mode != .plain {
            shape.append(
                """
                SELECT create_hypertable('bare', 'time', chunk_time_interval => INTERVAL '1 day',
                    create_default_indexes => false)
                """)
        }
        if mode == .community {
            // What keeps averages is told of every row.
            shape.append(
                """
                CREATE MATERIALIZED VIEW bare_by_minute WITH (timescaledb.continuous) AS
                SELECT series, time_bucket(INTERVAL '1 minute', time) AS minute, count(*) FROM bare
                GROUP BY series, minute WITH NO DATA
                """)
        }
        for one in shape { try server.run(one, in: database) }
        let file = "/tmp/starling-bare-\(database)"
        defer { for step in 0..<Self.steps { unlink("\(file)-\(step)") } }
        for step in 0..<Self.steps {
            let first = Int64(step * Self.rowsPerStep) * 1_000 + 1_790_000_000_000_000
            let last = first + Int64(Self.rowsPerStep) * 1_000
            try server.run(
                """
                COPY (SELECT * FROM readings WHERE time >= to_timestamp(\(first)::numeric / 1000000)
                    AND time < to_timestamp(\(last)::numeric / 1000000)
                    ORDER BY series, time, value)
                TO PROGRAM 'cat > \(file)-\(step); chmod 644 \(file)-\(step)' (FORMAT binary)
                """, in: database)
        }
        let script = (0..<Self.steps).map { "\\copy bare FROM '\(file)-\($0)' (FORMAT binary)" }.joined(separator: "\n")
        return try clock.measure { try server.script(script, in: database) }
    }

    @Test(.enabled(if: Server.isInstalled, .noServer), arguments: Mode.allCases)
    func commits(_ mode: Mode) async throws {
        guard mode == .plain || Server.hasTimescale else { return }
        let programs = try #require(mode == .plain ? PostgresPrograms.found : PostgresPrograms.withTimescale)
        let tuned = ["fsync": "on", "shared_buffers": "256MB", "max_wal_size": "4GB"]
        let server = try PostgresServer(programs, settings: mode.settings.merging(tuned) { $1 })
        let database = try server.database()
        let store = try Server.store(server.address(database))
        _ = try await store.prepare()
        _ = try await store.register(log: LogID(high: 1, low: 1), node: "n0", by: Work.writer, replacing: nil)
        let transactions = (0..<Self.steps).map { transaction($0) }
        let clock = ContinuousClock()
        var row: Checkpoint?
        let storing = try await clock.measure {
            for transaction in transactions { row = try await store.commit(transaction) }
        }
        #expect(row?.stored == UInt64(Self.rowsPerStep * Self.steps))
        let copying = try copyBare(mode, server, database, clock)
        let settling = try await clock.measure { _ = try await store.flush(latest: []) }
        // Everything again by another log, as after a restart from an old copy.
        let other = LogID(high: 2, low: 2)
        _ = try await store.register(log: other, node: "n1", by: Work.writer, replacing: nil)
        let merging = try await clock.measure {
            for one in transactions {
                let copy = StoreTransaction(
                    log: other, writer: one.writer, start: one.start, end: one.end, batches: one.batches, damaged: 0,
                    accepted: one.accepted)
                row = try await store.commit(copy)
            }
        }
        #expect(row?.duplicates == UInt64(Self.rowsPerStep * Self.steps))
        let total = Double(Self.rowsPerStep * Self.steps)
        func rate(_ time: Duration) -> Double { (total / (time / .seconds(1))).rounded() }
        print(
            "\(mode): stored \(rate(storing)) rows/s, bare COPY \(rate(copying)) rows/s, ratio",
            (rate(storing) / rate(copying) * 100).rounded() / 100, "adding up counts",
            settling, "duplicates \(rate(merging)) rows/s")
        try await read(store, clock)
        await store.close()
        server.stop()
    }
}
