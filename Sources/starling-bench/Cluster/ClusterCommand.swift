import ArgumentParser

/// Prints the table that the flock must hold.
struct ClusterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster",
        abstract: "Measures how fast a flock of N nodes agrees, and what it costs.",
        discussion: """
            Prints one JSON object a line: the median and the worst of the runs beside their limits. Exit code 1 if a \
            limit does not hold.

            Examples:
              starling-bench cluster --simulated
              starling-bench cluster --simulated --nodes 3 --nodes 128 --row kill
              starling-bench cluster --simulated --nodes 1000 --runs 1 --row steady
            """)

    @Option(help: .init("Nodes of the flock; may be given several times. (default: 64)", valueName: "number"))
    var nodes: [Int] = []

    @Flag(help: "On a virtual network.")
    var simulated = false

    @Option(help: .init("Runs of each row.", valueName: "number"))
    var runs = 20

    @Option(help: .init("Only the rows with this in their name; may be given several times.", valueName: "text"))
    var row: [String] = []

    @Option(help: .init("Runs at the same time.", valueName: "number"))
    var jobs = 2

    func validate() throws {
        guard simulated else { throw ValidationError("say --simulated: only that is measured today") }
        guard nodes.allSatisfy({ (2...4_096).contains($0) }) else { throw ValidationError("--nodes is 2 to 4096") }
        guard (1...1_000).contains(runs) else { throw ValidationError("--runs is 1 to 1000") }
        guard (1...64).contains(jobs) else { throw ValidationError("--jobs is 1 to 64") }
    }

    func run() async throws {
        var isHeld = true
        for count in nodes.isEmpty ? [64] : nodes {
            for one in SimulatedRows(nodes: count).all() where isWanted(one.name) {
                var values: [Double?] = []
                await inTurns(1...UInt64(runs), jobs: jobs) {
                    one.measure($0)
                } each: {
                    values.append($0)
                }
                let line = one.line(nodes: count, values)
                print(line.text)
                isHeld = isHeld && line.isHeld
            }
        }
        if !isHeld { throw ExitCode.failure }
    }

    private func isWanted(_ name: String) -> Bool {
        row.isEmpty || row.contains { name.contains($0) }
    }
}
