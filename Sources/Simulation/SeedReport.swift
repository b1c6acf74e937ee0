/// What a seed showed: its problems, and the least of its schedule that still shows one.
package struct SeedReport: Sendable, CustomStringConvertible {
    package let scenario: Scenario
    package let faults: Set<PlantedFault>
    package let problems: [String]
    package let digest: UInt64
    package let eventsCount: UInt64

    /// Runs a seed once.
    package init(_ scenario: Scenario, stepsCount: Int? = nil, faults: Set<PlantedFault> = []) {
        var world = World(scenario, stepsCount: stepsCount, faults: faults)
        world.run()
        self.scenario = scenario
        self.faults = faults
        problems = world.problems
        digest = world.trace.digest
        eventsCount = world.trace.eventsCount
    }

    package init(seed: UInt64, faults: Set<PlantedFault> = []) {
        self.init(Scenario(seed: seed), faults: faults)
    }

    package var isGood: Bool { problems.isEmpty }

    /// The shortest prefix of the schedule after which something is still wrong; nil if nothing ever is.
    ///
    /// Every prefix is tried: a longer one may heal what a shorter one shows.
    package var shortestPrefix: SeedReport? {
        for count in 0...scenario.steps.count {
            let report = SeedReport(scenario, stepsCount: count, faults: faults)
            if !report.isGood { return SeedReport(scenario, report, count) }
        }
        return nil
    }

    /// Steps of the schedule that happened; nil = all.
    package private(set) var stepsCount: Int?

    private init(_ scenario: Scenario, _ report: SeedReport, _ stepsCount: Int) {
        self.scenario = scenario
        faults = report.faults
        problems = report.problems
        digest = report.digest
        eventsCount = report.eventsCount
        self.stepsCount = stepsCount
    }

    /// The lines of a run.
    package func trace() -> [String] {
        var world = World(scenario, stepsCount: stepsCount, faults: faults, isTraced: true)
        world.run()
        return world.trace.lines
    }

    package var description: String {
        let steps = scenario.steps.prefix(stepsCount ?? .max)
        return
            (["seed \(scenario.seed): \(problems.isEmpty ? "good" : "FAILED")"] + problems.map { "  \($0)" }
            + ["schedule, \(steps.count) of \(scenario.steps.count) steps:"] + steps.map { "  \($0)" })
            .joined(separator: "\n")
    }
}
