import ClusterKeys
import Foundation
import GossipTransport
import Logging
import Membership

/// Nodes in one process, each with a UDP socket of its own on loopback.
final class RealFlock {
    enum Failure: Error, CustomStringConvertible {
        case badKey
        case notConverged(String)

        var description: String {
            switch self {
            case .badKey: "the key made for this run is none"
            case .notConverged(let what): "\(what): the flock did not come to rest; nothing more can be measured in it"
            }
        }
    }

    private struct Place {
        let node: RealNode
        let task: Task<Void, Never>
    }

    /// How often is looked whether all know: the figures are this much too large at most.
    static let look = Duration.milliseconds(10)
    /// Beyond it a flock that should be whole again is given up.
    static let restLimit = 60.0

    let network = RealNetwork()
    private let keys: KeyRing
    private let logger = Logger(label: "cluster") { _ in SwiftLogNoOpLogHandler() }
    private var places: [String: Place] = [:]
    private var startsCount: UInt64 = 0
    let names: [String]

    init(_ count: Int) throws {
        names = (0..<count).map { "n\($0)" }
        let key = Data((0..<KeyRing.keyBytes).map { _ in UInt8.random(in: .min ... .max) }).base64EncodedString()
        guard let keys = KeyRing(base64: [key]) else { throw Failure.badKey }
        self.keys = keys
    }

    /// Those that run, in the order of their names.
    var nodes: [RealNode] { names.compactMap { places[$0]?.node } }

    func node(_ name: String) -> RealNode? { places[name]?.node }

    // MARK: Coming and going

    /// Binds all sockets before the first node speaks, as if all machines were up.
    func start(_ starting: [String], seeds given: [MemberAddress]? = nil) async throws {
        var made: [(RealNode, Bool)] = []
        var seeds = given ?? nodes.prefix(2).map(\.address)
        for name in starting {
            let transport = GossipTransport(.init(host: "127.0.0.1", port: 0), keys: keys, logger: logger)
            let address = try await transport.start()
            startsCount += 1
            let isFirst = seeds.isEmpty
            let node = RealNode(
                name: name, address: address, transport: transport, seeds: seeds, seed: startsCount, network: network)
            if isFirst { seeds = [address] }
            made.append((node, isFirst))
        }
        for (node, _) in made {
            places[node.name] = Place(node: node, task: Task(name: node.name) { await node.run() })
        }
    }

    /// Gone without a word.
    func kill(_ names: [String]) async {
        let gone = names.compactMap { places.removeValue(forKey: $0) }
        for place in gone {
            place.task.cancel()
            await place.node.transport.close()
        }
        for place in gone { await place.task.value }
    }

    func stop() async { await kill(names) }

    // MARK: Waiting

    /// - Returns: the seconds until it was so; nil if it was not within the limit.
    func seconds(
        since start: ContinuousClock.Instant, limit: Double, until isDone: ([RealNode]) -> Bool
    ) async -> Double? {
        let nodes = nodes
        while true {
            if isDone(nodes) { return Stopwatch.seconds(since: start) }
            guard Stopwatch.seconds(since: start) < limit else { return nil }
            try? await Task.sleep(for: Self.look)
        }
    }

    /// One table, and all in it.
    static func isWhole(_ nodes: [RealNode]) -> Bool {
        guard let digest = nodes.first?.look(\.digest) else { return true }
        return nodes.allSatisfy { $0.look { $0.presentCount == nodes.count && $0.digest == digest } }
    }

    /// Whole for a while, so that the end of one run is not the beginning of the next.
    func rest(_ pause: Duration = .seconds(2)) async throws {
        guard await seconds(since: .now, limit: Self.restLimit, until: Self.isWhole) != nil else {
            throw Failure.notConverged(state())
        }
        try? await Task.sleep(for: pause)
        guard await seconds(since: .now, limit: Self.restLimit, until: Self.isWhole) != nil else {
            throw Failure.notConverged(state())
        }
    }

    func state() -> String {
        let views = nodes.map(\.view)
        let present = Set(views.map(\.presentCount)).sorted()
        return "\(nodes.count) nodes see \(present) members in \(Set(views.map(\.digest)).count) tables"
    }

    /// What the cores noticed, for the reader of odd figures.
    func remarks() -> String {
        let counts = nodes.compactMap { $0.look(\.counts) }
        func sum(_ path: KeyPath<MembershipCore.Counts, Int>) -> Int { counts.map { $0[keyPath: path] }.reduce(0, +) }
        let refused = nodes.map { $0.transport.counts.refused.values.reduce(0, +) }.reduce(0, +)
        let dropped = nodes.map { $0.transport.counts.messagesDropped }.reduce(0, +)
        return "suspicions \(sum(\.suspicions)), refutations \(sum(\.refutations)), standstills \(sum(\.standstills)), "
            + "malformed \(sum(\.malformed)), refused datagrams \(refused), dropped messages \(dropped)"
    }
}
