import Foundation
import NodeHarness
import Testing

extension NodeTests {
    /// A node as a stranger, a device, a reader and its keeper meet it.
    @Suite(.timeLimit(.minutes(5))) struct SecurityTests {
        private static let reading = #"{"device_id":"device-1","metrics":[{"type":"t","value":1}]}"#
        private static let json = ("Content-Type", "application/json")

        private static func key(_ key: String) -> (String, String) { ("Authorization", "Bearer \(key)") }

        private static func run(
            _ arguments: [String], _ environment: [String: String] = [:]
        ) throws -> ChildProcess.Result {
            try ChildProcess.run(
                try Programs.starling(), arguments,
                environment: Programs.plainEnvironment().merging(environment) { $1 })
        }

        private static func made(_ arguments: [String]) throws -> (key: String, line: String) {
            let result = try run(["keys", "new"] + arguments)
            try #require(result.exit == .code(0), "\(result)")
            let words = result.output.split(separator: "\n").map { String($0.split(separator: " ").last ?? "") }
            return try #require(words.count == 2 ? (words[0], words[1]) : nil, "\(result.output)")
        }

        /// Keys that the program made, in a file, on a node that every other machine could reach.
        @Test func aNodeWithKeysLetsInWhomItKnows() throws {
            let folder = try TemporaryFolder()
            let reader = try Self.made(["--scope", "read"])
            let sender = try Self.made(["--scope", "ingest", "--devices", "device-1*"])
            let boss = try Self.made(["--scope", "admin"])
            let file = try folder.write([reader, sender, boss].map(\.line).joined(separator: "\n"), to: "keys")
            var place = NodeProcess.Place(binary: try Programs.starling(), folder: folder.path)
            place.environment["STARLING_API_KEYS_FILE"] = file
            let node = try NodeProcess.ready(at: place)
            // Each on a connection of its own: whoever is refused with a body on its way is closed on.
            func ask(_ method: String, _ path: String, _ key: String? = nil) throws -> HTTPConnection.Answer {
                try HTTPConnection(port: node.port).ask(method, path, headers: key.map { [Self.key($0)] } ?? [])
            }
            func post(_ key: String, _ body: String) throws -> Int {
                try HTTPConnection(port: node.port).ask(
                    "POST", "/data", headers: [Self.json, Self.key(key)], body: Array(body.utf8)
                ).status
            }
            for path in ["/", "/latest", "/cluster", "/metrics", "/openapi.json", "/stream", "/nothing"] {
                #expect(try ask("GET", path).status == 401, "\(path)")
            }
            #expect(try ask("GET", "/health").status == 200)
            #expect(try post(sender.key, Self.reading) == 202)
            #expect(try post(sender.key, Self.reading.replacing("device-1", with: "device-2")) == 403)
            #expect(try post(reader.key, Self.reading) == 403)
            #expect(try post("starling_no-such-key", Self.reading) == 401)
            #expect(try ask("GET", "/latest", reader.key).text.contains("device-1"))
            #expect(try ask("DELETE", "/devices/device-1", reader.key).status == 403)
            try Self.commandsShowTheirKeys(node, reader: reader.key, sender: sender.key)
            #expect(!node.log.contains(reader.key) && !node.log.contains(boss.key), "no key is ever logged")

            // Revoked, and another one let in, while it runs.
            let other = try Self.made(["--scope", "read"])
            _ = try folder.write([sender, boss, other].map(\.line).joined(separator: "\n"), to: "keys")
            let deadline = Deadline(in: .seconds(30))
            while try HTTPConnection(port: node.port).ask("GET", "/latest", headers: [Self.key(reader.key)]).status
                != 401
            {
                try #require(!deadline.isPast, "the key is still good")
            }
            #expect(
                try HTTPConnection(port: node.port).ask("GET", "/latest", headers: [Self.key(other.key)]).status == 200)
            #expect(try node.process.terminate(within: .seconds(20)) == .code(0))
        }

        private static func commandsShowTheirKeys(_ node: NodeProcess, reader: String, sender: String) throws {
            let url = "http://127.0.0.1:\(node.port)"
            #expect(try run(["health", "--url", url]).exit == .code(0))
            let stranger = try run(["cluster", "--url", url])
            #expect(stranger.exit == .code(1) && stranger.errors.contains("STARLING_API_KEY"), "\(stranger)")
            #expect(try run(["cluster", "--url", url], ["STARLING_API_KEY": reader]).exit == .code(0))
            let simulate = ["simulate", "device-17", "--server", url, "--count", "2", "--interval", "0.01"]
            let sent = try run(simulate, ["STARLING_API_KEY": sender])
            #expect(sent.exit == .code(0) && sent.output.contains("4"), "\(sent)")
            let latest = try HTTPConnection(port: node.port).ask("GET", "/latest", headers: [key(reader)])
            #expect(latest.text.contains("device-17"))
        }

        @Test func aKeyIsMadeForWhatWasSaid() throws {
            #expect(try Self.made(["--scope", "ingest+read"]).line.hasPrefix("ingest+read:sha256:"))
            for wrong in [
                ["--scope", "write"], ["--scope", "read", "--devices", "a"], ["--scope", "ingest", "--devices", "a,b"],
            ] {
                #expect(try Self.run(["keys", "new"] + wrong).exit == .code(64), "\(wrong)")
            }
        }

        // MARK: TLS

        /// A certificate for this machine, as `openssl` makes it.
        private static func certificate(_ name: String, in folder: TemporaryFolder) throws -> (
            chain: String, key: String
        ) {
            let (chain, key) = (folder.file("\(name).pem"), folder.file("\(name)-key.pem"))
            let openssl = try #require(Programs.find("openssl"), "apt-get install openssl")
            let result = try ChildProcess.run(
                openssl,
                [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=\(name)", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", chain,
                ])
            try #require(result.exit == .code(0), "\(result)")
            return (chain, key)
        }

        private static func curl(_ arguments: [String]) throws -> ChildProcess.Result {
            let curl = try #require(Programs.find("curl"), "apt-get install curl")
            return try ChildProcess.run(curl, ["--silent", "--show-error", "--max-time", "20"] + arguments)
        }

        @Test func httpsWithACertificateThatIsReplaced() throws {
            let folder = try TemporaryFolder()
            let first = try Self.certificate("first", in: folder)
            let second = try Self.certificate("second", in: folder)
            let used = (chain: folder.file("used.pem"), key: folder.file("used-key.pem"))
            func use(_ certificate: (chain: String, key: String)) throws {
                for (from, to) in [(certificate.key, used.key), (certificate.chain, used.chain)] {
                    try Data(contentsOf: URL(fileURLWithPath: from)).write(
                        to: URL(fileURLWithPath: to), options: .atomic)
                }
            }
            try use(first)
            let place = NodeProcess.Place(
                binary: try Programs.starling(), folder: folder.path,
                moreArguments: ["--tls-cert", used.chain, "--tls-key", used.key])
            let node = try NodeProcess(at: place)
            let url = "https://127.0.0.1:\(node.port)"
            let deadline = Deadline(in: NodeProcess.readyLimit)
            while try Self.run(["health", "--url", url]).exit != .code(0) {
                try #require(!deadline.isPast && node.process.isRunning, "\(node.failure)")
            }
            #expect(try Self.curl(["--cacert", first.chain, url + "/health"]).output.contains("healthy"))
            #expect(try Self.curl(["--tls-max", "1.1", "--cacert", first.chain, url + "/health"]).exit != .code(0))
            #expect(try Self.curl(["http://127.0.0.1:\(node.port)/health"]).exit != .code(0), "nothing in clear text")
            let simulate = ["simulate", "device-1", "--server", url, "--count", "2", "--interval", "0.01"]
            #expect(try Self.run(simulate, ["STARLING_CA_FILE": first.chain]).exit == .code(0))
            let posted = try Self.curl([
                "--cacert", first.chain, "-H", "Content-Type: application/json", "-d", Self.reading, url + "/data",
            ])
            #expect(posted.output.contains("\"accepted\":1"), "\(posted)")

            // A connection that is open stays; new ones see the new certificate; one that fits no key changes nothing.
            try use((second.chain, first.key))
            try use(second)
            let changed = Deadline(in: .seconds(60))
            while try !Self.curl(["--cacert", second.chain, url + "/health"]).output.contains("healthy") {
                try #require(!changed.isPast, "\(node.log.suffix(1_000))")
            }
            try Data("no certificate".utf8).write(to: URL(fileURLWithPath: used.chain), options: .atomic)
            let told = Deadline(in: .seconds(60))
            while !node.log.contains("the old one stays") {
                try #require(!told.isPast, "\(node.log.suffix(1_000))")
                node.process.nap(50)
            }
            #expect(try Self.curl(["--cacert", second.chain, url + "/health"]).output.contains("healthy"))
            #expect(try node.process.terminate(within: .seconds(20)) == .code(0))
        }

        @Test func aCertificateThatCannotBeUsedStopsTheStart() throws {
            let folder = try TemporaryFolder()
            let (first, second) = (try Self.certificate("a", in: folder), try Self.certificate("b", in: folder))
            for (chain, key, words) in [
                ("/nowhere", first.key, "--tls-cert: cannot read /nowhere"),
                (first.key, first.key, "holds no certificate"), (first.chain, first.chain, "holds no key"),
                (first.chain, second.key, "is not that of the certificate"),
            ] {
                let result = try Self.run(["node", "--check", "--tls-cert", chain, "--tls-key", key])
                #expect(result.exit == .code(1) && result.errors.contains(words), "\(result.errors)")
            }
        }

        // MARK: The key of the flock

        /// New behind old everywhere, then before it, then alone: node by node, under load, without a gap.
        @Test func theFlocksKeyIsReplacedWhileItRuns() throws {
            let old = "c3RhcmxpbmctdGVzdC1rZXktb2YtMzItYnl0ZXMhISE="
            let new = "YW5vdGhlci1zdGFybGluZy10ZXN0LWtleS0zMmJ5dGU="
            let folder = try TemporaryFolder()
            let flock = try FlockProcess(3, folder: folder, moreArguments: ["--cluster-key", old])
            try flock.startAll()
            let pump = Pump(Traffic(batches: 200_000, of: 50, devices: 50), readingsPerSecond: 500)
            pump.turn(to: flock.running)
            pump.start()
            for keys in ["\(old),\(new)", "\(new),\(old)", new] {
                for index in 0..<3 {
                    pump.turn(to: flock.running.filter { $0.place.name != "n\(index)" })
                    #expect(try flock.stop(index) == .code(0))
                    flock.configure(index) { $0.moreArguments = ["--cluster-key", keys] }
                    try flock.start([index])
                    try flock.waitUntilAllSee(alive: 3)
                    pump.turn(to: flock.running)
                    try pump.wait(forMoreBatches: 5)
                }
            }
            let sent = try pump.finish()
            let ledgers = try flock.settledLedgers()
            #expect(ledgers.allSatisfy { $0.isClosed && $0.orphaned == 0 && $0.damaged == 0 })
            for index in 0..<3 { _ = try flock.stop(index) }
            #expect(try Database(flock.places[0].database).keys() == pump.traffic.keys(of: sent))
        }
    }
}
