import ArgumentParser

/// How fast a flock agrees, and what it costs.
struct Cluster: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures how fast a flock agrees on its members, over real sockets on loopback.",
        discussion: """
            All nodes run in this process, each with its own UDP socket, sealed by a key; what is left out is the rest \
            of a node. Prints one JSON object a line, with the median and the worst of the runs and what they must not \
            exceed. Exit code 1 if any does.

            Rows (--row NAME, several times):
              join          all at once through one seed, until all know all
              metadata      a member's news, until all know
              leave         a member leaves, until all know
              kill          a member is gone without a word, until all know
              quarter       a quarter is gone at once
              partition20   two halves for 20 s, then until they are one; also partition60, partition600
              frozen        a quarter stands still for 8 s: others that are taken for dead
              loss          30 % of all datagrams are lost for 10 min: members that are taken for dead
              steady        packets, bytes and processor time of a node at rest

            Examples:
              starling-bench cluster --nodes 64
              starling-bench cluster --nodes 128 --row join --row kill
              starling-bench cluster --nodes 64 --row loss --runs 1
            """)

    @Option(help: .init("Nodes of the flock.", valueName: "number"))
    var nodes = 64

    @Option(help: .init("Runs of each row.", valueName: "number"))
    var runs = 20

    @Option(
        help: .init(
            "Measure this row; may be given several times. (default: all that take less than a minute a run)",
            valueName: "name"))
    var row: [RealRow] = []

    func validate() throws {
        guard (2...512).contains(nodes) else { throw ValidationError("--nodes must be 2 to 512") }
        guard (1...99).contains(runs) else { throw ValidationError("--runs must be 1 to 99") }
    }

    func run() async throws {
        var rows = RealRows(count: nodes, runs: runs)
        var isGood = true
        for row in row.isEmpty ? RealRow.usual : row {
            do {
                for figure in try await rows.measure(row) {
                    figure.print()
                    isGood = isGood && figure.isWithinLimits
                }
            } catch {
                Report.note("NOT MEASURED: \(row.rawValue): \(error)")
                isGood = false
            }
        }
        if !isGood { throw ExitCode.failure }
    }
}

extension RealRow: ExpressibleByArgument {}
