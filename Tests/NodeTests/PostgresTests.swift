import Foundation
import NodeHarness
import ServerHarness
import Synchronization
import Telemetry
import Testing

extension NodeTests {
    /// Flocks over a real PostgreSQL server, and what may happen to it: in the end stored = accepted, nothing twice.
    @Suite(
        .timeLimit(.minutes(8)),
        .enabled(if: PostgresPrograms.found != nil, .init(rawValue: PostgresPrograms.advice)))
    struct PostgresTests {
        /// Seconds that a server is away or a lock is held; longer ones with STARLING_AWAY_SECONDS.
        static let awaySeconds = ProcessInfo.processInfo.environment["STARLING_AWAY_SECONDS"].flatMap(Int.init) ?? 12

        private struct Setting {
            let server: PostgresServer
            let database: String
            let flock: FlockProcess

            init(_ count: Int, folder: TemporaryFolder) throws {
                server = try PostgresServer(try #require(PostgresPrograms.found))
                database = try server.database()
                flock = try FlockProcess(count, folder: folder)
                flock.useAddress(server.address(database))
            }

            /// Every stored reading.
            func keys() throws -> KeySum {
                let rows = try server.run(
                    """
                    SELECT devices.name, series.metric, (extract(epoch FROM readings.time) * 1000000)::bigint,
                        readings.value
                    FROM readings JOIN series ON series.id = readings.series
                    JOIN devices ON devices.id = series.device
                    """, in: database)
                var sum = KeySum()
                for row in rows.split(separator: "\n") {
                    let columns = row.split(separator: "|")
                    guard columns.count == 4, let time = Int64(columns[2]), let value = Double(columns[3]) else {
                        throw HarnessError("no row of readings: \(row)")
                    }
                    sum.add(device: String(columns[0]), metric: String(columns[1]), time: time, value: value)
                }
                return sum
            }

            /// Stops all and compares the store with what was sent.
            /// - Parameter again: batches were sent again whose answers were lost.
            func expectEverythingOnce(_ load: FlockTests.Load, again: Bool = false) throws {
                let ledgers = try flock.settledLedgers()
                #expect(ledgers.allSatisfy { $0.isClosed })
                #expect(ledgers.allSatisfy { $0.orphaned == 0 && $0.damaged == 0 && $0.discarded == 0 })
                #expect(again || ledgers.allSatisfy { $0.duplicates == 0 })
                for index in flock.nodes.indices { _ = try flock.stop(index) }
                #expect(try keys() == load.traffic.keys(of: Array(0..<load.next)))
            }
        }

        private func load(_ batches: Int = 2_000) -> FlockTests.Load {
            FlockTests.Load(Traffic(batches: batches, of: 200, devices: 100))
        }

        /// Sends for so long.
        private func send(_ load: inout FlockTests.Load, to flock: FlockProcess, for time: Duration) throws {
            let deadline = Deadline(in: time)
            while !deadline.isPast {
                try load.send(6, to: flock)
                #expect(load.accepted.count == load.next, "a batch was refused")
            }
        }

        @Test func fiveNodesStartAtOnceOnAnEmptyDatabase() throws {
            let folder = try TemporaryFolder()
            let setting = try Setting(5, folder: folder)
            try setting.flock.startAll()
            var load = load()
            try load.send(50, to: setting.flock)
            #expect(load.accepted.count == 50)
            _ = try setting.flock.settledLedgers()
            for node in setting.flock.running {
                let view = try node.get("/cluster").text
                #expect(view.contains(#""kind":"postgres""#) && view.contains(#""reachable":true"#), "\(view)")
                #expect(try node.get("/devices").text.ranges(of: "device_id").count == 100)
            }
            try setting.expectEverythingOnce(load)
        }

        /// Killed in the middle of its work, then away, under load: what needs no store goes on.
        @Test func aServerThatIsAwayStopsNothing() throws {
            let folder = try TemporaryFolder()
            let setting = try Setting(2, folder: folder)
            try setting.flock.startAll()
            var load = load()
            try send(&load, to: setting.flock, for: .seconds(2))
            setting.server.kill()
            try send(&load, to: setting.flock, for: .seconds(Self.awaySeconds))
            let series = "device_id=\(load.traffic.device(0))&type=\(Traffic.metric)"
            let history = "/history?\(series)&from=2000-01-01T00:00:00Z"
            for node in setting.flock.running {
                for path in [history, "/anomalies"] {
                    let answer = try node.get(path)
                    #expect(answer.status == 503 && answer.headers["retry-after"] != nil, "\(path): \(answer)")
                }
                #expect(try node.get("/cluster").text.contains(#""reachable":false"#))
                #expect(try node.get("/readyz").status == 200)
                #expect(try node.get("/latest").text.ranges(of: "device_id").count == 100)
            }
            try setting.server.start()
            try send(&load, to: setting.flock, for: .seconds(2))
            try setting.expectEverythingOnce(load)
        }

        /// A person's transaction, or a migration of somebody's.
        @Test func aLockThatIsHeldDelaysAndLosesNothing() throws {
            let folder = try TemporaryFolder()
            let setting = try Setting(2, folder: folder)
            try setting.flock.startAll()
            var load = load()
            try send(&load, to: setting.flock, for: .seconds(1))
            let holder = try setting.server.session(
                "BEGIN; LOCK TABLE readings IN EXCLUSIVE MODE; SELECT pg_sleep(\(Self.awaySeconds)); COMMIT",
                in: setting.database)
            try send(&load, to: setting.flock, for: .seconds(Self.awaySeconds))
            holder.wait(.seconds(Self.awaySeconds + 30))
            try setting.expectEverythingOnce(load)
        }

        /// Lines that break after any number of bytes, while the node stores.
        @Test func linesThatBreakLoseNothing() throws {
            let folder = try TemporaryFolder()
            let setting = try Setting(1, folder: folder)
            let fuses = Mutex<SeededGenerator?>(SeededGenerator(seed: 11))
            let line = try CutLine(to: setting.server.port) {
                fuses.withLock { random in random?.draw(below: 400_000) }.map { 2_000 + $0 }
            }
            setting.flock.useAddress(setting.server.address(setting.database, port: line.port))
            try setting.flock.startAll()
            var load = load()
            try send(&load, to: setting.flock, for: .seconds(8))
            #expect(line.cuts > 3, "lines should have been cut")
            fuses.withLock { $0 = nil }
            try setting.expectEverythingOnce(load)
            line.end()
        }

        /// Its packets are lost: no call to it comes back, and a node that is to stop does not wait for one.
        @Test func aServerThatFallsSilentDelaysNoStop() throws {
            let folder = try TemporaryFolder()
            let setting = try Setting(1, folder: folder)
            let line = try CutLine(to: setting.server.port) { nil }
            defer { line.end() }
            setting.flock.useAddress(setting.server.address(setting.database, port: line.port))
            try setting.flock.startAll()
            var load = load()
            try send(&load, to: setting.flock, for: .seconds(1))
            line.hold()
            try send(&load, to: setting.flock, for: .seconds(3))
            let start = ContinuousClock.now
            #expect(try setting.flock.stop(0, within: .seconds(60)) == .code(0))
            #expect(ContinuousClock.now - start < .seconds(10), "a supervisor would have killed it")
            line.letGo()
            try setting.flock.startAll()
            try setting.expectEverythingOnce(load)
        }

        @Test func nodesThatAreKilledLoseNothing() throws {
            let folder = try TemporaryFolder()
            let setting = try Setting(3, folder: folder)
            try setting.flock.startAll()
            var load = load()
            for round in 0..<3 {
                try load.send(30, to: setting.flock)
                setting.flock.kill(round)
                try load.send(30, to: setting.flock)
                try setting.flock.start([round])
                try load.sendRest(to: setting.flock)
            }
            try setting.expectEverythingOnce(load, again: true)
        }
    }
}
