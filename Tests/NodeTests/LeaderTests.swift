import Foundation
import NodeHarness
import ServerHarness
import Testing

extension NodeTests {
    /// Who leads the pruner, over a real Redis server and a real PostgreSQL, whatever is killed or stands still.
    @Suite(.timeLimit(.minutes(8)), .enabled(if: PrunedFlock.program, .init(rawValue: PrunedFlock.advice)))
    struct LeaderTests {
        /// At the default TTL of 3 s. Every wait is measured against the promise by its median: one may be a machine that
        /// is busy with something else.
        static let electionLimit = 4.0
        static let handOverLimit = 0.5

        private static func median(_ seconds: [Double]) -> Double { seconds.sorted()[seconds.count / 2] }

        private static func measure(_ body: () throws -> Void) rethrows -> Double {
            let start = ContinuousClock.now
            try body()
            return (ContinuousClock.now - start) / .seconds(1)
        }

        /// Ten leaders killed, each started again; then five stopped.
        @Test func anotherLeadsWithinFourSecondsAndEveryPeriodHasOneRun() throws {
            let period = 2.0
            let pruned = try PrunedFlock(5, ["--prune-every", "2s", "--inactive-after", "5s"])
            try pruned.start()
            var leader = try pruned.leader()
            var runs = RunWatch(pruned)
            var waits: [Double] = []
            for _ in 0..<10 {
                let index = pruned.index(leader.name)
                let (name, token) = leader
                pruned.flock.kill(index)
                waits.append(
                    try Self.measure {
                        leader = try pruned.leader {
                            runs.note($0) && $0.leader != name && $0.fencing_token ?? 0 > token
                        }
                    })
                try pruned.flock.start([index])
            }
            #expect(Self.median(waits) <= Self.electionLimit, "\(waits)")
            var handOvers: [Double] = []
            for _ in 0..<5 {
                let index = pruned.index(leader.name)
                let (name, token) = leader
                let node = try #require(pruned.flock.nodes[index])
                let others = pruned.flock.running.filter { $0 !== node }
                node.process.send(SIGTERM)
                handOvers.append(
                    try Self.measure {
                        leader = try pruned.leader(among: others) {
                            runs.note($0) && $0.leader != name && $0.fencing_token ?? 0 > token
                        }
                    })
                _ = try pruned.flock.stop(index)
                try pruned.flock.start([index])
            }
            #expect(Self.median(handOvers) <= Self.handOverLimit, "\(handOvers)")
            // Never two in a period, and none left out but for as long as nobody led.
            let pauses = runs.pauses
            #expect(pauses.count > 10)
            #expect(pauses.allSatisfy { $0 >= period - 0.001 }, "\(pauses)")
            #expect(Self.median(pauses) < 2 * period, "\(pauses)")
            #expect(try pruned.tokensInOrder() == pruned.tokensInOrder().sorted())
            // Every node tells the same.
            let seen = try Set(pruned.flock.running.map { try $0.pruner().leader })
            #expect(seen == [leader.name])
            print("a new leader after \(waits.sorted()), after a leave \(handOvers.sorted())")
        }

        /// Redis is killed, comes back empty, stands still for longer than a lease: nobody acts meanwhile, everything else
        /// goes on, and it is told once.
        @Test func aKeeperThatFailsStopsThePrunerAndNothingElse() throws {
            let pruned = try PrunedFlock(3, ["--prune-every", "1s", "--inactive-after", "3s"])
            try pruned.start()
            let first = try pruned.leader()
            pruned.redis.kill()
            try pruned.wait("nobody leads") {
                try pruned.flock.running.allSatisfy { try $0.pruner().leader == nil }
            }
            let (before, lastRun) = (pruned.devices.sent, try pruned.flock.running[0].pruner().last_run)
            try pruned.wait("devices go on") { pruned.devices.sent > before + 100 }
            for node in pruned.flock.running {
                #expect(try node.get("/readyz").status == 200)
                #expect(try node.get("/latest").text.ranges(of: "device_id").count == 20)
                #expect(try node.pruner().last_run == lastRun)
            }
            try pruned.redis.start()
            let second = try pruned.leader { $0.fencing_token ?? 0 > first.token }
            pruned.redis.pause()
            try pruned.wait("nobody leads") {
                try pruned.flock.running.allSatisfy { try $0.pruner().leader == nil }
            }
            pruned.redis.resume()
            let third = try pruned.leader { $0.fencing_token ?? 0 > second.token }
            #expect(third.token > second.token)
            // Emptied under a leader that goes on: its next renewal finds it out.
            pruned.redis.kill()
            try pruned.redis.start()
            _ = try pruned.leader { $0.fencing_token ?? 0 > third.token }
            for node in pruned.flock.running {
                let told = node.log.ranges(of: "the keeper of the pruner's lease does not answer").count
                #expect((1...3).contains(told), "\(told) lines for three failures")
            }
        }

        /// What runs began, as nodes tell it.
        private struct RunWatch {
            private let pruned: PrunedFlock
            private var times: Set<Double> = []

            init(_ pruned: PrunedFlock) { self.pruned = pruned }

            /// - Returns: true, for conditions.
            mutating func note(_ seen: NodeProcess.Pruner) -> Bool {
                if let text = seen.last_run, let time = Self.seconds(text) { times.insert(time) }
                return true
            }

            var pauses: [Double] {
                let sorted = times.sorted()
                return zip(sorted.dropFirst(), sorted).map { $0 - $1 }
            }

            private static func seconds(_ text: String) -> Double? {
                let strategy = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
                return (try? strategy.parse(text))?.timeIntervalSince1970
            }
        }
    }
}
