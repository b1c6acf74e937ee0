import Foundation
import NodeHarness

/// What a node still takes, and how soon, while much more is offered than it can take.
enum OverloadFigures {
    private static let connections = 2_500
    /// More of them at once only wait for each other.
    private static let peakConnections = 256
    private static let requestsCount = 2_000
    private static let readingsPerRequest = 50
    private static let factor = 3.0
    private static let seconds = 60
    private static let limitMilliseconds = 1_000.0

    /// Three times of what it can take is offered for a minute: how much of its best it still takes, and how soon.
    static func measure(_ bench: Bench) throws -> [Figure] {
        let folder = try bench.makeFolder()
        let node = try SiegeFigures.node(in: folder, bench)
        let requests = (0..<requestsCount).map(request)
        // Its best over as long a time: clients that wait for each answer, as many as it can use.
        let most = try OpenLoad(port: node.port, connections: peakConnections, requests: requests)
            .run(rate: 100_000, seconds: seconds)
        let calm = try processorSeconds(of: node)
        let peak = Double(most.accepted) / Double(seconds)
        _ = try node.waitForLedger(within: .seconds(300)) { $0.pending == 0 }
        let before = try processorSeconds(of: node)
        let outcome = try OpenLoad(port: node.port, connections: connections, requests: requests).run(
            rate: peak * factor, seconds: seconds)
        let busy = try processorSeconds(of: node)
        let goodput = Double(outcome.accepted) / Double(seconds)
        Report.note(
            "overload: \(Int(peak)) requests/s at best; offered \(Int(peak * factor)): \(Int(goodput)) taken, "
                + "\(outcome.refused) refused, \(outcome.notOffered) found no connection, \(outcome.wrong) answered wrong; "
                + "p99 \(Int(outcome.p99)) ms, \(Int(try MemoryFigures.residentMegabytes(node))) MB; "
                + "the node's processor: \(calm) s for its best, \(busy - before) s in the overload")
        _ = try node.process.terminate(within: .seconds(120))
        return [
            Figure("overload.goodput", unit: "requests/s", better: .more, [(goodput, peak)]),
            Figure("overload.p99", unit: "ms", better: .less, [(outcome.p99, limitMilliseconds)]),
        ]
    }

    /// The client shares the machine: what it leaves to the node is told.
    private static func processorSeconds(of node: NodeProcess) throws -> Int {
        let stat = try String(contentsOfFile: "/proc/\(node.process.pid)/stat", encoding: .utf8)
        let words = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
        guard words.count > 13, let user = Int(words[12]), let system = Int(words[13]) else {
            throw HarnessError("/proc/…/stat: \(stat)")
        }
        return (user + system) / sysconf(Int32(_SC_CLK_TCK))
    }

    private static func request(_ number: Int) -> [UInt8] {
        var lines = ""
        for reading in 0..<readingsPerRequest {
            lines +=
                #"{"device_id":"load-\#((number * 50 + reading) % 2_000)","metrics":[{"type":"t","value":\#(number)}]}"#
            lines += "\n"
        }
        return HTTPConnection.request(
            "POST", "/data", headers: [("Content-Type", "application/x-ndjson")], body: Array(lines.utf8))
    }
}
