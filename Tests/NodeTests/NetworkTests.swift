import Foundation
import NodeHarness
import ServerHarness
import Telemetry
import Testing

extension NodeTests {
    /// Real processes on hosts of their own, with a network between them that fails: whatever it does, accepted = stored.
    @Suite(
        .timeLimit(.minutes(10)),
        .disabled(if: NetworkNamespaces.obstacle != nil, "SKIPPED: \(NetworkNamespaces.obstacle ?? "")"))
    struct NetworkTests {
        /// 32 bytes, as `openssl rand -base64 32` prints them: beyond loopback gossip and peers are sealed.
        static let key = "c3RhcmxpbmctdGVzdC1rZXktb2YtMzItYnl0ZXMhISE="

        static func flock(
            _ hosts: NetworkNamespaces, _ folder: TemporaryFolder, count: Int
        ) throws -> FlockProcess {
            try FlockProcess(
                networks: Array(hosts.places.prefix(count)), folder: folder,
                moreArguments: ["--cluster-key", key, "--insecure-open"])
        }

        enum Trouble: String, CaseIterable {
            /// n0 hears nobody; all hear it.
            case deaf
            /// Nobody hears n0; it hears all.
            case mute
            case split
            /// Every host loses a tenth of what it sends.
            case lossy
        }

        @Test(arguments: Trouble.allCases) func whateverTheNetworkDoesAcceptedIsStored(_ trouble: Trouble) throws {
            let hosts = try NetworkNamespaces(3)
            let folder = try TemporaryFolder()
            let flock = try Self.flock(hosts, folder, count: 3)
            try flock.startAll()
            var load = FlockTests.Load(Traffic(batches: 120, of: 100, devices: 50))
            try load.send(30, to: flock)
            switch trouble {
            case .deaf: for other in 1...2 { try hosts.cut(from: other, to: 0) }
            case .mute: for other in 1...2 { try hosts.cut(from: 0, to: other) }
            case .split: try hosts.split([0], [1, 2])
            case .lossy: for index in 0..<3 { try hosts.lose(0.1, from: index) }
            }
            try load.send(30, to: flock)
            if trouble != .lossy {
                try flock.wait("n0 is gone for the others", within: .seconds(30)) { views in
                    views.allSatisfy { $0.node == "n0" || !$0.alive.contains("n0") }
                }
            }
            try load.send(30, to: flock)
            try hosts.heal()
            try flock.waitUntilAllSee(alive: 3, within: .seconds(30))
            try load.send(30, to: flock)
            try load.sendRest(to: flock)
            try FlockTests.expectEverythingOnce(load, in: flock)
        }

        @Test func aNodeThatIsKilledComesBackAtAnotherAddress() throws {
            let hosts = try NetworkNamespaces(4)
            let folder = try TemporaryFolder()
            let flock = try Self.flock(hosts, folder, count: 3)
            try flock.startAll()
            var load = FlockTests.Load(Traffic(batches: 90, of: 100, devices: 50))
            try load.send(30, to: flock)
            flock.kill(2)
            try load.send(30, to: flock)
            try flock.move(2, to: hosts.places[3])
            try flock.start([2])
            try flock.wait("n2 at its new address", within: .seconds(30)) { views in
                views.allSatisfy { view in
                    view.alive.count == 3
                        && view.members.contains { $0.name == "n2" && $0.address.hasPrefix(hosts.places[3].address) }
                }
            }
            try load.send(30, to: flock)
            try load.sendRest(to: flock)
            try FlockTests.expectEverythingOnce(load, in: flock)
        }

        /// Nobody tells them where others find them.
        @Test(arguments: ["0.0.0.0", "[::]"]) func nodesThatListenEverywhereAreFoundAtTheirMachines(_ any: String)
            throws
        {
            let hosts = try NetworkNamespaces(3)
            let folder = try TemporaryFolder()
            let port = try LoopbackPort.freeForBoth()
            let flock = try FlockProcess(
                networks: hosts.places, folder: folder,
                moreArguments: ["--cluster-key", Self.key, "--insecure-open", "--gossip", "\(any):\(port)"])
            let all = hosts.places.map { "\($0.address):\(port)" }
            for index in 0..<3 { try flock.begin(index, gossipPort: port, joining: all.joined(separator: ",")) }
            for node in flock.running { guard try node.waitUntilReady() else { throw node.failure } }
            try flock.wait("members at their machines' addresses", within: .seconds(60)) { views in
                views.allSatisfy { view in
                    view.alive.count == 3 && view.members.map(\.address).sorted() == all.sorted()
                }
            }
            #expect(flock.running[0].log.contains("find this one at \(all[0]) (eth0)"))
        }

        @Test func nodesFindEachOtherByOneName() throws {
            let hosts = try NetworkNamespaces(4)
            let folder = try TemporaryFolder()
            let flock = try Self.flock(hosts, folder, count: 3)
            let port = try LoopbackPort.freeForBoth()
            let server = hosts.places[3]
            let dns = try NameServer(at: server, name: "flock.test")
            try dns.publish(hosts.places.prefix(3).map(\.address))
            try hosts.useNameServer(server.address)
            try withExtendedLifetime(dns) {
                for index in 0..<3 { try flock.begin(index, gossipPort: port, joining: "flock.test:\(port)") }
                for node in flock.running { guard try node.waitUntilReady() else { throw node.failure } }
                try flock.waitUntilAllSee(alive: 3, within: .seconds(60))
            }
        }
    }
}
