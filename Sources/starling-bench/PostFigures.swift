import NodeHarness
import Telemetry

/// Single readings over HTTP, each answered once it is synced to disk, beside nginx that answers without looking.
enum PostFigures {
    /// Milliseconds of readings' time that a run may use: more than it can send.
    private static let runSpan: Int64 = 100_000_000

    static func measure(_ bench: Bench) throws -> [Figure] {
        let wrk = try Wrk()
        let nginx = try Nginx()
        let folder = try bench.makeFolder()
        let node = try bench.startNode(in: folder)
        var start = WallClock.microseconds() / 1_000 - Int64(bench.runs + 2) * runSpan
        func next() -> Int64 {
            start += runSpan
            return start
        }
        var requests = 0
        var latencies: [(ours: Double, peer: Double)] = []
        var p99: (ours: Double, peer: Double) = (0, 0)
        let pairs = try bench.pairs("post") {
            let answer = try wrk.run(port: node.port, seconds: bench.seconds, start: next())
            guard answer.refused == 0, answer.errors == 0 else {
                throw HarnessError("the node refused \(answer.refused) requests, \(answer.errors) failed")
            }
            requests += answer.requests
            p99.ours = answer.p99Milliseconds
            // So that nginx has the machine to itself.
            _ = try node.waitForLedger { $0.pending == 0 }
            return answer.requestsPerSecond
        } peer: {
            let answer = try wrk.run(port: nginx.port, seconds: bench.seconds, start: start)
            p99.peer = answer.p99Milliseconds
            latencies.append(p99)
            return answer.requestsPerSecond
        }
        try check(node, requests: requests, runs: bench.runs)
        _ = try node.process.terminate(within: .seconds(10))
        return [
            Figure("post.single", unit: "requests/s", better: .more, pairs),
            Figure("post.single.p99", unit: "ms", better: .less, latencies),
        ]
    }

    /// Every reading that was answered with 202 is stored, and none besides.
    private static func check(_ node: NodeProcess, requests: Int, runs: Int) throws {
        let ledger = try node.waitForLedger { $0.pending == 0 }
        let answered =
            try node.metric(
                "starling_http_requests_total{method=\"POST\",route=\"/data\",status=\"202\"}"
            ).map { Int($0) } ?? -1
        guard ledger.stored == ledger.accepted, ledger.accepted == answered else {
            throw HarnessError("\(answered) requests were answered with 202, the ledger is \(ledger)")
        }
        // wrk hangs up with a request out on each connection; the node may have answered those.
        let uncounted = answered - requests
        guard (0...Wrk.connectionsCount * runs).contains(uncounted) else {
            throw HarnessError("wrk counted \(requests) requests, the node answered \(answered)")
        }
    }
}
