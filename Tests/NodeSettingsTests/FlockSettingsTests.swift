import NodeSettings
import Testing

/// The settings by which nodes find each other, and which of them go together.
@Suite struct FlockSettingsTests {
    private static let key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

    private func load(
        _ flags: [Setting: String], environment: [String: String] = [:], machine: [MachineAddress] = []
    ) throws -> SettingsLoader {
        try SettingsLoader(
            flags: flags, environment: environment, file: nil, readFile: { _ in Array((Self.key + "\n").utf8) },
            hostName: "host", isTerminal: false, machine: { machine })
    }

    private func problem(_ flags: [Setting: String]) -> String {
        do {
            _ = try load(flags)
            return "no error"
        } catch { return "\(error)" }
    }

    @Test func aNodeIsFoundWhereItsGossipListens() throws {
        let settings = try load([.gossip: "127.0.0.1:0"]).settings
        #expect(settings.advertise == nil)
        #expect(settings.advertised(gossipPort: 4711).description == "127.0.0.1:4711")
        #expect(try load([.gossip: "127.0.0.1:9"]).settings.printed.contains { $0 == ("--advertise", "127.0.0.1:9") })
    }

    @Test func whatIsAdvertisedWins() throws {
        let flags: [Setting: String] = [.gossip: "0.0.0.0:7000", .clusterKey: Self.key, .advertise: "10.1.2.3:8000"]
        #expect(try load(flags).settings.advertised(gossipPort: 7000).description == "10.1.2.3:8000")
        let sameNumber = flags.merging([.advertise: "10.1.2.3:0"]) { $1 }
        #expect(try load(sameNumber).settings.advertised(gossipPort: 7000).description == "10.1.2.3:7000")
        let named = flags.merging([.advertise: "node-0.flock:8000"]) { $1 }
        #expect(try load(named).settings.advertise?.isNumeric == false)
    }

    @Test func theHTTPAddressOfANodeThatListensEverywhereIsTheAdvertisedOne() throws {
        let open = try load([.http: "0.0.0.0:0", .insecureOpen: "true"]).settings
        #expect(open.advertisedHTTP(host: "10.1.2.3", httpPort: 81).description == "10.1.2.3:81")
        let one = try load([.http: "127.0.0.1:80"]).settings
        #expect(one.advertisedHTTP(host: "10.1.2.3", httpPort: 80).description == "127.0.0.1:80")
    }

    @Test func everyAddressNeedsOneToBeFoundAt() throws {
        let text = problem([.gossip: "0.0.0.0:7946", .clusterKey: Self.key])
        #expect(text.hasPrefix("--gossip: 0.0.0.0:7946 is every address") && text.contains("--advertise"), "\(text)")
        #expect(problem([.gossip: "[::]:1", .clusterKey: Self.key]).contains("STARLING_ADVERTISE"))
        #expect(problem([.gossip: "0.0.0.0:1", .clusterKey: Self.key, .advertise: "10.0.0.1:1"]) == "no error")
    }

    @Test func aNodeThatListensEverywhereIsFoundAtAnAddressOfItsMachine() throws {
        let machine = [
            MachineAddress(host: "127.0.0.1", interface: "lo"), MachineAddress(host: "10.1.2.3", interface: "eth0"),
        ]
        let flags: [Setting: String] = [.gossip: "0.0.0.0:7946", .clusterKey: Self.key]
        let loaded = try load(flags, machine: machine)
        #expect(loaded.settings.advertised(gossipPort: 7946).description == "10.1.2.3:7946")
        #expect(loaded.settings.printed.contains { $0 == ("--advertise", "10.1.2.3:7946") })
        #expect(loaded.notes.count == 1 && loaded.notes[0].contains("10.1.2.3:7946 (eth0)"))
        #expect(loaded.warnings == [])
        let free = try load(flags.merging([.gossip: "[::]:0"]) { $1 }, machine: machine)
        #expect(free.settings.advertised(gossipPort: 4711).description == "10.1.2.3:4711")
        let said = try load(flags.merging([.advertise: "10.9.9.9:1"]) { $1 }, machine: machine)
        #expect(said.settings.advertise?.host == "10.9.9.9" && said.notes == [])
        let one = try load([.gossip: "127.0.0.1:7946"], machine: machine)
        #expect(one.settings.advertise == nil && one.notes == [])
    }

    @Test func beyondLoopbackTheKeyIsNeededWhateverClientsMayDo() {
        let open: [Setting: String] = [.gossip: "10.0.0.1:7946", .insecureOpen: "true"]
        #expect(problem(open).contains("needs --cluster-key"))
        #expect(problem(open.merging([.clusterKey: Self.key]) { $1 }) == "no error")
        #expect(problem([.gossip: "127.0.0.1:7946"]) == "no error")
    }

    @Test func theKeyComesFromAFile() throws {
        let settings = try load([:], environment: ["STARLING_CLUSTER_KEY_FILE": "/run/key"]).settings
        #expect(settings.clusterKeys.map(\.revealed) == [Self.key])
        #expect(!settings.printed.contains { $0.value.contains(Self.key) })
    }

    @Test func keysRotateInAListOfLimitedLength() throws {
        let keys = { (count: Int) in Array(repeating: Self.key, count: count).joined(separator: ", ") }
        #expect(try load([.clusterKey: keys(8)]).settings.clusterKeys.count == SettingValues.clusterKeysMax)
        #expect(problem([.clusterKey: keys(9)]) == "--cluster-key: is not valid; expected at most 8 keys")
    }

    @Test func seedsAreAListOfLimitedLength() throws {
        let seeds = { (count: Int) in (1...count).map { "h:\($0)" }.joined(separator: ",") }
        #expect(try load([.join: seeds(256)]).settings.join.count == NodeSettings.joinCountMax)
        #expect(problem([.join: seeds(257)]).hasSuffix("expected at most 256 addresses"))
        #expect(try load([.join: "[fd00::1]:7946, nodes.flock:7946"]).settings.join.map(\.isNumeric) == [true, false])
    }

    @Test func addressesThatALoopbackSocketNeverMeetsAreWarnings() throws {
        let warnings = try load([.join: "127.0.0.1:1,10.0.0.9:2", .advertise: "10.0.0.1:3"]).warnings
        #expect(warnings.map { $0.prefix { $0 != " " } } == ["--advertise:", "--join:"])
        #expect(try load([.join: "127.0.0.1:1,nodes:2"]).warnings == [])
    }
}
