import DeviceFleet
import Foundation
import Logging
import NIOCore
import ServiceLifecycle
import Telemetry
import Testing

/// The drivers over real sockets: the server misbehaves, the clock jumps.
@Suite(.timeLimit(.minutes(3))) struct FleetTests {
    private let ledger = FleetLedger(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    private let clock = VirtualClock()

    private func options(_ servers: [ServerAddress], devices: Int, count: Int?) -> FleetOptions {
        FleetOptions(
            servers: servers,
            devices: (0..<devices).map { DeviceID(unchecked: SimulatedDevice.name(index: $0, of: devices)) },
            intervalMicroseconds: 1_000_000, anomalyRate: 0.05, seed: 1, messagesCountMax: count)
    }

    private func run(_ options: FleetOptions, timeout: TimeAmount = .seconds(10)) async throws {
        try await HTTPReadingSender.withClient { client in
            let sender = HTTPReadingSender(client: client, timeout: timeout)
            try await Fleet(options: options, sender: sender, clock: clock, ledger: ledger).run()
        }
    }

    @Test func everyReadingOfEveryDeviceArrivesOnce() async throws {
        try await TestServer.run { server in
            try await run(options([server.address], devices: 5, count: 20))
            let record = server.recorder.record
            #expect(record.taken.joined().count == 200)
            #expect(server.recorder.stored.count == 200)
            #expect(Set(record.taken.joined().map(\.device)).count == 5)
            #expect(Set(record.contentTypes) == ["application/json"])
            #expect(ledger.counts.accepted == 200 && ledger.counts.buffered == 0 && ledger.counts.errors == 0)
        }
    }

    @Test func anAnswerThatWasLostMakesNoSecondReading() async throws {
        let script: [TestServer.Behaviour] = [.takeAndHangUp, .take, .takeAndHangUp, .takeAndHangUp]
        try await TestServer.run(script) { server in
            try await run(options([server.address], devices: 1, count: 10))
            #expect(ledger.counts.errors == 3)
            #expect(server.recorder.record.taken.joined().count > 20, "sent again")
            #expect(server.recorder.stored.count == 20, "with the same times and values")
            #expect(ledger.counts.accepted == 20)
        }
    }

    @Test func waitsAsLongAsRetryAfterSays() async throws {
        let script = [TestServer.Behaviour.status(503, headers: [("Retry-After", "1200")])]
        try await TestServer.run(script) { server in
            try await run(options([server.address], devices: 1, count: 3))
            #expect(clock.now().microseconds >= 1_200_000_000)
            #expect(server.recorder.record.requestsCount == 2, "one refused, then all three at once")
            #expect(server.recorder.stored.count == 6)
        }
    }

    @Test func aServerThatHangsIsGivenUpOn() async throws {
        try await TestServer.run([.hang, .status(500), .status(429)]) { server in
            try await run(options([server.address], devices: 1, count: 2), timeout: .milliseconds(200))
            // A busy machine may miss the short limit once more: the readings arrive all the same.
            #expect(ledger.counts.errors >= 3)
            #expect(server.recorder.stored.count == 4 && ledger.counts.accepted == 4)
        }
    }

    @Test func aServerThatIsAwayIsReplacedByAnother() async throws {
        let gone = try await TestServer.run { $0.address }
        try await TestServer.run { server in
            try await run(options([gone, server.address], devices: 4, count: 5))
            #expect(server.recorder.stored.count == 40)
            #expect(ledger.counts.accepted == 40)
            #expect(ledger.counts.errors > 0)
            #expect(ledger.lastError?.contains(gone.base) == true)
        }
    }

    @Test func severalServersShareTheDevices() async throws {
        try await TestServer.run { first in
            try await TestServer.run { second in
                try await run(options([first.address, second.address], devices: 6, count: 5))
                #expect(first.recorder.stored.count == 30)
                #expect(second.recorder.stored.count == 30)
            }
        }
    }

    @Test func refusedReadingsAreNotSentAgain() async throws {
        try await TestServer.run([.status(400)]) { server in
            try await run(options([server.address], devices: 1, count: 1))
            #expect(server.recorder.record.requestsCount == 1)
            #expect(ledger.counts.rejected == 2 && ledger.counts.buffered == 0)
        }
    }

    @Test func stoppingGracefullyWaitsForTheAnswersThatAreDue() async throws {
        let (requests, continuation) = AsyncStream.makeStream(of: Int.self)
        let number = { @Sendable (number: Int) -> Void in continuation.yield(number) }
        try await TestServer.run(onRequest: number) { server in
            try await HTTPReadingSender.withClient { client in
                let fleet = Fleet(
                    options: options([server.address], devices: 8, count: nil),
                    sender: HTTPReadingSender(client: client), clock: clock, ledger: ledger)
                let group = ServiceGroup(
                    services: [fleet], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
                try await withThrowingTaskGroup { tasks in
                    tasks.addTask { try await group.run() }
                    for await number in requests where number >= 50 { break }
                    await group.triggerGracefulShutdown()
                    // A service that ends by itself counts as an error of the group; a stopped one does not.
                    try await tasks.waitForAll()
                }
            }
            #expect(ledger.counts.accepted == server.recorder.record.taken.joined().count)
            #expect(ledger.counts.accepted >= 100)
            #expect(ledger.counts.errors == 0)
        }
    }

    @Test func aReplaySendsAllRowsInOrderThroughFailures() async throws {
        let rows = (0..<12_000).map {
            ReplayRow(time: Instant(microseconds: Int64($0) * 300_000_000), value: Double($0))
        }
        let script: [TestServer.Behaviour] = [.status(503, headers: [("Retry-After", "2")]), .take, .takeAndHangUp]
        try await TestServer.run(script) { server in
            let series = Series(device: DeviceID(unchecked: "nyc"), metric: Metric(unchecked: "taxi"))
            try await HTTPReadingSender.withClient { client in
                await Replay(
                    series: series, rows: rows, servers: [server.address], seed: 1,
                    sender: HTTPReadingSender(client: client), clock: clock, ledger: ledger
                ).run()
            }
            let record = server.recorder.record
            #expect(Set(record.contentTypes) == ["application/x-ndjson"])
            #expect(
                record.taken.map(\.count) == [5000, 5000, 5000, 2000], "the second batch twice: its answer was lost")
            var distinct: [Double] = []
            for reading in record.taken.joined() where reading.value > (distinct.last ?? -1) {
                distinct.append(reading.value)
            }
            #expect(distinct == rows.map(\.value))
            #expect(server.recorder.stored.count == 12_000)
            #expect(ledger.counts.accepted == 12_000 && ledger.counts.errors == 2)
        }
    }
}
