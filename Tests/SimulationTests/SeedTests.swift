import Simulation
import Testing

/// Two hundred worlds of disasters. More of them: `starling-bench simulate --seeds 1..10000`.
@Suite struct SeedTests {
    static let seedsCount: UInt64 = 200
    static let groupSize: UInt64 = 10
    static let groups = stride(from: 1, to: seedsCount, by: Int(groupSize)).map { $0..<($0 + groupSize) }

    @Test(arguments: groups) func nothingIsLostOrDoubled(_ seeds: Range<UInt64>) {
        for seed in seeds {
            let first = SeedReport(seed: seed)
            #expect(first.isGood, "\(first.shortestPrefix ?? first)")
            let second = SeedReport(seed: seed)
            #expect(first.digest == second.digest && first.eventsCount == second.eventsCount, "seed \(seed) strays")
        }
    }

    /// A world in which nothing happens proves nothing.
    @Test func seedsHaveDisastersOfEveryKind() {
        let actions = Set(
            (1...Self.seedsCount).flatMap { Scenario(seed: $0).steps.map(\.action.kind) })
        #expect(actions == Scenario.Action.kinds)
    }

    /// The reports of a planted fault: a shorter schedule still fails, the trace tells the same story as the digest.
    @Test func aFailureIsCutShort() throws {
        let seed = try #require(
            (1...Self.seedsCount).first { !SeedReport(seed: $0, faults: [.trimBeforeCommit]).isGood })
        let whole = SeedReport(seed: seed, faults: [.trimBeforeCommit])
        let short = try #require(whole.shortestPrefix)
        let count = try #require(short.stepsCount)
        #expect(count <= whole.scenario.steps.count)
        #expect(!short.isGood)
        #expect(!short.trace().isEmpty)
        for fewer in 0..<count {
            #expect(SeedReport(whole.scenario, stepsCount: fewer, faults: [.trimBeforeCommit]).isGood)
        }
        #expect("\(short)".contains("seed \(seed)"))
    }
}
