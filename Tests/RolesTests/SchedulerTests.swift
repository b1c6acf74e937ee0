import Foundation
import Lease
import Logging
import Ports
import Pruning
import Roles
import Simulation
import Synchronization
import Telemetry
import Testing

@Suite(.timeLimit(.minutes(2))) struct SchedulerTests {
    /// A keeper in memory: it can be away, and does what its requests ask for.
    private final class MemoryKeeper: LeaseKeeper {
        let holder = Mutex<LeaseOwner?>(nil)
        let isAway = Mutex(false)
        let asked = Mutex(0)

        func perform(_ request: LeaseRequest) async throws(LeaseKeeperError) -> LeaseAnswer {
            asked.withLock { $0 += 1 }
            guard !isAway.withLock({ $0 }) else { throw LeaseKeeperError("away") }
            return holder.withLock { holder in
                switch request.operation {
                case .acquire:
                    guard holder == nil else { return .refused }
                    holder = request.owner
                    return .granted
                case .renew: return holder == request.owner ? .granted : .refused
                case .release:
                    guard holder == request.owner else { return .refused }
                    holder = nil
                    return .granted
                }
            }
        }

        func close() async {}
    }

    /// A flock that is always well.
    private struct WellFlock: PrunedFlock {
        func report() async -> FleetReport {
            FleetReport(members: [FleetReport.Member(name: "n0", incarnation: 1, state: .alive(backlog: 0))])
        }
        func settle(_ report: FleetReport) async -> [String] { [] }
        func forget(_ tombstones: [Tombstone]) async {}
    }

    /// Keeps what was logged.
    private struct Memory: LogHandler {
        final class Lines: Sendable {
            let lines = Mutex<[String]>([])
            func count(_ part: String) -> Int { lines.withLock { $0.count { $0.contains(part) } } }
        }

        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        subscript(metadataKey key: String) -> Logger.MetadataValue? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            lines.lines.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
        }
    }

    private struct Setting {
        let keeper: MemoryKeeper
        let store = MemoryStore()
        let lines = Memory.Lines()
        let scheduler: Scheduler

        /// - Parameter now: nil is the machine's clock.
        init(
            _ name: String, ttl: Int64 = 3_000_000, keeper: MemoryKeeper = MemoryKeeper(),
            now: (@Sendable () -> Moment)? = nil
        ) {
            self.keeper = keeper
            let memory = Memory(lines: lines)
            let clock = NodeClock()
            scheduler = Scheduler(
                settings: Scheduler.Settings(
                    holder: name,
                    rules: PruneRules(
                        period: 1_000_000, inactiveAfter: 2_000_000, deleteAfter: nil, retention: nil),
                    limits: LeaseLimits(ttl: ttl)),
                keeper: keeper, store: store, flock: WellFlock(), life: WriterID(7), seed: 7,
                now: now ?? { clock.sleeplessMoment }, logger: Logger(label: name) { _ in memory })
        }

        /// Looks from a thread of its own: tasks that spin would take the few threads of all other tests.
        func wait(_ isWanted: @escaping @Sendable () -> Bool) async {
            await withCheckedContinuation { continuation in
                Thread.detachNewThread {
                    while !isWanted() { poll(nil, 0, 5) }
                    continuation.resume()
                }
            }
        }
    }

    /// Each look at it takes a second.
    private final class VirtualTime: Sendable {
        private let microseconds = Mutex<Int64>(0)
        var now: Moment { Moment(microseconds: microseconds.withLock { $0 }) }
        func step() -> Moment {
            Moment(
                microseconds: microseconds.withLock {
                    $0 += 1_000_000
                    return $0
                })
        }
    }

    /// Ten minutes on the scheduler's clock, which is two thousand leases: one line, and no run.
    @Test func aKeeperThatIsAwayIsOneLine() async throws {
        let time = VirtualTime()
        let stepped = Setting("n0", ttl: 300_000) {
            time.step()
        }
        stepped.keeper.isAway.withLock { $0 = true }
        let run = Task { await stepped.scheduler.run() }
        await stepped.wait { time.now.microseconds > 600_000_000 }
        #expect(stepped.keeper.asked.withLock { $0 } > 100)
        #expect(stepped.lines.count("does not answer: nothing is pruned") == 1)
        #expect(stepped.lines.lines.withLock { $0.count } == 1)
        #expect(stepped.store.content.withLock { $0.pruning.runs }.isEmpty)
        #expect(stepped.scheduler.token == nil)
        #expect(stepped.scheduler.keeperTrouble == "away")
        stepped.keeper.isAway.withLock { $0 = false }
        await stepped.wait { stepped.lines.count("answers again") == 1 }
        #expect(stepped.scheduler.keeperTrouble == nil)
        run.cancel()
        await run.value
    }

    @Test func aLeaderThatIsFencedStepsDownAndSaysSo() async throws {
        // A lease that no busy machine lets run out.
        let setting = Setting("n0", ttl: 60_000_000)
        let run = Task { await setting.scheduler.run() }
        await setting.wait { setting.scheduler.token == FencingToken(1) }
        await setting.wait { setting.store.content.withLock { $0.pruning.runs }.count == 1 }
        _ = setting.store.content.withLock { $0.pruning.elect("another") }
        // Its next act is refused; it seeks again, and gets a token that is newer than all.
        setting.store.content.withLock { $0.pruning.now = $0.pruning.now.advanced(byMicroseconds: 2_000_000) }
        await setting.wait { setting.scheduler.token == FencingToken(3) }
        #expect(setting.lines.count("refused by the store") == 1)
        run.cancel()
        await run.value
    }

    /// Somebody else is elected each time, though this one has the lease: by another lease.
    @Test func twoLeasesAreToldOnceAndFightEverMoreSeldom() async throws {
        // A lease that no busy machine lets run out.
        let setting = Setting("n0", ttl: 60_000_000)
        let run = Task { await setting.scheduler.run() }
        for round in 0..<5 {
            await setting.wait { setting.scheduler.token == FencingToken(UInt64(2 * round + 1)) }
            _ = setting.store.content.withLock { $0.pruning.elect("another") }
            setting.store.content.withLock { $0.pruning.now = $0.pruning.now.advanced(byMicroseconds: 2_000_000) }
        }
        await setting.wait { setting.scheduler.token == nil }
        #expect(setting.lines.count("refused by the store") == Scheduler.refusedTermsTold)
        #expect(setting.lines.count("the same --lease") == 1)
        run.cancel()
        await run.value
    }

    /// A run is due by the store's clock, whoever led before.
    @Test func oneRunAPeriodWhoeverLeads() async throws {
        let keeper = MemoryKeeper()
        let setting = Setting("n0", keeper: keeper)
        let run = Task { await setting.scheduler.run() }
        await setting.wait { setting.store.content.withLock { $0.pruning.runs }.count == 1 }
        for round in 2...5 {
            // Somebody took the lease away: the next term begins within the same period.
            keeper.holder.withLock { $0 = nil }
            let token = FencingToken(UInt64(round))
            await setting.wait { setting.scheduler.token == token }
            #expect(setting.store.content.withLock { $0.pruning.runs }.count == round - 1)
            setting.store.content.withLock { $0.pruning.now = $0.pruning.now.advanced(byMicroseconds: 1_000_000) }
            await setting.wait { setting.store.content.withLock { $0.pruning.runs }.count == round }
        }
        run.cancel()
        await run.value
    }

    @Test func whoLeavesGivesTheLeaseBack() async throws {
        let keeper = MemoryKeeper()
        let setting = Setting("n0", keeper: keeper)
        let run = Task { await setting.scheduler.run() }
        await setting.wait { setting.scheduler.token != nil }
        await setting.scheduler.leave()
        #expect(keeper.holder.withLock { $0 } == nil)
        #expect(setting.scheduler.token == nil)
        await run.value
    }

    @Test func aStoreThatIsAwayEndsTheTermForAnother() async throws {
        let setting = Setting("n0")
        setting.store.content.withLock { $0.isAway = true }
        let run = Task { await setting.scheduler.run() }
        await setting.wait { setting.lines.count("a run of the pruner failed") == 1 }
        setting.store.content.withLock { $0.isAway = false }
        await setting.wait { setting.scheduler.token != nil }
        run.cancel()
        await run.value
    }
}
