import Foundation
import NodeHarness
import Testing

/// The files of a node's SQLite store, while nobody has them open.
struct StoreFiles {
    let database: String

    /// SQLite's own: what else lies beside them (the turns to write) belongs to nobody's data.
    private var endings: [String] { ["", "-wal", "-shm"] }

    func remove() throws {
        for ending in endings where FileManager.default.fileExists(atPath: database + ending) {
            try FileManager.default.removeItem(atPath: database + ending)
        }
    }

    func copy(to other: StoreFiles) throws {
        try other.remove()
        for ending in endings where FileManager.default.fileExists(atPath: database + ending) {
            try FileManager.default.copyItem(atPath: database + ending, toPath: other.database + ending)
        }
    }
}

/// How a node ends.
enum NodeEnd: CaseIterable, Sendable {
    case stopped, killed

    func end(_ node: NodeProcess) throws {
        switch self {
        case .stopped: try NodeTests.stop(node)
        case .killed:
            node.process.kill()
            #expect(node.process.exit == .signal(9))
        }
    }
}

extension NodeTests {
    /// Sends batches over a few connections; every one must be accepted.
    static func post(_ traffic: Traffic, _ batches: Range<Int>, to node: NodeProcess) throws {
        let outcome = try BatchSender(port: node.port, connectionsCount: 4).run(
            Array(batches), bytes: traffic.request)
        #expect(outcome.answers.count == batches.count && outcome.answers.values.allSatisfy { $0.status == 202 })
    }

    /// Has batches accepted while somebody else holds the store, so that none of them is stored, and ends the node.
    static func postUnstored(
        _ traffic: Traffic, _ batches: Range<Int>, to node: NodeProcess, then end: NodeEnd
    ) throws {
        let holder = try Database(node.place.database)
        try holder.execute("BEGIN IMMEDIATE")
        try post(traffic, batches, to: node)
        #expect(try node.ledger().pending == batches.count * traffic.readingsPerBatch)
        try end.end(node)
        try holder.execute("ROLLBACK")
    }

    /// Waits until a node has stored all that it accepted.
    @discardableResult
    static func settled(_ node: NodeProcess) throws -> NodeLedger {
        let ledger = try node.waitForLedger { $0.pending == 0 }
        #expect(ledger.isClosed, "\(ledger)")
        return ledger
    }
}
