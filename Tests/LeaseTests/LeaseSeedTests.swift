import Foundation
import Simulation
import Testing

/// Two hundred times a few nodes, a keeper and a store in disasters. More: `STARLING_SEEDS=10000` in the environment.
@Suite struct LeaseSeedTests {
    static let seedsCount = ProcessInfo.processInfo.environment["STARLING_SEEDS"].flatMap(UInt64.init) ?? 200
    /// Every planted fault is found within these.
    static let faultSeedsCount: UInt64 = 1_000

    @Test func oneActsAtATimeAndOneIsFoundInTime() {
        let clock = ContinuousClock()
        let began = clock.now
        var effects = 0
        var refusals = 0
        var excused = 0
        var events: UInt64 = 0
        var leaderAfter: Int64 = 0
        var successorAfter: Int64 = 0
        for seed in 1...Self.seedsCount {
            let report = LeaseReport(seed: seed)
            #expect(report.isGood, "\(report)")
            effects += report.effectsCount
            refusals += report.refusalsCount
            excused += report.excusedCount > 0 ? 1 : 0
            events += report.eventsCount
            leaderAfter = max(leaderAfter, report.leaderAfterMax)
            successorAfter = max(successorAfter, report.successorAfterMax)
        }
        print(
            """
            lease: \(Self.seedsCount) seeds in \(clock.now - began), \(events) events, \(effects) effects, \
            \(refusals) late ones refused, \(excused) worlds with two leaders of an emptied keeper; \
            a leader after at most \(Double(leaderAfter) / 1_000) TTL, a successor after at most \
            \(successorAfter / 1_000) ms
            """)
        #expect(refusals > 0 && excused > 0, "a flock to which nothing happens proves nothing")
    }

    @Test func aSeedReplays() {
        for seed in stride(from: UInt64(1), to: 200, by: 20) {
            let first = LeaseReport(seed: seed)
            let second = LeaseReport(seed: seed, isTraced: true)
            #expect(first.digest == second.digest && first.eventsCount == second.eventsCount, "seed \(seed) strays")
            #expect(second.lines.count == Int(second.eventsCount))
        }
    }

    @Test func seedsHaveDisastersOfEveryKind() {
        let kinds = Set((1...UInt64(200)).flatMap { LeaseScenario(seed: $0).storms.joined().map(\.disaster.kind) })
        #expect(kinds == LeaseScenario.kinds)
    }

    /// The checks are checked: each mistake shows within the seeds that the suite runs.
    @Test(arguments: PlantedLeaseFault.allCases) func isFound(_ fault: PlantedLeaseFault) {
        let found = (1...Self.faultSeedsCount).lazy.map { LeaseReport(seed: $0, fault: fault) }.first { !$0.isGood }
        #expect(found != nil, "\(fault) was not found")
        if let found { print("lease: \(fault) is found by seed \(found.scenario.seed): \(found.problems[0])") }
    }
}
