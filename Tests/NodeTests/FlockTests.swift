import Foundation
import NodeHarness
import Telemetry
import Testing

extension NodeTests {
    /// Several nodes on one machine: what the flock promises when nodes come, go and die.
    @Suite(.timeLimit(.minutes(5))) struct FlockTests {
        /// Sends batches to the running nodes in turn and notes which were answered; what was not is sent again later.
        struct Load {
            let traffic: Traffic
            var accepted: Set<Int> = []
            var next = 0

            init(_ traffic: Traffic) {
                self.traffic = traffic
            }

            /// The next `count` batches, over all nodes that run.
            mutating func send(_ count: Int, to flock: FlockProcess) throws {
                let batches = Array(next..<min(next + count, traffic.batchesCount))
                next += batches.count
                try send(batches, to: flock)
            }

            private mutating func send(_ batches: [Int], to flock: FlockProcess) throws {
                let nodes = flock.running
                guard !nodes.isEmpty else { return }
                for (turn, node) in nodes.enumerated() {
                    let share = batches.enumerated().filter { $0.offset % nodes.count == turn }.map(\.element)
                    let outcome = try? BatchSender(port: node.port, at: node.place.network, connectionsCount: 2).run(
                        share, bytes: traffic.request)
                    for (batch, answer) in outcome?.answers ?? [:] where answer.status == 202 { accepted.insert(batch) }
                }
            }

            /// Until every batch so far was answered.
            mutating func sendRest(to flock: FlockProcess) throws {
                let deadline = Deadline(in: .seconds(60))
                while true {
                    let rest = (0..<next).filter { !accepted.contains($0) }
                    if rest.isEmpty { return }
                    guard !deadline.isPast else { throw HarnessError("batches \(rest) are not accepted") }
                    try send(rest, to: flock)
                }
            }
        }

        /// Stops all and compares the store with what was sent.
        static func expectEverythingOnce(_ load: Load, in flock: FlockProcess) throws {
            let ledgers = try flock.settledLedgers()
            #expect(ledgers.allSatisfy { $0.isClosed })
            #expect(ledgers.allSatisfy { $0.orphaned == 0 && $0.damaged == 0 && $0.discarded == 0 })
            for index in flock.nodes.indices { _ = try flock.stop(index) }
            #expect(
                try Database(flock.places[0].database).keys() == load.traffic.keys(of: Array(0..<load.next)))
        }

        @Test func everyNodeTakesReadingsAndShowsTheWholeFleet() throws {
            let folder = try TemporaryFolder()
            let flock = try FlockProcess(3, folder: folder)
            try flock.startAll()
            var load = Load(Traffic(batches: 30, of: 200, devices: 60))
            try load.send(30, to: flock)
            #expect(load.accepted.count == 30)
            _ = try flock.settledLedgers()
            for node in flock.running {
                let latest = try JSONDecoder().decode([Device].self, from: Data(node.get("/latest?all=true").body))
                #expect(latest.count == 60 && latest.map(\.device_id) == latest.map(\.device_id).sorted())
                let view = try FlockProcess.view(of: node, all: true)
                #expect(view.ledger_all?.stored == 6_000 && view.ledger_all?.pending == 0)
                #expect(view.members.map(\.name) == ["n0", "n1", "n2"])
                #expect(view.members.map(\.ring_share).reduce(0, +) > 0.999)
                #expect(view.members.map(\.devices).reduce(0, +) == 60, "every device has one owner")
                #expect(view.members.allSatisfy { $0.devices > 5 })
            }
            try Self.expectEverythingOnce(load, in: flock)
        }

        /// What an owner knows does not fit into one message: it is asked page by page.
        @Test func aLargeFleetIsShownWhole() throws {
            let name = String(repeating: "a-long-name-of-a-device-", count: 4)
            let folder = try TemporaryFolder()
            let flock = try FlockProcess(3, folder: folder)
            try flock.startAll()
            var load = Load(Traffic(batches: 45, of: 1_000, devices: 45_000, named: name))
            try load.send(45, to: flock)
            try load.sendRest(to: flock)
            _ = try flock.settledLedgers()
            for node in flock.running {
                for (query, count) in [("/latest?all=true", 45_000), ("/latest?all=true&limit=40000", 40_000)] {
                    let latest = try Self.latest(query, counting: count, of: node)
                    #expect(zip(latest, latest.dropFirst()).allSatisfy { $0.device_id < $1.device_id })
                }
            }
        }

        /// A peer that is too busy to answer in time is left out, or what the store knows of it is shown.
        private static func latest(_ path: String, counting count: Int, of node: NodeProcess) throws -> [Device] {
            let deadline = Deadline(in: .seconds(120))
            while true {
                let answer = try node.get(path)
                let latest = try JSONDecoder().decode([Device].self, from: Data(answer.body))
                if answer.headers["x-starling-partial"] == nil, latest.count == count { return latest }
                guard !deadline.isPast else { throw HarnessError("\(path): \(latest.count), \(answer.headers)") }
            }
        }

        struct Device: Decodable { let device_id: String }

        @Test(arguments: [1, 2, 3] as [UInt64])
        func nodesComeLeaveAndDieUnderLoadAndNothingIsLostOrDoubled(seed: UInt64) throws {
            var random = SeededGenerator(seed: seed)
            let folder = try TemporaryFolder()
            let flock = try FlockProcess(4, folder: folder)
            try flock.start([0, 1, 2])
            try flock.waitUntilAllSee(alive: 3)
            var load = Load(Traffic(batches: 200, of: 100, devices: 50))
            try load.send(20, to: flock)
            try flock.start([3])
            try load.send(20, to: flock)
            let leaver = random.draw(below: 4)
            #expect(try flock.stop(leaver) == .code(0))
            try load.send(40, to: flock)
            let victim = (leaver + 1 + random.draw(below: 3)) % 4
            flock.kill(victim)
            try load.send(40, to: flock)
            try flock.start([victim])
            try load.send(40, to: flock)
            try flock.start([leaver])
            try load.send(40, to: flock)
            try load.sendRest(to: flock)
            try flock.waitUntilAllSee(alive: 4)
            try Self.expectEverythingOnce(load, in: flock)
        }

        @Test func aNodeThatIsKilledAndStartedAtOnceIsNoticedAndServesAgain() throws {
            let folder = try TemporaryFolder()
            let flock = try FlockProcess(3, folder: folder)
            try flock.startAll()
            let before = try #require(
                try FlockProcess.view(of: flock.running[0]).members.first { $0.name == "n2" }?.incarnation)
            flock.kill(2)
            try flock.start([2])
            try flock.wait("a later life of n2 on one ring", within: .seconds(20)) { views in
                Set(views.map(\.ring.digest)).count == 1
                    && views.allSatisfy { view in
                        view.alive.count == 3 && view.members.contains { $0.name == "n2" && $0.incarnation > before }
                    }
            }
            var load = Load(Traffic(batches: 12, of: 100, devices: 60))
            try load.send(12, to: flock)
            try load.sendRest(to: flock)
            try Self.expectEverythingOnce(load, in: flock)
        }

        @Test func aKilledNodesShareIsServedByTheOthers() throws {
            let folder = try TemporaryFolder()
            let flock = try FlockProcess(3, folder: folder)
            try flock.startAll()
            var load = Load(Traffic(batches: 12, of: 100, devices: 60))
            try load.send(6, to: flock)
            _ = try flock.settledLedgers()
            flock.kill(1)
            try flock.wait("n1 dead, its slots with the others", within: .seconds(20)) { views in
                views.allSatisfy { $0.alive == ["n0", "n2"] } && Set(views.map(\.ring.digest)).count == 1
            }
            try load.send(6, to: flock)
            try load.sendRest(to: flock)
            _ = try flock.settledLedgers()
            for node in flock.running {
                let latest = try JSONDecoder().decode([Device].self, from: Data(node.get("/latest?all=true").body))
                #expect(latest.count == 60)
            }
            // What it had not stored is in its log: it comes back with it.
            try flock.start([1])
            try flock.waitUntilAllSee(alive: 3)
            try Self.expectEverythingOnce(load, in: flock)
        }

        @Test func aDeletedDeviceIsGoneOnAllNodes() throws {
            let folder = try TemporaryFolder()
            let flock = try FlockProcess(3, folder: folder)
            try flock.startAll()
            var load = Load(Traffic(batches: 6, of: 100, devices: 20))
            try load.send(6, to: flock)
            _ = try flock.settledLedgers()
            for (index, node) in flock.running.enumerated() {
                let answer = try HTTPConnection(port: node.port).ask("DELETE", "/devices/device-\(index)")
                #expect(answer.status == 204)
                for other in flock.running {
                    #expect(try !other.get("/latest?all=true").text.contains("\"device-\(index)\""))
                    #expect(try other.get("/devices/device-\(index)").status == 404)
                }
            }
            for index in flock.nodes.indices { _ = try flock.stop(index) }
        }
    }
}
