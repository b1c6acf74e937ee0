import NodeHarness
import Telemetry

/// How long a node takes to answer what people look at, in milliseconds.
enum ReadFigures {
    private static let latestDevices = 10_000
    private static let latestLimit = 50.0
    private static let unchangedLimit = 5.0
    private static let questions = 300
    private static let historySeconds = 30 * 86_400
    private static let historyLimit = 200.0
    private static let historyQuestions = 20
    private static let storeLimit = Duration.seconds(300)
    private static let connectionsCount = 4

    // MARK: /latest

    static func latest(_ bench: Bench) throws -> [Figure] {
        var whole: [(Double, Double)] = []
        var unchanged: [(Double, Double)] = []
        for run in 1...bench.runs {
            Report.note("latest: \(run) of \(bench.runs)")
            let database = try bench.makeDatabase()
            let node = try bench.startNode(in: try bench.makeFolder(), database: database)
            let batches = latestDevices / Bodies.readingsPerBatch
            let bodies = Bodies(batches: batches, fleet: latestDevices)
            try send((0..<batches).map(bodies.request), to: node)
            let connection = try HTTPConnection(port: node.port)
            var tag = ""
            whole.append(
                (
                    try percentile99(of: questions) {
                        let answer = try connection.ask("GET", "/latest")
                        guard answer.status == 200, answer.body.count > 50 * latestDevices else {
                            throw HarnessError("/latest: \(answer.status), \(answer.body.count) bytes")
                        }
                        tag = answer.headers["etag"] ?? ""
                    }, latestLimit
                ))
            unchanged.append(
                (
                    try percentile99(of: questions) {
                        let answer = try connection.ask("GET", "/latest", headers: [("If-None-Match", tag)])
                        guard answer.status == 304 else { throw HarnessError("/latest: \(answer.status), not 304") }
                    }, unchangedLimit
                ))
            _ = try node.process.terminate(within: .seconds(10))
        }
        return [
            Figure("latest.p99", unit: "ms", better: .less, whole.map { ($0.0, $0.1) }),
            Figure("latest.unchanged.p99", unit: "ms", better: .less, unchanged.map { ($0.0, $0.1) }),
        ]
    }

    // MARK: /history

    /// One device, a reading a second, from 30 days ago until now.
    static func history(_ bench: Bench) throws -> [Figure] {
        let database = try bench.makeDatabase()
        let node = try bench.startNode(in: try bench.makeFolder(), database: database)
        let end = Int64(WallClock.microseconds()) / 1_000_000
        let start = end - Int64(historySeconds)
        for first in stride(from: 0, to: historySeconds, by: 100 * Bodies.readingsPerBatch) {
            let last = min(first + 100 * Bodies.readingsPerBatch, historySeconds)
            let requests = stride(from: first, to: last, by: Bodies.readingsPerBatch).map { batch in
                request(start, batch..<min(batch + Bodies.readingsPerBatch, last))
            }
            try send(requests, to: node)
            Report.note("history: \(last) of \(historySeconds) readings")
        }
        let connection = try HTTPConnection(port: node.port)
        let path = "/history?device_id=meter&type=power&from=\(start)&to=\(end)"
        func ask() throws {
            let answer = try connection.ask("GET", path)
            guard answer.status == 200, answer.body.count > 30_000 else {
                throw HarnessError("/history: \(answer.status), \(answer.body.count) bytes")
            }
        }
        let first = try Stopwatch.seconds { try ask() } * 1_000
        let later = try (0..<historyQuestions).map { _ in try Stopwatch.seconds { try ask() } * 1_000 }
        _ = try node.process.terminate(within: .seconds(10))
        return [
            // The first look, which draws the outline of what is old.
            Figure("history.first", unit: "ms", better: .less, [(first, historyLimit)]),
            Figure("history", unit: "ms", better: .less, later.map { ($0, historyLimit) }),
            Figure("history.worst", unit: "ms", better: .less, [(later.max() ?? 0, historyLimit)]),
        ]
    }

    private static func request(_ start: Int64, _ seconds: Range<Int>) -> [UInt8] {
        var body = ""
        for second in seconds {
            let value = Double(SeededGenerator.mixed(UInt64(second)) % 1_000 + UInt64(second / 3_600 % 24) * 500) / 100
            body += "{\"device_id\":\"meter\",\"timestamp\":\(start + Int64(second)),\"metrics\":[{\"type\":\"power\","
            body += "\"value\":\(value)}]}\n"
        }
        return HTTPConnection.request(
            "POST", "/data", headers: [("Content-Type", "application/x-ndjson")], body: Array(body.utf8))
    }

    // MARK: Common

    /// Sends all and waits until they are stored.
    private static func send(_ requests: [[UInt8]], to node: NodeProcess) throws {
        let outcome = try BatchSender(port: node.port, connectionsCount: connectionsCount).run(
            Array(requests.indices)
        ) { requests[$0] }
        guard outcome.answers.count == requests.count, outcome.answers.values.allSatisfy({ $0.status == 202 }) else {
            let other = outcome.answers.values.first { $0.status != 202 }
            throw HarnessError("the node refused a batch: \(other?.text ?? "no answer")")
        }
        _ = try node.waitForLedger(within: storeLimit) { $0.pending == 0 }
    }

    private static func percentile99(of count: Int, _ body: () throws -> Void) throws -> Double {
        let times = try (0..<count).map { _ in try Stopwatch.seconds(body) * 1_000 }.sorted()
        return times[min(times.count - 1, times.count * 99 / 100)]
    }
}
