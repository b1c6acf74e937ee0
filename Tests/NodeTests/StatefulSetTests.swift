import Foundation
import NodeHarness
import ServerHarness
import Testing

extension NodeTests {
    /// What a StatefulSet does to its pods, without Kubernetes: each has an address of its own, the headless name stands for
    /// those that were started (ready or not), a pod that goes gets SIGTERM and the manifest's grace, and its volume waits
    /// for the next of its name, at another address.
    @Suite(
        .timeLimit(.minutes(10)),
        .disabled(if: NetworkNamespaces.obstacle != nil, "SKIPPED: \(NetworkNamespaces.obstacle ?? "")"))
    struct StatefulSetTests {
        private static let name = "starling-peers.starling.svc.cluster.local"
        /// Members and ring, after each step.
        private static let agreement = Duration.seconds(10)

        @Test(arguments: [[5, 2], [5, 1, 4]]) func itIsScaledUnderLoadAndNothingIsLost(_ sizes: [Int]) throws {
            let set = try PodSet(addresses: 12, name: Self.name)
            try set.scale(to: 1)
            let pump = Pump(Traffic(batches: 200_000, of: 200, devices: 300), readingsPerSecond: 4_000)
            set.pump = pump
            pump.turn(to: set.flock.running)
            pump.start()
            try pump.wait(forMoreBatches: 20)
            for size in sizes {
                try set.scale(to: size)
                try set.flock.waitUntilAllSee(alive: size, within: Self.agreement)
                try pump.wait(forMoreBatches: 40)
            }
            let sent = try pump.finish()
            let ledgers = try set.flock.settledLedgers()
            #expect(ledgers.allSatisfy { $0.isClosed && $0.orphaned == 0 && $0.damaged == 0 })
            // Everybody sees the whole fleet, nobody who left is dead.
            let views = set.flock.running.compactMap { try? FlockProcess.view(of: $0) }
            #expect(views.count == sizes.last)
            let states = Set(views.flatMap(\.members).map(\.status))
            #expect(states.isSubset(of: ["alive", "left"]), "\(states)")
            for index in set.flock.nodes.indices { _ = try set.flock.stop(index) }
            #expect(try Database(set.flock.places[0].database).keys() == pump.traffic.keys(of: sent))
        }
    }
}

/// Pods of one StatefulSet with `podManagementPolicy: Parallel`.
private final class PodSet {
    let flock: FlockProcess
    var pump: Pump?
    private let hosts: NetworkNamespaces
    private let names: NameServer
    private let name: String
    private let port: UInt16
    private let grace: Duration
    private var size = 0
    /// Addresses are given once: a pod that comes again has another one.
    private var addressesGiven = 0
    private var addresses: [Int: String] = [:]

    init(addresses count: Int, name: String) throws {
        hosts = try NetworkNamespaces(count)
        let server = hosts.places[count - 1]
        self.name = name
        names = try NameServer(at: server, name: name)
        try hosts.useNameServer(server.address)
        port = try LoopbackPort.freeForBoth()
        grace = .seconds(try Manifest.graceSeconds())
        flock = try FlockProcess(
            networks: Array(hosts.places.prefix(5)), folder: try TemporaryFolder(),
            moreArguments: ["--cluster-key", NodeTests.NetworkTests.key, "--insecure-open"])
    }

    func scale(to wanted: Int) throws {
        if wanted > size { try grow(to: wanted) } else { try shrink(to: wanted) }
        size = wanted
    }

    private func grow(to wanted: Int) throws {
        for index in size..<wanted {
            try flock.move(index, to: hosts.places[addressesGiven])
            addresses[index] = hosts.places[addressesGiven].address
            addressesGiven += 1
        }
        // Not ready yet, and already in the name: whoever starts finds the others who start.
        try names.publish(addresses.values.sorted())
        for index in size..<wanted { try flock.begin(index, gossipPort: port, joining: "\(name):\(port)") }
        for node in flock.running { guard try node.waitUntilReady() else { throw node.failure } }
        pump?.turn(to: flock.running)
    }

    /// The highest ordinals go, all at once; nobody sends to them any more, and their names are gone.
    private func shrink(to wanted: Int) throws {
        let going = wanted..<size
        pump?.turn(to: flock.nodes[0..<wanted].compactMap(\.self))
        for index in going { addresses[index] = nil }
        try names.publish(addresses.values.sorted())
        for index in going { flock.nodes[index]?.process.send(SIGTERM) }
        for index in going {
            let exit = try flock.stop(index, within: grace)
            #expect(exit == .code(0), "pod \(index) did not end by itself within its \(grace)")
        }
    }
}

/// What the manifest of the nodes promises a pod that is to end.
private enum Manifest {
    static func graceSeconds() throws -> Int {
        let root = #filePath.components(separatedBy: "/Tests/")[0]
        let text = try String(contentsOfFile: root + "/k8s/30-node.yaml", encoding: .utf8)
        guard let grace = number(after: "terminationGracePeriodSeconds: ", in: text),
            let preStop = number(after: "sleep: {seconds: ", in: text)
        else { throw HarnessError("k8s/30-node.yaml says no grace period or no preStop") }
        return grace - preStop
    }

    private static func number(after key: String, in text: String) -> Int? {
        text.components(separatedBy: key).dropFirst().first.flatMap { Int($0.prefix { $0.isNumber }) }
    }
}
