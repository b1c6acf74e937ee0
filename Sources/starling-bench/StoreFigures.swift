import NodeHarness
import Telemetry

/// Batches of 1,000 readings over HTTP until the node's ledger says that all are stored, beside bare
/// SQLite, or one connection that copies the same rows into the same table of the same server.
enum StoreFigures {
    private static let connectionsCount = 4
    /// Readings of one transaction. The node's bound under load (`IngestLimits.commitReadingsMax`).
    private static let readingsPerTransaction = 20_000
    private static let limit = Duration.seconds(120)

    /// Of the fleet whose devices send one reading each in turn.
    private static let fleetCount = 20_000

    static func measure(_ bench: Bench) throws -> [Figure] {
        try measure(bench, "store.batch", fleet: Bodies.devicesCount)
            + measure(bench, "store.fleet", fleet: Self.fleetCount)
    }

    private static func measure(_ bench: Bench, _ name: String, fleet: Int) throws -> [Figure] {
        let batches = bench.readings / Bodies.readingsPerBatch
        let bodies = Bodies(batches: batches, fleet: fleet)
        let requests = (0..<batches).map(bodies.request)
        let rows = (0..<batches).flatMap { batch in
            bodies.devices(batch).map { device in
                BareRow(
                    series: Int64(device + 1), time: bodies.time(batch).microseconds,
                    value: Bodies.value(device, batch))
            }
        }
        let sortedRows = stride(from: 0, to: rows.count, by: readingsPerTransaction).flatMap { start in
            rows[start..<min(start + readingsPerTransaction, rows.count)].sorted {
                ($0.series, $0.time) < ($1.series, $1.time)
            }
        }
        var sorted: [Double] = []
        var client: [Double] = []
        let pairs = try bench.pairs(name) {
            let folder = try bench.makeFolder()
            let database = try bench.makeDatabase()
            return try readingsPerSecond(storing: requests, by: try bench.startNode(in: folder, database: database))
        } peer: {
            client.append(try readingsPerSecond(offering: requests))
            sorted.append(try bareReadingsPerSecond(sortedRows, bench))
            return try bareReadingsPerSecond(rows, bench)
        }
        return [
            Figure(name, unit: "readings/s", better: .more, pairs),
            // The same with the rows of each transaction in the order of the key, which is what the node does first.
            Figure(
                name + ".sorted", unit: "readings/s", better: .more,
                zip(pairs, sorted).map { ($0.ours, $1) }),
            // What this client offers to a server that only reads: it must not be the bottleneck.
            Figure(
                name + ".client", unit: "readings/s", better: .more,
                zip(pairs, client).map { ($0.ours, $1) }),
        ]
    }

    private static func readingsPerSecond(storing requests: [[UInt8]], by node: NodeProcess) throws -> Double {
        let total = requests.count * Bodies.readingsPerBatch
        let seconds = try Stopwatch.seconds {
            try send(requests, to: node.port)
            let ledger = try node.waitForLedger(within: limit) { $0.pending == 0 }
            guard ledger.stored == total, ledger.accepted == total else {
                throw HarnessError("\(total) readings were sent, the ledger is \(ledger)")
            }
        }
        _ = try node.process.terminate(within: .seconds(10))
        return Double(total) / seconds
    }

    private static func readingsPerSecond(offering requests: [[UInt8]]) throws -> Double {
        let nginx = try Nginx()
        let seconds = try Stopwatch.seconds { try send(requests, to: nginx.port) }
        return Double(requests.count * Bodies.readingsPerBatch) / seconds
    }

    private static func send(_ requests: [[UInt8]], to port: UInt16) throws {
        let outcome = try BatchSender(port: port, connectionsCount: connectionsCount).run(Array(requests.indices)) {
            requests[$0]
        }
        guard outcome.answers.count == requests.count, outcome.answers.values.allSatisfy({ $0.status == 202 }) else {
            let other = outcome.answers.values.first { $0.status != 202 }
            throw HarnessError(
                "\(outcome.answers.count) of \(requests.count) batches were answered; \(other?.text ?? "all with 202")")
        }
    }

    /// The table is the node's own: a node is started for it once.
    private static func bareReadingsPerSecond(_ rows: [BareRow], _ bench: Bench) throws -> Double {
        let folder = try bench.makeFolder()
        let database = try bench.makeDatabase()
        let node = try bench.startNode(in: folder, database: database)
        _ = try node.process.terminate(within: .seconds(10))
        if let database {
            return Double(rows.count) / (try database.copy(rows, rowsPerTransaction: readingsPerTransaction))
        }
        let bare = try BareSQLite(path: folder.file("bare.db"), tableOf: node.place.database)
        return Double(rows.count) / (try bare.insert(rows, rowsPerTransaction: readingsPerTransaction))
    }
}
