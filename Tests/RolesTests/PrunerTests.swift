import Ports
import Pruning
import Simulation
import Synchronization
import Telemetry
import Testing

/// Single runs, and what keeps them from deleting anybody. What many of them may not do is in `PruneWorld`.
@Suite struct PrunerTests {
    /// A flock that tells what it is set to.
    private final class SetFlock: PrunedFlock {
        let told = Mutex(FleetReport(members: [SetFlock.member()]))

        static func member(
            _ name: String = "n0", _ state: FleetReport.Member.State = .alive(backlog: 0)
        ) -> FleetReport.Member { FleetReport.Member(name: name, incarnation: 1, state: state) }

        func report() async -> FleetReport { told.withLock { $0 } }
        func settle(_ report: FleetReport) async -> [String] { [] }
        func forget(_ tombstones: [Tombstone]) async {}
        func set(_ members: [FleetReport.Member], orphaned: UInt64? = 0) {
            told.withLock { $0 = FleetReport(members: members, orphaned: orphaned) }
        }
    }

    private struct Bench {
        let store = MemoryStore()
        let flock = SetFlock()
        var pruner: Pruner

        init(_ silent: Int, of count: Int, retention: Int64? = nil) async throws {
            let token = try await store.elect("n0")
            store.content.withLock { content in
                content.pruning.now = Instant(microseconds: 1_000_000_000)
                for number in 0..<count {
                    let heard = Instant(microseconds: number < silent ? 900_000_000 : 1_000_000_000)
                    content.pruning.devices[DeviceID(unchecked: "d\(number)")] = .init(lastHeard: heard, readings: 1)
                }
            }
            let rules = PruneRules(
                period: 1_000_000, inactiveAfter: 10_000_000, deleteAfter: 20_000_000, retention: retention)
            pruner = Pruner(rules, store, flock, token) { true }
        }

        /// The next run, a second later; `live` devices were heard meanwhile.
        mutating func run(hearing live: Range<Int> = 0..<0) async throws -> Pruner.Outcome {
            store.content.withLock { content in
                content.pruning.now = content.pruning.now.advanced(byMicroseconds: 1_000_000)
                for number in live { content.pruning.hear(DeviceID(unchecked: "d\(number)")) }
            }
            return try await pruner.run()
        }

        var ticksCount: Int { store.content.withLock { $0.pruning.ticks.count } }
    }

    private static func waiting(_ outcome: Pruner.Outcome) -> Waiting? {
        if case .waited(let waiting) = outcome { waiting } else { nil }
    }

    @Test func aStoreThatCannotSayWhatIsOrphanedStopsTheRun() async throws {
        var bench = try await Bench(0, of: 4)
        bench.flock.set([SetFlock.member()], orphaned: nil)
        let waiting = try #require(Self.waiting(try await bench.run(hearing: 0..<4)))
        #expect(waiting.reason.contains("the store cannot say") && waiting.approval.ifAny == nil)
        #expect(bench.ticksCount == 0)
        bench.flock.set([SetFlock.member()])
        #expect(try await bench.run(hearing: 0..<4) == .done(PruneCounts()))
    }

    /// As after an outage of all: nobody was heard yet, and that is nothing for a person.
    @Test func whoHasJustBegunToListenAsksNobody() async throws {
        var bench = try await Bench(3, of: 4)
        for _ in 0..<10 {
            let waiting = try #require(Self.waiting(try await bench.run(hearing: 3..<4)))
            #expect(waiting.reason.hasPrefix("the flock has just begun to listen") && waiting.approval.ifAny == nil)
            #expect(try await bench.store.approve() == nil)
        }
        let waiting = try #require(Self.waiting(try await bench.run(hearing: 3..<4)))
        #expect(waiting.reason.hasPrefix("more than half of the devices fell silent"))
        #expect(try await bench.store.approve() == waiting)
    }

    /// Each run asks how far behind all are: the tick may not go back, and no clock was set.
    @Test func aBacklogThatGrowsWritesNoTick() async throws {
        var bench = try await Bench(0, of: 4)
        _ = try await bench.run(hearing: 0..<4)
        let before = bench.ticksCount
        bench.flock.set([SetFlock.member("n0", .alive(backlog: 1_500_000))])
        #expect(try await bench.run(hearing: 0..<4) == .done(PruneCounts()))
        #expect(bench.ticksCount == before)
        bench.flock.set([SetFlock.member()])
        #expect(try await bench.run(hearing: 0..<4) == .done(PruneCounts()))
        #expect(bench.ticksCount == before + 1)
    }

    @Test func oldReadingsThatCannotBeDroppedKeepNoSilentDevice() async throws {
        var bench = try await Bench(0, of: 4, retention: 1)
        bench.store.content.withLock { $0.pruning.dropFailure = StoreError(.unavailable, "out of locks") }
        var deleted = 0
        for _ in 0..<60 {
            guard case .done(let counts) = try await bench.run(hearing: 1..<4) else { continue }
            #expect(counts.dropFailure == "out of locks" && counts.description.contains("out of locks"))
            deleted += counts.deleted
        }
        #expect(deleted == 1)
    }

    @Test func whoIsBackLosesItsApproval() async throws {
        var bench = try await Bench(0, of: 4)
        let (here, gone) = (SetFlock.member(), SetFlock.member("n1", .dead))
        bench.flock.set([here, gone])
        #expect(Self.waiting(try await bench.run(hearing: 0..<4))?.reason.hasPrefix("n1 is dead") == true)
        #expect(try await bench.store.approve() != nil)
        #expect(try await bench.run(hearing: 0..<4) == .done(PruneCounts()))
        bench.flock.set([here, SetFlock.member("n1")])
        #expect(try await bench.run(hearing: 0..<4) == .done(PruneCounts()))
        #expect(try await bench.store.audit(limit: 1).map(\.decision) == [.revoke])
        bench.flock.set([here, gone])
        #expect(Self.waiting(try await bench.run(hearing: 0..<4))?.reason.hasPrefix("n1 is dead") == true)
    }
}
