import DataPlane
import Dispatch
import IngestLog
import LogFormat
import Logging
import Ports
import Roles
import Synchronization
import Telemetry
import Testing

/// What the way in is told without asking the core.
@Suite(.timeLimit(.minutes(2)))
struct BusyTests {
    private static let hour: Int64 = 3_600_000_000

    /// A disk whose syncs wait while it is held.
    private final class SlowDisk: Sendable {
        private let isHeld = Mutex(false)
        private let goesOn = DispatchSemaphore(value: 0)

        var calls: FileCalls {
            var calls = FileCalls.system
            let sync = calls.sync
            calls.sync = { [self] descriptor in
                if isHeld.withLock({ $0 }) {
                    goesOn.wait()
                    goesOn.signal()
                }
                return sync(descriptor)
            }
            return calls
        }

        func hold() { isHeld.withLock { $0 = true } }

        func letGo() {
            isHeld.withLock { $0 = false }
            goesOn.signal()
        }
    }

    private static func ingest(in folder: TemporaryFolder, _ disk: SlowDisk) throws -> Ingest {
        var random = SystemRandomNumberGenerator()
        let (log, _) = try IngestLog.open(
            directory: folder.path, settings: IngestLog.Settings(limitBytes: 8 << 20), newID: LogID(using: &random),
            calls: disk.calls)
        var limits = IngestLimits()
        limits.appendReadingsMax = 1
        limits.standingTimeMax = hour / 2
        return Ingest(
            log: log, store: MemoryStore(), node: "n0", limits: limits, clock: NodeClock(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { _ in throw CancellationError() }
    }

    /// Behind a sync that does not end, what has waited for long is refused, what comes now is not; the pruner is told that
    /// somebody was sent away, also when all is well again.
    @Test func whatHasWaitedInFrontOfAStandingQueueIsRefused() async throws {
        let folder = try TemporaryFolder()
        let disk = SlowDisk()
        let ingest = try Self.ingest(in: folder, disk)
        let running = Task { await ingest.run() }
        await ingest.waitUntilRunning()
        #expect(ingest.refusal(waited: Self.hour) == nil, "nobody stands in line")
        #expect(await !ingest.refuses(within: Self.hour))

        disk.hold()
        let (answers, answered) = AsyncStream<AcceptError?>.makeStream()
        for index in 0..<3 { ingest.offer(NodeTests.batch(index, count: 1)) { answered.yield($0) } }
        while ingest.refusal(waited: Self.hour) == nil { await Task.yield() }
        #expect(ingest.refusal(waited: Self.hour) == .logFull(retryAfterSeconds: 1))
        #expect(ingest.refusal(waited: 0) == nil)
        #expect(await ingest.refuses(within: Self.hour))

        disk.letGo()
        var given: [AcceptError?] = []
        for await answer in answers.prefix(3) { given.append(answer) }
        #expect(given == [nil, nil, nil])
        while ingest.refusal(waited: Self.hour) != nil { await Task.yield() }
        #expect(await ingest.refuses(within: Self.hour))
        await ingest.stop()
        await running.value
    }
}
