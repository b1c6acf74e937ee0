import Foundation
import NodeHarness
import Synchronization

/// The way of a reading in a flock beside the same in one node: batches of 1,000 readings over HTTP, to three nodes of this
/// machine in turns, until all ledgers say that everything is stored. Two of three readings are judged on another node.
enum FlockFigures {
    static let nodesCount = 3
    private static let connectionsPerNode = 2
    private static let limit = Duration.seconds(120)

    static func measure(_ bench: Bench) throws -> [Figure] {
        let batches = bench.readings / Bodies.readingsPerBatch
        let bodies = Bodies(batches: batches)
        let requests = (0..<batches).map(bodies.request)
        let pairs = try bench.pairs("flock") {
            try readingsPerSecond(storing: requests, nodes: nodesCount, bench)
        } peer: {
            try readingsPerSecond(storing: requests, nodes: 1, bench)
        }
        return [Figure("flock.batch", unit: "readings/s", better: .more, pairs)]
    }

    private static func readingsPerSecond(storing requests: [[UInt8]], nodes: Int, _ bench: Bench) throws -> Double {
        let total = requests.count * Bodies.readingsPerBatch
        let folder = try bench.makeFolder()
        let flock = try FlockProcess(nodes, folder: folder, binary: try bench.starling())
        try flock.startAll()
        let ports = flock.running.map(\.port)
        let connections = connectionsPerNode * nodesCount / nodes
        let seconds = try Stopwatch.seconds {
            try send(requests, to: ports, connections)
            let ledgers = try flock.settledLedgers(within: limit)
            let stored = ledgers.reduce(0) { $0 + $1.stored }
            guard stored == total else { throw HarnessError("\(total) readings were sent, \(stored) are stored") }
        }
        for index in flock.nodes.indices { _ = try flock.stop(index) }
        return Double(total) / seconds
    }

    private static func send(_ requests: [[UInt8]], to ports: [UInt16], _ connections: Int) throws {
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: ports.count) { index in
            let share = requests.indices.filter { $0 % ports.count == index }
            do {
                let outcome = try BatchSender(port: ports[index], connectionsCount: connections).run(share) {
                    requests[$0]
                }
                let refused = outcome.answers.values.first { $0.status != 202 }
                guard outcome.answers.count == share.count, refused == nil else {
                    throw HarnessError("\(outcome.answers.count) of \(share.count) answered; \(refused?.text ?? "")")
                }
            } catch {
                failures.withLock { $0.append("\(error)") }
            }
        }
        if let failure = failures.withLock({ $0.first }) { throw HarnessError("batches were not taken: \(failure)") }
    }
}
