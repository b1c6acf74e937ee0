import Foundation

/// A real `starling node`, with a folder of its own and free ports.
package final class NodeProcess {
    /// Where it lives; the same for every start of the same node.
    package struct Place: Sendable {
        package var binary: String
        package var dataFolder: String
        package var database: String
        /// Another store than the file `database`; may hold a password.
        package var store: String?
        /// Another keeper of the pruner's lease than a file beside `database`; may hold a password.
        package var lease: String?
        package var logFile: String
        package var moreArguments: [String]
        package var name = "n0"
        /// Nil is a free one at every start.
        package var gossipPort: UInt16?
        /// Nil is a free one at every start.
        package var httpPort: UInt16?
        /// Beside what a node gets anyway.
        package var environment: [String: String] = [:]
        /// Where it runs.
        package var network = NetworkPlace.loopback

        package init(binary: String, folder: String, moreArguments: [String] = []) {
            self.binary = binary
            dataFolder = folder + "/data"
            database = folder + "/starling.db"
            logFile = folder + "/node.log"
            self.moreArguments = moreArguments
        }
    }

    package static let readyLimit = Duration.seconds(60)
    private static let startsCountMax = 3
    private static let napMilliseconds: Int32 = 10

    package let place: Place
    package let port: UInt16
    package let process: ChildProcess

    /// Starts a node without waiting for it.
    package init(at place: Place) throws {
        self.place = place
        port = try place.httpPort ?? LoopbackPort.free()
        let host = place.network.address
        let command =
            place.network.prefix + [
                place.binary, "node", "--name", place.name, "--http", "\(host):\(port)",
                "--gossip", "\(host):\(try place.gossipPort ?? LoopbackPort.freeForBoth())",
                "--data-dir", place.dataFolder, "--log-format", "json",
            ] + place.moreArguments
        // Not as flags: an address may hold a password, and others read the command line.
        let environment = [
            "STARLING_STORE": place.store ?? "sqlite:\(place.database)",
            "STARLING_LEASE": place.lease ?? "file:\(place.database).lease",
        ]
        process = try ChildProcess(
            command[0], Array(command.dropFirst()), output: place.logFile,
            environment: Programs.plainEnvironment().merging(environment) { $1 }.merging(place.environment) { $1 })
    }

    /// Starts a node and waits until it is ready; again on another port if somebody took this one meanwhile.
    package static func ready(at place: Place) throws -> NodeProcess {
        for _ in 1..<startsCountMax {
            let node = try NodeProcess(at: place)
            if try node.waitUntilReady() { return node }
            guard node.log.contains("cannot listen on \(place.network.address):\(node.port)") else {
                throw node.failure
            }
        }
        let node = try NodeProcess(at: place)
        guard try node.waitUntilReady() else { throw node.failure }
        return node
    }

    package var failure: HarnessError {
        HarnessError("the node ended at its start: \(process.exit.map { "\($0)" } ?? "?")\n\(log.suffix(2_000))")
    }

    /// - Returns: false if the node ended instead.
    package func waitUntilReady() throws -> Bool {
        let deadline = Deadline(in: Self.readyLimit)
        while !deadline.isPast {
            if let answer = try? get("/readyz"), answer.status == 200 { return true }
            process.nap(Self.napMilliseconds)
            if !process.isRunning { return false }
        }
        throw HarnessError("the node is not ready after \(Self.readyLimit)\n\(log.suffix(2_000))")
    }

    // MARK: Asking

    package func get(_ path: String) throws -> HTTPConnection.Answer {
        try HTTPConnection(port: port, at: place.network).ask("GET", path)
    }

    package func ledger() throws -> NodeLedger {
        let answer = try get("/cluster")
        guard answer.status == 200 else { throw HarnessError("/cluster answered \(answer.status): \(answer.text)") }
        struct View: Decodable { let ledger: NodeLedger }
        return try JSONDecoder().decode(View.self, from: Data(answer.body)).ledger
    }

    /// Asks for the ledger until it is as wanted.
    package func waitForLedger(
        within limit: Duration = .seconds(60), _ isWanted: (NodeLedger) -> Bool
    ) throws -> NodeLedger {
        let deadline = Deadline(in: limit)
        while true {
            let ledger = try ledger()
            if isWanted(ledger) { return ledger }
            guard !deadline.isPast else { throw HarnessError("after \(limit) the ledger is \(ledger)") }
            process.nap(Self.napMilliseconds)
        }
    }

    /// What the node wrote to its log, this start and those before.
    package var log: String {
        FileManager.default.contents(atPath: place.logFile).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// A sample of `/metrics` without labels; nil if there is none.
    package func metric(_ name: String) throws -> Double? {
        try get("/metrics").text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
            .flatMap { Double($0.dropFirst(name.count + 1)) }
    }
}

/// Where every accepted reading went, as `/cluster` says.
package struct NodeLedger: Decodable, Hashable, Sendable {
    package let accepted: Int
    package let stored: Int
    package let pending: Int
    package let duplicates: Int
    package let discarded: Int
    package let damaged: Int
    package let orphaned: Int
    package let rejected: Int

    /// The invariant of the architecture: nothing is ever unaccounted for.
    package var isClosed: Bool { accepted == stored + pending + duplicates + discarded + damaged }
}
