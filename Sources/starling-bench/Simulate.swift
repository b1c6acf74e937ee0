import ArgumentParser
import Simulation

/// Runs worlds of disasters over the node's own cores, as many seeds as asked for.
struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Looks for a seed whose disasters lose or double a reading.",
        discussion: """
            Each seed is a small flock on a virtual clock: its disks lose, tear and flip, its store is slow, away, \
            restored from a backup or gives no answer, its network loses, delays and doubles, its processes crash, hang \
            and come back with their own, an empty or somebody else's data folder. Then everything heals, and what \
            clients were promised is compared with what is stored.

            A seed that fails is printed with its schedule, cut to the shortest beginning that still fails. The same \
            seed does the same thing every time. Exit code 1 if any failed.

            Examples:
              starling-bench simulate --seeds 1..10000
              starling-bench simulate --seeds 42 --trace
              starling-bench simulate --seeds 1..200 --fault trimBeforeCommit
            """)

    @Option(help: .init("The seeds to run.", valueName: "first..last"))
    var seeds = "1..200"

    @Flag(help: "Print every event of a failing seed, or of a single one.")
    var trace = false

    @Option(help: .init("Only the first steps of each schedule.", valueName: "number"))
    var steps: Int?

    @Option(help: .init("Plant a mistake: the seeds should find it.", valueName: "name"))
    var fault: [PlantedFault] = []

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
        var done: UInt64 = 0
        var events: UInt64 = 0
        var digest: UInt64 = 0
        var told = 0
        await withTaskGroup(of: SeedReport.self) { group in
            var next = range.lowerBound
            func add() {
                guard next <= range.upperBound else { return }
                let seed = next
                next += 1
                group.addTask { SeedReport(Scenario(seed: seed), stepsCount: steps, faults: Set(fault)) }
            }
            for _ in 0..<jobs { add() }
            for await report in group {
                add()
                done += 1
                events += report.eventsCount
                digest ^= report.digest
                guard !report.isGood else { continue }
                failed.append(report.scenario.seed)
                told += 1
                if told <= Self.toldMax { tell(report) }
            }
        }
        if trace, failed.isEmpty, range.count == 1 {
            let report = SeedReport(Scenario(seed: range.lowerBound), stepsCount: steps, faults: Set(fault))
            for line in report.trace() { print(line) }
        }
        let seconds = Stopwatch.seconds(since: start)
        let rate = (Double(done) / seconds * 10).rounded() / 10
        print(
            """
            {"seeds": \(done), "failed": \(failed.count), "events": \(events), "seconds": \((seconds * 10).rounded() / 10), \
            "seeds_per_second": \(rate), "digest": "\(String(digest, radix: 16))", \
            "failing": \(failed.sorted().prefix(20).map { $0 })}
            """)
        if !failed.isEmpty { throw ExitCode.failure }
    }

    private func tell(_ report: SeedReport) {
        let short = steps == nil ? report.shortestPrefix ?? report : report
        print(short)
        if trace { for line in short.trace() { print(line) } }
    }
}

extension PlantedFault: ExpressibleByArgument {}
