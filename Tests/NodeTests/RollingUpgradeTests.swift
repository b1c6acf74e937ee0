import Foundation
import NodeHarness
import Testing

extension NodeTests {
    /// A flock is exchanged node by node under load. `STARLING_FORMER_BINARY` names a program of an earlier version, to go
    /// from that to this one and back; without it every node is exchanged for its like.
    @Suite(.timeLimit(.minutes(10))) struct RollingUpgradeTests {
        /// A node that leaves says so: the others need no time to detect it. A node that is killed is detected within this.
        private static let detection = Duration.seconds(5)

        private static var former: String? {
            ProcessInfo.processInfo.environment["STARLING_FORMER_BINARY"].flatMap { $0.isEmpty ? nil : $0 }
        }

        enum Way: String, CaseIterable { case forth, back }

        @Test(arguments: Way.allCases) func nodeByNodeNothingIsLostAndEverythingIsSeen(_ way: Way) throws {
            let this = try Programs.starling()
            let versions = way == .forth ? (Self.former ?? this, this) : (this, Self.former ?? this)
            let folder = try TemporaryFolder()
            let flock = try FlockProcess(3, folder: folder)
            for index in 0..<3 { flock.useBinary(versions.0, at: index) }
            try flock.startAll()
            let pump = Pump(Traffic(batches: 200_000, of: 100, devices: 200), readingsPerSecond: 2_000)
            pump.turn(to: flock.running)
            pump.start()
            try pump.wait(forMoreBatches: 30)
            var longest = Duration.zero
            for index in 0..<3 {
                pump.turn(to: flock.running.filter { $0.place.name != "n\(index)" })
                #expect(try flock.stop(index) == .code(0))
                longest = max(longest, try Self.partialTime(of: flock, until: pump, moreBatches: 20))
                flock.useBinary(versions.1, at: index)
                try flock.start([index])
                pump.turn(to: flock.running)
                try flock.waitUntilAllSee(alive: 3)
                longest = max(longest, try Self.partialTime(of: flock, until: pump, moreBatches: 20))
            }
            #expect(longest < Self.detection, "some of the fleet was missing for \(longest)")
            print("rolling \(way): /latest was partial for \(longest) at most")
            let sent = try pump.finish()
            let ledgers = try flock.settledLedgers()
            #expect(ledgers.allSatisfy { $0.isClosed && $0.orphaned == 0 && $0.damaged == 0 })
            for node in flock.running {
                #expect(try node.get("/latest?all=true").text.components(separatedBy: #""device_id""#).count == 201)
            }
            for index in 0..<3 { _ = try flock.stop(index) }
            #expect(try Database(flock.places[0].database).keys() == pump.traffic.keys(of: sent))
        }

        /// The longest stretch in which a node did not have an answer of all, while the load goes on.
        private static func partialTime(
            of flock: FlockProcess, until pump: Pump, moreBatches count: Int
        ) throws -> Duration {
            let clock = ContinuousClock()
            var began: [String: ContinuousClock.Instant] = [:]
            var longest = Duration.zero
            let wanted = pump.acceptedCount + count
            let deadline = Deadline(in: .seconds(60))
            while pump.acceptedCount < wanted || !began.isEmpty {
                try #require(!deadline.isPast, "still partial: \(began.keys.sorted()), or the load stands still")
                for node in flock.running {
                    let name = node.place.name
                    let isWhole = try node.get("/latest?limit=1").headers["x-starling-partial"] == nil
                    let now = clock.now
                    if let start = began[name] { longest = max(longest, now - start) }
                    began[name] = isWhole ? nil : (began[name] ?? now)
                }
            }
            return longest
        }
    }
}
