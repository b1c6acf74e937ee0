import Simulation
import Testing

/// The checks are checked: each mistake that a driver, a store or a core could make shows within the seeds that the
/// suite runs.
@Suite struct FaultTests {
    @Test(arguments: PlantedFault.allCases) func isFound(_ fault: PlantedFault) {
        let found = (1...SeedTests.seedsCount).lazy.map { SeedReport(seed: $0, faults: [fault]) }.first { !$0.isGood }
        #expect(found != nil, "\(fault) was not found")
    }
}
