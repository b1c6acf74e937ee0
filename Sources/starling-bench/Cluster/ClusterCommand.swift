import ArgumentParser

/// Prints the table that the flock must hold.
struct ClusterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster",
        abstract: "Measures how fast a flock of N nodes agrees, and what it costs.",
        discussion: """
            Prints one JSON object a line: the median and the worst of the runs (--runs, 20) beside their limits. Exit \
            code 1 if a limit does not hold.

            Without --simulated all nodes run in this process, each with its own UDP socket on loopback, sealed by a key:
              join          all at once through one seed, until all know all
              metadata      a member's news, until all know
              leave         a member leaves, until all know
              kill          a member is gone without a word, until all know
              quarter       a quarter is gone at once
              partition20   two halves for 20 s, then until they are one; also partition60, partition600
              frozen        a quarter stands still for 8 s: others that are taken for dead
              loss          30 % of all datagrams are lost for 10 min: members that are taken for dead
              steady        packets, bytes and processor time of a node at rest
            Rows of a minute a run and more are measured only when named.

            Examples:
              starling-bench cluster --nodes 64
              starling-bench cluster --nodes 64 --row loss --runs 1
              starling-bench cluster --simulated
              starling-bench cluster --simulated --nodes 3 --nodes 128 --row kill
              starling-bench cluster --simulated --nodes 1000 --runs 1 --row steady
            """)

    @Option(help: .init("Nodes of the flock; may be given several times. (default: 64)", valueName: "number"))
    var nodes: [Int] = []

    @ParentCommand var bench: StarlingBench

    @Flag(help: "On a virtual network.")
    var simulated = false

    private var runs: Int { bench.runs ?? 20 }

    @Option(help: .init("Only the rows with this in their name; may be given several times.", valueName: "text"))
    var row: [String] = []

    @Option(help: .init("Runs at the same time.", valueName: "number"))
    var jobs = 2

    func validate() throws {
        let nodesMax = simulated ? 4_096 : 512
        guard nodes.allSatisfy({ (2...nodesMax).contains($0) }) else {
            throw ValidationError("--nodes is 2 to \(nodesMax)")
        }
        guard simulated || row.isEmpty || !realRows.isEmpty else {
            throw ValidationError("no row has such a name: \(RealRow.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        guard (1...64).contains(jobs) else { throw ValidationError("--jobs is 1 to 64") }
    }

    func run() async throws {
        let isHeld = try await simulated ? runSimulated() : runReal()
        if !isHeld { throw ExitCode.failure }
    }

    private var realRows: [RealRow] {
        row.isEmpty ? RealRow.usual : RealRow.allCases.filter { isWanted($0.rawValue) }
    }

    private func runReal() async throws -> Bool {
        var isHeld = true
        for count in nodes.isEmpty ? [64] : nodes {
            var rows = RealRows(count: count, runs: runs)
            for row in realRows {
                do {
                    for figure in try await rows.measure(row) {
                        figure.print()
                        isHeld = isHeld && figure.isWithinLimits
                    }
                } catch {
                    Report.note("NOT MEASURED: \(row.rawValue): \(error)")
                    isHeld = false
                }
            }
        }
        return isHeld
    }

    private func runSimulated() async throws -> Bool {
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
        return isHeld
    }

    private func isWanted(_ name: String) -> Bool {
        row.isEmpty || row.contains { name.contains($0) }
    }
}
