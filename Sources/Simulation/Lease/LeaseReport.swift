import Lease
import Telemetry

/// What a seed showed of the lease.
package struct LeaseReport: Sendable, CustomStringConvertible {
    package let scenario: LeaseScenario
    package let fault: PlantedLeaseFault?
    package let problems: [String]
    package let digest: UInt64
    package let eventsCount: UInt64
    /// Committed effects, and effects that came too late and were refused.
    package let effectsCount: Int
    package let refusalsCount: Int
    /// Moments at which two might act because the keeper had forgotten.
    package let excusedCount: Int
    /// The longest from the end of a storm to a leader, in thousandths of the TTL.
    package let leaderAfterMax: Int64
    /// The longest from a leave to another leader, in microseconds.
    package let successorAfterMax: Int64
    package let lines: [String]

    /// Between two looks for a leader.
    static let look: Int64 = 5_000
    package static let successorMax: Int64 = 500_000

    package init(seed: UInt64, fault: PlantedLeaseFault? = nil, isTraced: Bool = false) {
        let scenario = LeaseScenario(seed: seed)
        var world = LeaseWorld(scenario, fault: fault, isTraced: isTraced)
        var leaderAfterMax: Int64 = 0
        var successorAfterMax: Int64 = 0
        for storm in scenario.storms where world.problems.isEmpty {
            Self.storm(storm, &world)
            leaderAfterMax = max(leaderAfterMax, Self.settle(&world))
            guard world.problems.isEmpty else { break }
            successorAfterMax = max(successorAfterMax, Self.succeed(&world))
        }
        self.scenario = scenario
        self.fault = fault
        problems = world.problems
        digest = world.trace.digest
        eventsCount = world.trace.eventsCount
        effectsCount = world.tokens.effectsCount
        refusalsCount = world.tokens.refusalsCount
        excusedCount = world.excusedCount
        self.leaderAfterMax = leaderAfterMax * 1_000 / scenario.ttl
        self.successorAfterMax = successorAfterMax
        lines = world.trace.lines
    }

    private static func storm(_ steps: [LeaseScenario.Step], _ world: inout LeaseWorld) {
        let start = world.now
        world.isStorm = true
        for step in steps {
            world.run(until: start.advanced(byMicroseconds: step.at))
            world.perform(step.disaster)
        }
        world.run(until: start.advanced(byMicroseconds: LeaseScenario.stormLength * world.scenario.ttl))
        world.calm()
    }

    /// A leader within two TTLs, and the same one for two more.
    private static func settle(_ world: inout LeaseWorld) -> Int64 {
        let start = world.now
        let ttl = world.scenario.ttl
        let end = start.advanced(byMicroseconds: 2 * ttl)
        let time = wait(until: end, &world) { !$0.leaders.isEmpty }
        world.run(until: end)
        if world.leaders.count != 1 { world.fail("no leader two TTLs after the storm") }
        let ends = world.endsCount
        let effects = world.tokens.effectsCount
        world.run(until: end.advanced(byMicroseconds: 2 * ttl))
        if world.endsCount != ends { world.fail("a leader fell in a calm") }
        if world.tokens.effectsCount == effects { world.fail("the leader does nothing") }
        return time ?? 2 * ttl
    }

    /// The leader leaves: another one leads within half a second, and the keeper had one all the time but that.
    private static func succeed(_ world: inout LeaseWorld) -> Int64 {
        guard let leader = world.leaders.first else { return 0 }
        world.nodes[leader].returnsAfter = successorMax
        world.step(leader, .leave)
        let end = world.now.advanced(byMicroseconds: successorMax)
        let time = wait(until: end, &world) { $0.leaders.contains { $0 != leader } }
        if time == nil { world.fail("nobody followed \(world.nodes[leader].name)") }
        return time ?? successorMax
    }

    private static func wait(
        until end: Moment, _ world: inout LeaseWorld, _ condition: (LeaseWorld) -> Bool
    ) -> Int64? {
        let start = world.now
        while !condition(world) {
            guard world.now < end else { return nil }
            world.run(until: min(end, world.now.advanced(byMicroseconds: look)))
        }
        return world.now.microseconds - start.microseconds
    }

    package var isGood: Bool { problems.isEmpty }

    package var description: String {
        (["seed \(scenario.seed): \(isGood ? "good" : "FAILED")"] + problems.map { "  \($0)" }
            + scenario.storms.enumerated().flatMap { index, steps in
                ["storm \(index):"] + steps.map { "  \($0)" }
            })
            .joined(separator: "\n")
    }
}
