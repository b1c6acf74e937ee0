import Foundation
import NodeHarness
import Testing

extension NodeTests {
    /// Devices that fall silent, over the embedded store: who goes, who stays, and who decides.
    @Suite(.timeLimit(.minutes(6))) struct GhostTests {
        private static let quick = ["--prune-every", "1s", "--inactive-after", "2s", "--delete-after", "4s"]

        private struct Fleet {
            let folder: TemporaryFolder
            let flock: FlockProcess
            let devices: Feeder

            init(_ nodes: Int, devices count: Int, _ arguments: [String]) throws {
                folder = try TemporaryFolder()
                flock = try FlockProcess(nodes, folder: folder, moreArguments: arguments)
                devices = Feeder(count)
                try flock.startAll()
                devices.ports = flock.running.map(\.port)
                devices.begin()
                try wait("all devices are there") { try flock.running[0].devices().count == count }
            }

            var node: NodeProcess { flock.running[0] }

            func wait(_ what: String, within limit: Duration = .seconds(60), _ isWanted: () throws -> Bool) throws {
                let deadline = Deadline(in: limit)
                while try !isWanted() {
                    guard !deadline.isPast else {
                        throw HarnessError("after \(limit) not: \(what)\n\(node.log.suffix(2_000))")
                    }
                    flock.running.first?.process.nap(20)
                }
            }

            func runs(_ count: Int) throws {
                for _ in 0..<count {
                    let before = try node.pruner().last_run
                    try wait("another run") { try node.pruner().last_run != before }
                }
            }

            func state(of device: String) throws -> String? {
                try node.devices().first { $0.device_id == device }?.state
            }

            var database: String { flock.places[0].database }
        }

        @Test func aGhostIsHiddenAndDeletedAndWhoSpeaksComesBack() throws {
            let fleet = try Fleet(
                3, devices: 20, ["--prune-every", "1s", "--inactive-after", "2s", "--delete-after", "12s"])
            defer { fleet.devices.end() }
            fleet.devices.silence([3, 4])
            try fleet.wait("d3 is hidden") { try fleet.state(of: "d3") == "hidden" }
            try fleet.wait("d4 is hidden") { try fleet.state(of: "d4") == "hidden" }
            for node in fleet.flock.running {
                #expect(!(try node.get("/latest").text.contains(#""d3""#)))
                #expect(try node.get("/latest?all=true").text.contains(#""d3""#))
            }
            // By a person, and by itself.
            #expect(try fleet.node.post("/devices/d3/restore").status == 200)
            #expect(try fleet.state(of: "d3") == "active")
            for node in fleet.flock.running { #expect(try node.get("/latest").text.contains(#""d3""#)) }
            fleet.devices.wake([4])
            try fleet.wait("d4 is back") { try fleet.state(of: "d4") == "active" }
            try fleet.wait("d3 is deleted") { try fleet.state(of: "d3") == nil }
            // The owner learns of it by the tombstone, a moment after the store.
            for node in fleet.flock.running {
                try fleet.wait("d3 is gone from \(node.place.name)") {
                    !(try node.get("/latest?all=true").text.contains(#""d3""#))
                }
                #expect(try node.get("/devices/d3").status == 404)
            }
            #expect(try fleet.node.devices().count == 19)
            let audit = try fleet.node.audit().filter { $0.device_id == "d3" }.reversed()
            #expect(audit.map(\.decision) == ["hide", "restore", "hide", "delete"])
            #expect(audit.allSatisfy { $0.decision == "restore" || $0.fencing_token != nil })
            // Welcome again, as a new device.
            fleet.devices.wake([3])
            try fleet.wait("d3 is new") { try fleet.state(of: "d3") == "active" }
        }

        @Test func aFleetThatFallsSilentTogetherWaitsForAPerson() throws {
            let fleet = try Fleet(2, devices: 10, Self.quick)
            defer { fleet.devices.end() }
            try fleet.runs(3)
            fleet.devices.silence(0..<6)
            try fleet.wait("it waits") {
                try fleet.node.pruner().last_result?.hasPrefix("waits: more than half") == true
            }
            try fleet.runs(8)
            #expect(try fleet.node.devices().count == 10)
            #expect(try fleet.node.audit().filter { $0.decision == "wait" }.count <= 2)
            let program = fleet.flock.places[0].binary
            let url = "http://127.0.0.1:\(fleet.node.port)"
            let plan = try ChildProcess.run(program, ["prune", "--dry-run", "--url", url])
            #expect(plan.exit == .code(0) && plan.output.contains("It waits:  more than half"), "\(plan.output)")
            #expect(plan.output.contains("To approve: 6 devices are gone"), "\(plan.output)")
            #expect(plan.output.contains("Leader:    n"), "\(plan.output)")
            let approval = try ChildProcess.run(program, ["prune", "--approve", "--url", url])
            #expect(approval.exit == .code(0) && approval.output.hasPrefix("Approved: more than half"))
            try fleet.wait("six are deleted") { try fleet.node.devices().count == 4 }
            #expect(try fleet.node.audit().contains { $0.decision == "approve" && $0.fencing_token == nil })
        }

        /// The case that wiped the first prototype's fleet. Stopped for as long as `STARLING_OUTAGE_SECONDS` says, or, by
        /// default, with the store's times moved back as if it were so.
        @Test func anOutageOfAllNodesDeletesNothing() throws {
            let fleet = try Fleet(2, devices: 20, ["--delete-after", "60s", "--prune-every", "1s"])
            defer { fleet.devices.end() }
            try fleet.runs(3)
            for index in fleet.flock.nodes.indices { _ = try fleet.flock.stop(index) }
            let seconds = ProcessInfo.processInfo.environment["STARLING_OUTAGE_SECONDS"].flatMap(Int.init)
            if let seconds {
                let deadline = Deadline(in: .seconds(seconds))
                var nothing = pollfd(fd: -1, events: 0, revents: 0)
                while !deadline.isPast { poll(&nothing, 1, 100) }
            } else {
                let past = 300_000_000
                try Database(fleet.database).execute(
                    """
                    UPDATE devices SET last_heard = last_heard - \(past), first_seen = first_seen - \(past);
                    UPDATE latest SET time = time - \(past), last_heard = last_heard - \(past);
                    UPDATE readings SET time = time - \(past);
                    UPDATE ticks SET through = through - \(past);
                    UPDATE jobs SET last_run = last_run - \(past);
                    """)
            }
            try fleet.flock.startAll()
            fleet.devices.ports = []
            // The devices themselves are late to notice.
            try fleet.runs(8)
            #expect(try fleet.node.devices().count == 20)
            fleet.devices.ports = fleet.flock.running.map(\.port)
            try fleet.wait("all are heard") { try fleet.node.get("/latest").text.ranges(of: "device_id").count == 20 }
            try fleet.runs(5)
            let devices = try fleet.node.devices()
            #expect(devices.count == 20 && devices.allSatisfy { $0.state == "active" })
            #expect(try fleet.node.audit().allSatisfy { $0.decision == "wait" })
        }

        @Test func oneOfAThousandIsReallyGone() throws {
            let fleet = try Fleet(2, devices: 1_000, Self.quick)
            defer { fleet.devices.end() }
            let kept = fleet.folder.file("kept")
            fleet.devices.silence([7])
            try fleet.wait("d7 is hidden") { try fleet.state(of: "d7") == "hidden" }
            for index in fleet.flock.nodes.indices { fleet.flock.kill(index) }
            // A disk as it was before the deletion.
            try FileManager.default.copyItem(atPath: fleet.flock.places[0].dataFolder, toPath: kept)
            try fleet.flock.startAll()
            fleet.devices.ports = fleet.flock.running.map(\.port)
            try fleet.wait("d7 is deleted", within: .seconds(90)) { try fleet.state(of: "d7") == nil }
            try expectGone(fleet)
            for round in 0..<2 {
                for index in fleet.flock.nodes.indices { fleet.flock.kill(index) }
                if round == 1 {
                    try FileManager.default.removeItem(atPath: fleet.flock.places[0].dataFolder)
                    try FileManager.default.moveItem(atPath: kept, toPath: fleet.flock.places[0].dataFolder)
                }
                try fleet.flock.startAll()
                fleet.devices.ports = fleet.flock.running.map(\.port)
                let sent = fleet.devices.sent
                try fleet.wait("the others go on") { fleet.devices.sent > sent + 2_000 }
                try expectGone(fleet)
            }
            #expect(try fleet.node.devices().count == 999)
        }

        private func expectGone(_ fleet: Fleet) throws {
            for node in fleet.flock.running {
                #expect(!(try node.get("/latest?all=true").text.contains(#""d7""#)))
                #expect(try node.get("/devices/d7").status == 404)
                #expect(try node.get("/history?device_id=d7&type=t").status == 404)
            }
            let database = try Database(fleet.database)
            #expect(try database.int("SELECT COUNT(*) FROM devices WHERE name = 'd7'") == 0)
            #expect(try database.int("SELECT COUNT(*) FROM tombstones WHERE device = 'd7'") == 1)
            for (table, column) in [("latest", "series"), ("readings", "series"), ("silences", "series")] {
                let orphans = "SELECT COUNT(*) FROM \(table) WHERE \(column) NOT IN (SELECT id FROM series)"
                try fleet.wait("no row of it in \(table)") { try database.int(orphans) == 0 }
            }
            #expect(try database.int("SELECT COUNT(*) FROM series WHERE device NOT IN (SELECT id FROM devices)") == 0)
        }
    }
}
