import Foundation
import NodeHarness

/// What a node keeps in memory (VmRSS), at rest and after much work.
enum MemoryFigures {
    private static let idleLimitMegabytes = 60.0
    private static let busyLimitMegabytes = 250.0
    private static let restMilliseconds: Int32 = 3_000
    private static let manyReadings = 10_000_000
    private static let batchesPerRound = 500
    private static let connectionsCount = 4

    static func idle(_ bench: Bench) throws -> [Figure] {
        let folder = try bench.makeFolder()
        let node = try bench.startNode(in: folder)
        node.process.nap(restMilliseconds)
        let megabytes = try residentMegabytes(node)
        _ = try node.process.terminate(within: .seconds(10))
        return [Figure("memory.idle", unit: "MB", better: .less, [(megabytes, idleLimitMegabytes)])]
    }

    static func afterManyReadings(_ bench: Bench) throws -> [Figure] {
        let folder = try bench.makeFolder()
        let node = try bench.startNode(in: folder)
        let batches = manyReadings / Bodies.readingsPerBatch
        let bodies = Bodies(batches: batches)
        let sender = BatchSender(port: node.port, connectionsCount: connectionsCount)
        var peak = 0.0
        for start in stride(from: 0, to: batches, by: batchesPerRound) {
            let round = Array(start..<min(start + batchesPerRound, batches))
            let outcome = try sender.run(round, bytes: bodies.request)
            guard outcome.answers.count == round.count, outcome.answers.values.allSatisfy({ $0.status == 202 }) else {
                throw HarnessError("the node refused a batch: is there room on the disk?")
            }
            peak = max(peak, try residentMegabytes(node))
            Report.note("memory: \((start + round.count) * Bodies.readingsPerBatch) readings, \(Int(peak)) MB at most")
        }
        let ledger = try node.waitForLedger(within: .seconds(120)) { $0.pending == 0 }
        guard ledger.stored == manyReadings else { throw HarnessError("the ledger is \(ledger)") }
        let after = try residentMegabytes(node)
        _ = try node.process.terminate(within: .seconds(10))
        return [
            Figure("memory.after", unit: "MB", better: .less, [(after, busyLimitMegabytes)]),
            Figure("memory.peak", unit: "MB", better: .less, [(max(peak, after), busyLimitMegabytes)]),
        ]
    }

    static func residentMegabytes(_ node: NodeProcess) throws -> Double {
        let status = try String(contentsOfFile: "/proc/\(node.process.pid)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        guard
            let kibibytes = line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap({
                Double($0)
            })
        else { throw HarnessError("no VmRSS of process \(node.process.pid)") }
        return kibibytes * 1_024 / 1e6
    }
}
