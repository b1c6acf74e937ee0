import Foundation
import NodeHarness

/// What good clients see while others do their worst, and what a node takes of memory meanwhile.
enum SiegeFigures {
    private static let key = "starling_the-key-of-a-good-client-of-the-siege"
    private static let wrongKeysCount = 100_000
    private static let namesCount = 1_000_000
    private static let namesPerBody = 5_000
    private static let seriesMax = 200_000
    private static let namesLimitMegabytes = 2_000.0

    static func measure(_ bench: Bench) throws -> [Figure] {
        try wrongKeys(bench) + slowConnections(bench) + madeUpNames(bench)
    }

    static func node(in folder: TemporaryFolder, _ bench: Bench, _ arguments: [String] = []) throws
        -> NodeProcess
    {
        try NodeProcess.ready(
            at: NodeProcess.Place(binary: try bench.starling(), folder: folder.path, moreArguments: arguments))
    }

    /// p99 of good clients while 100,000 wrong keys come in, beside the same without.
    private static func wrongKeys(_ bench: Bench) throws -> [Figure] {
        let folder = try bench.makeFolder()
        let node = try node(in: folder, bench, ["--api-keys", "ingest:\(key)"])
        let good = GoodClients(port: node.port, headers: [("Authorization", "Bearer \(key)")])
        let pairs = try bench.pairs("siege.wrong-keys") {
            try good.p99(seconds: bench.seconds) {
                let connections = try (0..<4).map { _ in try HTTPConnection(port: node.port) }
                // So many a second that all come while the good clients send.
                let each = wrongKeysCount / bench.runs / connections.count
                let threads = connections.map { connection in
                    let connection = UnsafeShared(connection)
                    return OwnThread {
                        for number in 0..<each {
                            let wrong = [("Authorization", "Bearer starling_wrong-\(number)")]
                            guard let answer = try? connection.value.ask("GET", "/latest", headers: wrong),
                                answer.status == 401
                            else { return Report.note("a wrong key was not answered with 401") }
                        }
                    }
                }
                for thread in threads { thread.join() }
            }
        } peer: {
            try good.p99(seconds: bench.seconds)
        }
        _ = try node.process.terminate(within: .seconds(10))
        return [Figure("siege.wrong-keys.p99", unit: "ms", better: .less, pairs)]
    }

    /// p99 of good clients beside 1,000 connections that drip, and without them; the limit is twice that.
    private static func slowConnections(_ bench: Bench) throws -> [Figure] {
        let folder = try bench.makeFolder()
        let node = try node(in: folder, bench)
        let good = GoodClients(port: node.port)
        let pairs = try bench.pairs("siege.slow-loris") {
            let slow = SlowConnections(port: node.port)
            slow.drip(seconds: 1)
            return try good.p99(seconds: bench.seconds) { slow.drip(seconds: bench.seconds - 1) }
        } peer: {
            try good.p99(seconds: bench.seconds) * 2
        }
        _ = try node.process.terminate(within: .seconds(10))
        return [Figure("siege.slow-loris.p99", unit: "ms", better: .less, pairs)]
    }

    /// Memory after a million names that nobody has.
    private static func madeUpNames(_ bench: Bench) throws -> [Figure] {
        let folder = try bench.makeFolder()
        let node = try node(in: folder, bench, ["--series-max", String(seriesMax)])
        let connection = try HTTPConnection(port: node.port)
        var accepted = 0
        var refused = 0
        for start in stride(from: 0, to: namesCount, by: namesPerBody) {
            let lines = (start..<start + namesPerBody).map {
                #"{"device_id":"made-up-\#($0)","metrics":[{"type":"t","value":1}]}"#
            }
            let answer = try connection.ask(
                "POST", "/data", headers: [("Content-Type", "application/x-ndjson")],
                body: Array(lines.joined(separator: "\n").utf8))
            guard [202, 429, 503].contains(answer.status) else {
                throw HarnessError("\(answer.status): \(answer.text)")
            }
            if answer.status == 202 { accepted += 1 } else { refused += 1 }
        }
        let ledger = try node.waitForLedger(within: .seconds(300)) { $0.pending == 0 }
        Report.note("siege.names: \(ledger.accepted) readings of \(namesCount) names were taken")
        guard ledger.accepted <= seriesMax, refused > 0 else { throw HarnessError("the limit let \(ledger) in") }
        let known = try connection.ask(
            "POST", "/data", headers: [("Content-Type", "application/json")],
            body: Array(#"{"device_id":"made-up-1","metrics":[{"type":"t","value":2}]}"#.utf8))
        guard known.status == 202 else { throw HarnessError("a device that was known is refused: \(known.text)") }
        let megabytes = try MemoryFigures.residentMegabytes(node)
        _ = try node.process.terminate(within: .seconds(60))
        return [Figure("siege.names", unit: "MB", better: .less, [(megabytes, namesLimitMegabytes)])]
    }
}

/// Used by one thread at a time, as its maker sees to.
struct UnsafeShared<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) {
        self.value = value
    }
}
