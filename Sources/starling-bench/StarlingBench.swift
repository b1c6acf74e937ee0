import ArgumentParser

/// The command line of the benchmarks: one family of figures a file, each of them run alone or all in turn.
@main
struct StarlingBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "starling-bench",
        abstract: "Measures Starling beside the limits of this machine, in the same run.",
        discussion: """
            Prints one JSON object a line: "value" is the median of "runs" runs, "limit" what a peer or a bare loop \
            reached between them, and "ratio" the median of value : limit taken run by run, turned so that more is \
            better. A machine shared with others moves value and limit together; the ratio stays.

            Families (--only NAME, several times):
              parse         bodies of POST /data, beside Foundation's JSON
              log           appends to the ingest log, beside bare writes and fdatasync
              forest-fit    an isolation forest of 100 trees over 256 rows, beside sorting the same rows
              forest-score  its scores, beside a bare walk of as many dependent look-ups
              stream        the detector of one metric, reading by reading, beside a bare loop of as many means
              post          single readings over HTTP, synced to disk, beside nginx answering 202 (wants nginx, wrk)
              store         batches over HTTP until they are stored, beside bare SQLite or bare COPY, of 1,000 devices
                            and of 20,000 that send in turn (the client: wants nginx)
              latest        p99 of /latest of 10,000 devices, and of a 304; limits 50 ms and 5 ms
              history       /history of 30 days at one reading a second; limit 200 ms (only when named)
              forward       the same over three nodes, beside one (only when named); aim 0.7
              idle          memory of a node at rest; limit 60 MB
              memory        memory after ten million readings of 1,000 devices; limit 250 MB (only when named)
              siege         (only when named) p99 of good clients beside 100,000 wrong keys, and beside 1,000 connections
                            that drip (limit: twice the p99 without them); memory after a million made-up names (limit 2 GB)
              overload      (only when named) goodput, beside the best, and p99 of what is accepted (limit 1 s) while three
                            times the best is offered for a minute

            Aims: post 0.3 (0.2 at least), store 0.6, idle and memory 1.

            Examples:
              starling-bench
              starling-bench --only post --seconds 8 --runs 5
              starling-bench --only store --only idle --binary .build/release/starling
              starling-bench --only memory
              starling-bench --only store --only latest --only history --store postgres://me:secret@127.0.0.1/postgres
              starling-bench simulate --seeds 1..10000
              starling-bench cluster --nodes 64
              starling-bench flock --seeds 1..10000
              starling-bench cluster --simulated --nodes 64
            """,
        subcommands: [Simulate.self, FlockCommand.self, ClusterCommand.self])

    @Option(
        help: .init("Measure this family; may be given several times. (default: the quick ones)", valueName: "name"))
    var only: [Family] = []

    @Option(help: .init("The starling to measure. (default: the one beside this program)", valueName: "file"))
    var binary: String?

    /// Read here for subcommands too: a parent's option is the parent's, wherever it stands.
    @Option(
        help: .init(
            "Runs of each figure; with a peer, pairs of runs. (default: 5; of 'cluster' 20)", valueName: "number")
    )
    var runs: Int?

    @Option(help: .init("Length of one run of 'post'.", valueName: "seconds"))
    var seconds = 8

    @Option(help: .init("Readings of one run of 'store' and 'forward'.", valueName: "number"))
    var readings = 300_000

    @Option(
        help: .init(
            "Measure on databases made here and dropped again: postgres://… of a user who may create them. (default: "
                + "the embedded store)", valueName: "address"))
    var store: String?

    @Option(
        help: .init(
            "Where nodes and logs keep their data: the disk to measure. (default: $TMPDIR)", valueName: "folder"))
    var folder: String?

    enum Family: String, CaseIterable, ExpressibleByArgument {
        case parse, log, stream, post, store, latest, history, idle, memory, forward, siege, overload
        case forestFit = "forest-fit"
        case forestScore = "forest-score"

        /// Not those of millions of readings, which take minutes and a gigabyte of disk.
        static let usual: [Family] = [.parse, .log, .forestFit, .forestScore, .stream, .post, .store, .latest, .idle]
    }

    func validate() throws {
        guard (1...1_000).contains(runs ?? 1) else { throw ValidationError("--runs must be 1 to 1000") }
        guard (1...600).contains(seconds) else { throw ValidationError("--seconds must be 1 to 600") }
        guard store.map({ $0.hasPrefix("postgres") }) ?? true else {
            throw ValidationError("--store is postgres://…; without it the embedded store is measured")
        }
        guard readings >= Bodies.readingsPerBatch, readings <= 100_000_000, readings % Bodies.readingsPerBatch == 0
        else { throw ValidationError("--readings must be a multiple of \(Bodies.readingsPerBatch)") }
    }

    func run() async throws {
        let bench = Bench(
            binary: binary, folder: folder, runs: runs ?? 5, seconds: seconds, readings: readings, store: store)
        var failed: [String] = []
        for family in only.isEmpty ? Family.usual : only {
            do {
                for figure in try await figures(of: family, bench) { figure.print() }
            } catch {
                Report.note("NOT MEASURED: \(family.rawValue): \(error)")
                failed.append(family.rawValue)
            }
        }
        guard failed.isEmpty else {
            Report.note("figures that could not be made: \(failed.joined(separator: ", "))")
            throw ExitCode.failure
        }
    }

    private func figures(of family: Family, _ bench: Bench) async throws -> [Figure] {
        switch family {
        case .parse: try ParseFigures.measure(bench)
        case .log: try await LogFigures.measure(bench)
        case .forestFit: ForestFitFigures.measure(bench)
        case .stream: StreamFigures.measure(bench)
        case .forestScore: ForestScoreFigures.measure(bench)
        case .siege: try SiegeFigures.measure(bench)
        case .overload: try OverloadFigures.measure(bench)
        case .post: try PostFigures.measure(bench)
        case .store: try StoreFigures.measure(bench)
        case .latest: try ReadFigures.latest(bench)
        case .history: try ReadFigures.history(bench)
        case .idle: try MemoryFigures.idle(bench)
        case .memory: try MemoryFigures.afterManyReadings(bench)
        case .forward: try FlockFigures.measure(bench)
        }
    }
}
