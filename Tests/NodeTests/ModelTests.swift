import Foundation
import NodeHarness
import Telemetry
import Testing

extension NodeTests {
    /// The registry of models, as people use it: on two nodes, by the commands.
    @Suite(.timeLimit(.minutes(5))) struct ModelTests {
        private static let devices = 4

        private struct Device: Decodable {
            struct Metric: Decodable {
                let type: String
                let model: String
                let result: String
            }

            let device_id: String
            let metrics: [Metric]
        }

        private struct Version: Decodable {
            let model: String
            let version: Int
            let active: Bool
        }

        /// Sends rounds of ordinary temperatures, one reading a device and round.
        private struct Sender {
            var round: Int64 = 0
            var generator = SeededGenerator(seed: 7)
            /// An hour ago: what a model in the shadow says of readings older than a day is not kept.
            let start = Int64(Date().timeIntervalSince1970 * 1_000_000) - 3_600_000_000

            mutating func send(_ rounds: Int, to node: NodeProcess) throws {
                var lines = ""
                for _ in 0..<rounds {
                    round += 1
                    let time = Instant(microseconds: start + round * 1_000_000)
                    for device in 0..<devices {
                        let noise = (0..<4).reduce(-2) { sum, _ in sum + generator.drawUnit() }
                        lines += """
                            {"device_id":"d\(device)","timestamp":"\(time)","metrics":\
                            [{"type":"temperature","value":\(500 + Double(device) + noise)}]}\n
                            """
                    }
                }
                let answer = try HTTPConnection(port: node.port).ask(
                    "POST", "/data", headers: [("Content-Type", "application/x-ndjson")], body: Array(lines.utf8))
                #expect(answer.status == 202)
            }
        }

        private func run(_ arguments: [String], on node: NodeProcess) throws -> ChildProcess.Result {
            try ChildProcess.run(
                try Programs.starling(), arguments + ["--url", "http://127.0.0.1:\(node.port)"])
        }

        private func wait(_ what: String, on node: NodeProcess, _ isWanted: () throws -> Bool) throws {
            let deadline = Deadline(in: .seconds(60))
            while try !isWanted() {
                guard !deadline.isPast else {
                    throw HarnessError("after a minute not \(what)\n\(node.log.suffix(2_000))")
                }
                node.process.nap(50)
            }
        }

        /// What scored the newest reading of every device, as any node tells it.
        private func models(_ node: NodeProcess) throws -> Set<String> {
            let devices = try JSONDecoder().decode([Device].self, from: Data(node.get("/latest?all=true").body))
            return Set(devices.flatMap { $0.metrics.map(\.model) })
        }

        private func waitUntilScoredBy(
            _ model: String, _ sender: inout Sender, _ flock: FlockProcess
        ) throws {
            let deadline = Deadline(in: .seconds(60))
            while true {
                try sender.send(1, to: flock.running[0])
                let seen = try models(flock.running[1])
                if seen == [model] { return }
                guard !deadline.isPast else { throw HarnessError("after a minute \(seen), not \(model)") }
                flock.running[0].process.nap(100)
            }
        }

        @Test func versionsAreTrainedActivatedAndRolledBackByAnyNode() throws {
            let folder = try TemporaryFolder()
            let flock = try FlockProcess(2, folder: folder)
            try flock.startAll()
            let (first, second) = (flock.running[0], flock.running[1])
            var sender = Sender()
            try sender.send(300, to: first)
            try waitUntilScoredBy("temperature@1", &sender, flock)
            _ = try flock.settledLedgers()

            let trained = try run(["train", "--type", "temperature", "--from", "store", "--activate"], on: second)
            #expect(trained.exit == .code(0), "\(trained.errors)")
            #expect(trained.output.contains("temperature@2") && trained.output.contains("serves"), "\(trained.output)")
            try waitUntilScoredBy("temperature@2", &sender, flock)

            let back = try run(["models", "rollback", "temperature"], on: first)
            #expect(back.output == "temperature@1 is active again.\n", "\(back.errors)")
            try waitUntilScoredBy("temperature@1", &sender, flock)
            let again = try run(["models", "rollback", "temperature"], on: first)
            #expect(again.exit == .code(1) && again.errors.contains("no older version"), "\(again.errors)")

            // In the shadow: it scores, and nothing is scored by it.
            let shadow = try run(["models", "shadow", "temperature", "2"], on: second)
            #expect(shadow.output == "temperature@2 is in the shadow.\n", "\(shadow.errors)")
            try wait("scores of the shadow", on: second) {
                try sender.send(1, to: first)
                return try second.get("/models/temperature/shadow").text.contains("temperature@2")
            }
            #expect(try models(second) == ["temperature@1"])

            try importedForest(&sender, flock)

            // It is what serves after a crash, too.
            flock.kill(0)
            try flock.start([0])
            try flock.waitUntilAllSee(alive: 2)
            try waitUntilScoredBy("temperature@3", &sender, flock)
            let table = try run(["models", "show", "temperature"], on: flock.running[0])
            let lines = table.output.split(separator: "\n").map {
                $0.split(separator: " ").prefix(2).joined(separator: " ")
            }
            #expect(lines == ["MODEL SERVES", "temperature@3 active", "temperature@2 shadow", "temperature@1 -"])
        }

        /// A forest of scikit-learn over other values than these: it would call everything an anomaly, so it serves only
        /// once somebody says so.
        private func importedForest(_ sender: inout Sender, _ flock: FlockProcess) throws {
            let parity = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "ModelFormatsTests/Parity/d1.json")
            let (first, second) = (flock.running[0], flock.running[1])
            let imported = try run(["models", "import", "temperature", parity.path, "--activate"], on: first)
            #expect(imported.exit == .code(1) && imported.errors.contains("starling models activate temperature 3"))
            #expect(imported.output.contains("temperature@3") && imported.output.contains("does not serve yet"))
            #expect(imported.output.contains("too many to serve by itself"), "\(imported.output)")
            try sender.send(1, to: first)
            #expect(try models(second) == ["temperature@1"])
            let activated = try run(["models", "activate", "temperature", "3"], on: second)
            #expect(activated.output == "temperature@3 is active.\n", "\(activated.errors)")
            try waitUntilScoredBy("temperature@3", &sender, flock)
            // They are told from the store, where readings come a moment after `/latest` has them.
            try wait("episodes with its reason", on: second) {
                try second.get("/anomalies?type=temperature&limit=1000").text
                    .contains("unlike the values that its model was trained on")
            }
        }

        @Test func aModelIsTrainedFromAFile() throws {
            let folder = try TemporaryFolder()
            let node = try NodeProcess.ready(at: try NodeTests.place(in: folder))
            var generator = SeededGenerator(seed: 3)
            let rows = (0..<600).map { row in
                "\(Instant(microseconds: 1_704_067_200_000_000 + Int64(row) * 60_000_000)),\(5 + generator.drawUnit())"
            }
            let file = try folder.write("timestamp,value\n" + rows.joined(separator: "\n") + "\n", to: "history.csv")
            let trained = try run(["train", "--type", "pressure", "--from", file, "--activate"], on: node)
            #expect(trained.exit == .code(0), "\(trained.errors)")
            #expect(trained.output.contains("pressure@1, trained on 450 readings, serves"), "\(trained.output)")
            // Its first reading is scored: nothing is left to learn.
            let body = #"{"device_id":"p","metrics":[{"type":"pressure","value":5.5}]}"#
            try wait("a reading scored by it", on: node) {
                let posted = try HTTPConnection(port: node.port).ask(
                    "POST", "/data", headers: [("Content-Type", "application/json")], body: Array(body.utf8))
                #expect(posted.status == 202)
                return try models(node) == ["pressure@1"]
            }
            let list = try run(["models", "list", "--json"], on: node)
            let versions = try JSONDecoder().decode([Version].self, from: Data(list.output.utf8))
            #expect(versions.map(\.model) == ["pressure@1"] && versions[0].active)
            try NodeTests.stop(node)
        }

        @Test func mistakesAreNamed() throws {
            let folder = try TemporaryFolder()
            let node = try NodeProcess.ready(at: try NodeTests.place(in: folder))
            let short = try folder.write("timestamp,value\n2024-01-01T00:00:00Z,1\n", to: "short.csv")
            let bad = try folder.write("timestamp,value\n2024-01-01T00:00:00Z,x\n", to: "bad.csv")
            let table: [([String], String)] = [
                (["train", "--type", "t", "--from", "store"], "no reading of this type was ever stored"),
                (["train", "--type", "t", "--from", "/no/such.csv"], "/no/such.csv"),
                (["train", "--type", "t", "--from", short], "too few"),
                (["train", "--type", "t", "--from", bad], "bad.csv, line 2"),
                (["models", "show", "t"], "no such model"), (["models", "activate", "t", "4"], "no version 4"),
                (["models", "rollback", "t"], "no older version"), (["models", "import", "t", short], "not JSON"),
                (["models", "shadow", "t", "--end"], "no model of this type is in the shadow"),
            ]
            for (arguments, word) in table {
                let result = try run(arguments, on: node)
                #expect(result.exit == .code(1) && result.errors.contains(word), "\(arguments): \(result.errors)")
            }
            let empty = try run(["models", "list"], on: node)
            #expect(empty.exit == .code(0) && empty.output.contains("No models yet"))
            try NodeTests.stop(node)
            let gone = try run(["models", "list"], on: node)
            #expect(gone.exit == .code(1) && gone.errors.contains("starling node"))
        }
    }
}
