/// What a seed showed of the flock.
package struct FlockReport: Sendable, CustomStringConvertible {
    package let scenario: FlockScenario
    package let mistake: PlantedMistake?
    package let failures: [String]
    package let digest: UInt64
    package let eventsCount: UInt64
    /// From the end of the disasters to equal tables, in microseconds.
    package let settledAfter: Int64?
    /// The lines of the run, if asked for.
    package let lines: [String]
    let stepsCount: Int?

    /// Until tables are equal after the end of the disasters: whoever was suspected last has its 8 s, and the lonely have
    /// to be found. Ten thousand seeds stay well below.
    static let settleMax: Int64 = 10_000_000
    /// And until all know who left: one of the dead is told of every two seconds, to one of the others.
    static let leavesMax: Int64 = 60_000_000
    /// Probes and suspicions that began in the disasters end; nobody dies of them.
    static let echo: Int64 = 8_000_000
    /// Then nothing may change.
    static let quiet: Int64 = 3_000_000
    /// And nobody may die of a little loss.
    static let drizzle: Int64 = 6_000_000
    static let drizzleLoss = 0.15

    package init(
        _ scenario: FlockScenario, mistake: PlantedMistake? = nil, stepsCount: Int? = nil, isTraced: Bool = false
    ) {
        var flock = VirtualFlock(
            scenario.nodesCount, seed: scenario.seed, mistake: mistake, isChecked: true, isTraced: isTraced,
            driftMax: scenario.driftMax)
        flock.weather.delay = 100...scenario.delayMax
        flock.weather.doubling = scenario.doubling
        flock.startAll(within: 500_000)
        flock.run(for: 1_000_000)
        for step in scenario.steps.prefix(stepsCount ?? .max) {
            flock.perform(step.disaster)
            flock.run(for: step.pause)
        }
        settledAfter = Self.settle(&flock)
        self.scenario = scenario
        self.mistake = mistake
        self.stepsCount = stepsCount
        failures = flock.failures
        digest = flock.trace.digest
        eventsCount = flock.trace.eventsCount
        lines = flock.trace.lines
    }

    /// The second half of the story: it must end well.
    private static func settle(_ flock: inout VirtualFlock) -> Int64? {
        flock.calm()
        let time = flock.run(for: settleMax, looks: 20_000) { $0.isSettled }
        guard time != nil else {
            flock.fail("not settled: \(flock.unsettled)")
            return nil
        }
        flock.forgive()
        flock.run(for: leavesMax, looks: 100_000) { $0.unheardLeaves.isEmpty }
        for leave in flock.unheardLeaves { flock.fail(leave) }
        flock.run(for: echo)
        let changes = flock.changesCount
        flock.run(for: quiet)
        if !flock.isSettled { flock.fail("not settled any more: \(flock.unsettled)") }
        if flock.changesCount != changes { flock.fail("news while nothing happened") }
        flock.checkOwners()
        flock.weather.loss = drizzleLoss
        flock.run(for: drizzle)
        return time
    }

    package init(seed: UInt64, mistake: PlantedMistake? = nil) {
        self.init(FlockScenario(seed: seed), mistake: mistake)
    }

    package var isGood: Bool { failures.isEmpty }

    /// With the fewest steps of the schedule after which something is still wrong, and the lines of that run; nil if
    /// nothing ever is.
    package var shortest: FlockReport? {
        for count in 0...scenario.steps.count {
            let report = FlockReport(scenario, mistake: mistake, stepsCount: count)
            if !report.isGood { return FlockReport(scenario, mistake: mistake, stepsCount: count, isTraced: true) }
        }
        return nil
    }

    package var description: String {
        let steps = scenario.steps.prefix(stepsCount ?? .max)
        return
            (["seed \(scenario.seed): \(isGood ? "good" : "FAILED"), \(scenario.nodesCount) nodes"]
            + failures.prefix(8).map { "  \($0)" }
            + ["schedule, \(steps.count) of \(scenario.steps.count) steps:"] + steps.map { "  \($0)" })
            .joined(separator: "\n")
    }
}

extension VirtualFlock {
    /// From now on a death has no excuse.
    mutating func forgive() {
        for index in nodes.indices { nodes[index].excusedUntil = now }
    }
}
