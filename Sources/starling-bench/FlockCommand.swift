import ArgumentParser
import Simulation

/// Runs flocks in disasters over the node's own control plane, as many seeds as asked for.
struct FlockCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flock",
        abstract: "Looks for a seed whose disasters leave the flock in pieces.",
        discussion: """
            Each seed is a few nodes on virtual clocks that run apart, and a network that loses, delays, doubles, \
            reorders and cuts, one way and both; processes crash, stand still, leave, move, take each other's address and \
            start twice. Then the disasters end, and all must agree on one table and on the owners, soon. Nobody may be \
            held for dead who is well and in reach, at any time.

            A seed that fails is printed with its schedule, cut to the shortest beginning that still fails. The same \
            seed does the same thing every time. Exit code 1 if any failed.

            Examples:
              starling-bench flock --seeds 1..10000
              starling-bench flock --seeds 42 --trace
              starling-bench flock --seeds 1..200 --mistake neverRefutes
            """)

    @Option(help: .init("The seeds to run.", valueName: "first..last"))
    var seeds = "1..200"

    @Flag(help: "Print every event of a failing seed, or of a single one.")
    var trace = false

    @Option(help: .init("Plant a mistake: the seeds should find it.", valueName: "name"))
    var mistake: PlantedMistake?

    @Option(help: .init("Seeds run at the same time.", valueName: "number"))
    var jobs = 2

    /// Failing seeds that are told in full; the rest are counted.
    static let toldMax = 5

    func validate() throws {
        _ = try range()
        guard (1...64).contains(jobs) else { throw ValidationError("--jobs is 1 to 64") }
    }

    private func range() throws -> ClosedRange<UInt64> {
        let ends = seeds.split(separator: "..", omittingEmptySubsequences: false).map { UInt64($0) }
        switch (ends.count, ends.first ?? nil, ends.last ?? nil) {
        case (1, let only?, _): return only...only
        case (2, let first?, let last?) where first <= last: return first...last
        default: throw ValidationError("--seeds is one number, or two as in 1..10000")
        }
    }

    func run() async throws {
        let range = try range()
        let start = ContinuousClock.now
        var failed: [UInt64] = []
        var settled: [Int64] = []
        var events: UInt64 = 0
        var digest: UInt64 = 0
        await inTurns(range, jobs: jobs) {
            FlockReport(FlockScenario(seed: $0), mistake: mistake)
        } each: { report in
            events += report.eventsCount
            digest ^= report.digest
            if let time = report.settledAfter { settled.append(time) }
            guard !report.isGood else { return }
            failed.append(report.scenario.seed)
            if failed.count <= Self.toldMax { tell(report) }
        }
        if trace, failed.isEmpty, range.count == 1 {
            let scenario = FlockScenario(seed: range.lowerBound)
            for line in FlockReport(scenario, mistake: mistake, isTraced: true).lines { print(line) }
        }
        settled.sort()
        let seconds = Stopwatch.seconds(since: start)
        print(
            """
            {"seeds": \(range.count), "failed": \(failed.count), "events": \(events), \
            "seconds": \((seconds * 10).rounded() / 10), "settled_median_ms": \(Self.middle(settled) / 1_000), \
            "settled_worst_ms": \((settled.last ?? 0) / 1_000), "digest": "\(String(digest, radix: 16))", \
            "failing": \(failed.sorted().prefix(20).map { $0 })}
            """)
        if !failed.isEmpty { throw ExitCode.failure }
    }

    private static func middle(_ sorted: [Int64]) -> Int64 {
        sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    }

    private func tell(_ report: FlockReport) {
        let short = report.shortest ?? report
        print(short)
        if trace { for line in short.lines { print(line) } }
    }
}

extension PlantedMistake: ExpressibleByArgument {}

/// Does `work` for all seeds, so many at a time, and gives each result to `each`.
func inTurns<Result: Sendable>(
    _ seeds: ClosedRange<UInt64>, jobs: Int, _ work: @escaping @Sendable (UInt64) -> Result, each: (Result) -> Void
) async {
    await withTaskGroup(of: Result.self) { group in
        var next = seeds.lowerBound
        func add() {
            guard next <= seeds.upperBound else { return }
            let seed = next
            next += 1
            group.addTask { work(seed) }
        }
        for _ in 0..<jobs { add() }
        for await result in group {
            add()
            each(result)
        }
    }
}
