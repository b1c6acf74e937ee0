import Foundation
import Simulation
import Telemetry
import Testing

@Suite struct PruneWorldTests {
    /// `STARLING_SEEDS=10000` runs a campaign.
    static let seedsCount = ProcessInfo.processInfo.environment["STARLING_SEEDS"].flatMap(UInt64.init) ?? 100

    /// Nobody who tries to speak is deleted, nothing that was accepted is thrown away, nobody acts under an old token, and
    /// who is gone goes.
    @Test func noSeedDoesHarm() async {
        var (deleted, hidden, refused) = (0, 0, 0)
        for seed in 1...Self.seedsCount {
            let world = PruneWorld(seed: seed)
            await world.run()
            let problems = await world.problems
            #expect(problems.isEmpty, "seed \(seed): \(problems.prefix(3))")
            deleted += await world.deletedCount
            hidden += await world.hiddenCount
            refused += await world.refusedCount
        }
        // Worlds in which nothing happens prove nothing.
        #expect(deleted > Int(Self.seedsCount) && hidden > deleted && refused > 0)
    }

    /// Most devices were cut off while the slow ones among them were only late: that was no crowd yet, and one was deleted.
    @Test func whoMayBeCutOffIsNotDeleted() async {
        let world = PruneWorld(seed: 3_993)
        await world.run()
        #expect(await world.problems.isEmpty)
    }

    @Test(arguments: PlantedPruneFault.allCases)
    func everyPlantedFaultIsFound(fault: PlantedPruneFault) async {
        var found: UInt64?
        for seed in UInt64(1)...400 where found == nil {
            let world = PruneWorld(seed: seed, fault: fault)
            await world.run()
            if await !world.problems.isEmpty { found = seed }
        }
        #expect(found != nil, "\(fault)")
    }
}
