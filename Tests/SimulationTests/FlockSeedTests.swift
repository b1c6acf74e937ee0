import Simulation
import Testing

/// Two hundred flocks in disasters, and what becomes of them. More: `starling-bench flock --seeds 1..10000`.
@Suite struct FlockSeedTests {
    static let seedsCount: UInt64 = 200
    static let groupSize: UInt64 = 10
    static let groups = stride(from: 1, to: seedsCount, by: Int(groupSize)).map { $0..<($0 + groupSize) }

    @Test(arguments: groups) func everyTableBecomesTheSame(_ seeds: Range<UInt64>) {
        for seed in seeds {
            let report = FlockReport(seed: seed)
            #expect(report.isGood, "\(report.shortest ?? report)")
        }
    }

    /// A node whose links were bad for long is in bad health; while it gets better, a death must not wait for it.
    @Test func aDeathIsNoticedByNodesJustOutOfBadLinks() {
        let report = FlockReport(seed: 1_300)
        #expect(report.isGood, "\(report.shortest ?? report)")
    }

    @Test func aSeedReplays() {
        for seed in stride(from: 1, to: Self.seedsCount, by: 20) {
            let first = FlockReport(seed: seed)
            let second = FlockReport(seed: seed)
            #expect(first.digest == second.digest && first.eventsCount == second.eventsCount, "seed \(seed) strays")
        }
    }

    /// The checks are checked: each mistake shows within the seeds that the suite runs.
    @Test(arguments: PlantedMistake.allCases) func plantedMistakesAreFound(_ mistake: PlantedMistake) {
        let found = (1...Self.seedsCount).lazy.map { FlockReport(seed: $0, mistake: mistake) }.first { !$0.isGood }
        #expect(found != nil, "\(mistake) was not found")
    }

    /// A flock to which nothing happens proves nothing.
    @Test func seedsHaveDisastersOfEveryKind() {
        let kinds = Set((1...Self.seedsCount).flatMap { FlockScenario(seed: $0).steps.map(\.disaster.kind) })
        #expect(kinds == FlockDisaster.kinds)
    }

    @Test func aFailureIsCutShortAndTold() throws {
        let whole = try #require(
            (1...Self.seedsCount).lazy.map { FlockReport(seed: $0, mistake: .goneAreGivenUp) }.first { !$0.isGood })
        let short = try #require(whole.shortest)
        #expect(!short.isGood)
        #expect(short.lines.contains { $0.contains("disaster") })
        #expect("\(short)".contains("seed \(whole.scenario.seed): FAILED"))
    }
}
