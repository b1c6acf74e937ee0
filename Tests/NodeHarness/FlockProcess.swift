import Foundation

/// The nodes of one flock as real processes: one store, a folder each, gossip ports that stay with their node.
package final class FlockProcess {
    package let folder: TemporaryFolder
    package private(set) var places: [NodeProcess.Place] = []
    /// Nil while it does not run.
    package private(set) var nodes: [NodeProcess?] = []

    private static let napMilliseconds: Int32 = 20

    /// - Parameter networks: where the nodes run; their number is the number of nodes.
    package init(
        networks: [NetworkPlace], folder: TemporaryFolder, binary: String? = nil, moreArguments: [String] = []
    ) throws {
        self.folder = folder
        let binary = try binary ?? Programs.starling()
        for (index, network) in networks.enumerated() {
            try FileManager.default.createDirectory(
                atPath: folder.file("n\(index)"), withIntermediateDirectories: true)
            var place = NodeProcess.Place(binary: binary, folder: folder.file("n\(index)"))
            place.database = folder.file("starling.db")
            place.name = "n\(index)"
            place.network = network
            place.gossipPort = try LoopbackPort.freeForBoth()
            place.moreArguments = moreArguments
            places.append(place)
            nodes.append(nil)
        }
    }

    package convenience init(
        _ count: Int, folder: TemporaryFolder, binary: String? = nil, moreArguments: [String] = []
    ) throws {
        try self.init(
            networks: Array(repeating: .loopback, count: count), folder: folder, binary: binary,
            moreArguments: moreArguments)
    }

    package var running: [NodeProcess] { nodes.compactMap(\.self) }

    private func address(_ index: Int) -> String { "\(places[index].network.address):\(places[index].gossipPort ?? 0)" }

    /// The next start of this node differs so from the last.
    package func configure(_ index: Int, _ change: (inout NodeProcess.Place) throws -> Void) rethrows {
        try change(&places[index])
    }

    /// The next start of this node is at another address.
    package func move(_ index: Int, to network: NetworkPlace) throws {
        places[index].network = network
        places[index].gossipPort = try LoopbackPort.freeForBoth()
    }

    /// One more node that was not there before.
    package func add(network: NetworkPlace = .loopback) throws -> Int {
        var place = places[0]
        let index = places.count
        try FileManager.default.createDirectory(atPath: folder.file("n\(index)"), withIntermediateDirectories: true)
        place.dataFolder = folder.file("n\(index)/data")
        place.logFile = folder.file("n\(index)/node.log")
        place.name = "n\(index)"
        place.network = network
        place.gossipPort = try LoopbackPort.freeForBoth()
        places.append(place)
        nodes.append(nil)
        return index
    }

    /// The next start of this node is over another store: that of another flock.
    package func useStore(_ database: String, at index: Int) { places[index].database = database }

    /// The next start of this node is of another program: another version of it.
    package func useBinary(_ binary: String, at index: Int) { places[index].binary = binary }

    /// Every next start is over this store: `postgres://…`.
    package func useAddress(_ store: String) {
        for index in places.indices { places[index].store = store }
    }

    /// Every next start has this keeper of the pruner's lease: `redis://…`.
    package func useLease(_ address: String) {
        for index in places.indices { places[index].lease = address }
    }

    /// The next start of this node goes another way to the store, or to the lease's keeper.
    package func useWay(at index: Int, store: String? = nil, lease: String? = nil) {
        if let store { places[index].store = store }
        if let lease { places[index].lease = lease }
    }

    /// Starts a node without waiting for it.
    /// - Parameter known: whose addresses it is told; nil is those of all others.
    package func begin(_ index: Int, knowing known: [Int]? = nil) throws {
        var place = places[index]
        let others = (known ?? places.indices.filter { $0 != index }).map(address)
        if !others.isEmpty { place.moreArguments += ["--join", others.joined(separator: ",")] }
        nodes[index] = try NodeProcess(at: place)
    }

    /// Starts a node at a port that is the same on every host, and tells it one name for all.
    package func begin(_ index: Int, gossipPort: UInt16, joining name: String) throws {
        places[index].gossipPort = gossipPort
        var place = places[index]
        place.moreArguments += ["--join", name]
        nodes[index] = try NodeProcess(at: place)
    }

    /// Starts nodes and waits until each is ready.
    package func start(_ indices: some Sequence<Int>) throws {
        let indices = Array(indices)
        for index in indices { try begin(index) }
        for index in indices {
            guard let node = nodes[index] else { continue }
            guard try node.waitUntilReady() else { throw node.failure }
        }
    }

    /// Starts all and waits until each sees all, or so many.
    package func startAll(seeing count: Int? = nil) throws {
        try start(places.indices)
        if let count {
            try wait("\(count) alive") { $0.allSatisfy { $0.alive.count == count } }
        } else {
            try waitUntilAllSee(alive: places.count)
        }
    }

    package func kill(_ index: Int) {
        nodes[index]?.process.kill()
        nodes[index] = nil
    }

    package func stop(_ index: Int, within limit: Duration = .seconds(20)) throws -> ChildProcess.Exit? {
        defer { nodes[index] = nil }
        return try nodes[index]?.process.terminate(within: limit)
    }

    // MARK: Asking

    package struct View: Decodable, Sendable {
        package struct Member: Decodable, Sendable {
            package let name: String
            package let address: String
            package let status: String
            package let incarnation: UInt64
            package let ring_share: Double
            package let devices: Int
        }

        package struct Ring: Decodable, Sendable {
            package let slots: Int
            package let digest: String
        }

        package let node: String
        package let members: [Member]
        package let ring: Ring
        package let ledger: NodeLedger
        package let ledger_all: NodeLedger?

        package var alive: [String] { members.filter { $0.status == "alive" }.map(\.name) }
    }

    package static func view(of node: NodeProcess, all: Bool = false) throws -> View {
        let answer = try node.get(all ? "/cluster?scope=all" : "/cluster")
        guard answer.status == 200 else { throw HarnessError("/cluster answered \(answer.status): \(answer.text)") }
        return try JSONDecoder().decode(View.self, from: Data(answer.body))
    }

    /// Asks all running nodes until `isWanted` holds for what they say.
    @discardableResult
    package func wait(
        _ what: String, within limit: Duration = .seconds(60), _ isWanted: ([View]) -> Bool
    ) throws -> [View] {
        let deadline = Deadline(in: limit)
        while true {
            let views = running.compactMap { try? Self.view(of: $0) }
            if views.count == running.count, isWanted(views) { return views }
            guard !deadline.isPast else {
                let seen = views.map { "\($0.node): \($0.members.map { "\($0.name) \($0.status)" }) \($0.ring.digest)" }
                throw HarnessError("after \(limit) not \(what): \(seen.joined(separator: "; "))")
            }
            running.first?.process.nap(Self.napMilliseconds)
        }
    }

    /// All running nodes hold that just so many are alive, and agree on the ring.
    package func waitUntilAllSee(alive count: Int, within limit: Duration = .seconds(60)) throws {
        try wait("\(count) alive on one ring", within: limit) { views in
            views.allSatisfy { $0.alive.count == count } && Set(views.map(\.ring.digest)).count == 1
        }
    }

    /// Sum of what the running nodes' own ledgers say, once nothing is pending.
    package func settledLedgers(within limit: Duration = .seconds(120)) throws -> [NodeLedger] {
        try wait("nothing pending", within: limit) { $0.allSatisfy { $0.ledger.pending == 0 } }.map(\.ledger)
    }
}
