import Logging
import NodeSettings
import Testing

/// Single values, as people write them.
@Suite struct ValueTests {
    @Test(
        arguments: [
            ("500ms", 500), ("3s", 3000), ("15m", 900_000), ("2h", 7_200_000), ("7d", 604_800_000), ("60s", 60_000),
            ("3650d", 315_360_000_000),
        ] as [(String, Int64)])
    func durations(text: String, milliseconds: Int64) throws {
        #expect(try DurationText.parse(text) == .milliseconds(milliseconds))
    }

    @Test(arguments: [
        "", "3", "s", "3 s", "-3s", "+3s", "1.5s", "0s", "3S", "3sec", "never", "3651d", "99999999999999999999d",
        "9223372036854775807d", "٣s", "3s ",
    ])
    func badDurations(text: String) {
        #expect(throws: ValueError.self) { try DurationText.parse(text) }
    }

    @Test func neverIsNoDuration() throws {
        #expect(try DurationText.parseOrNever("never") == nil)
        #expect(try DurationText.parseOrNever("2h") == .seconds(7200))
        #expect(throws: ValueError.self) { try DurationText.parseOrNever("always") }
    }

    @Test(arguments: ["500ms", "3s", "90s", "2h", "7d", "1500ms"])
    func durationsPrintAsTheyAreWritten(text: String) throws {
        let duration = try DurationText.parse(text)
        #expect(try DurationText.parse(DurationText.text(duration)) == duration)
    }

    @Test(
        arguments: [
            ("1GiB", 1_073_741_824), ("512MiB", 536_870_912), ("10MB", 10_000_000), ("1kB", 1000), ("1KiB", 1024),
            ("2TiB", 2_199_023_255_552), ("100", 100), ("100B", 100), ("1gib", 1_073_741_824),
        ] as [(String, Int64)])
    func sizes(text: String, bytes: Int64) throws {
        #expect(try SizeText.parse(text) == bytes)
        #expect(try SizeText.parse(SizeText.text(bytes)) == bytes)
    }

    @Test(arguments: ["", "GiB", "1.5GiB", "-1", "0", "1 GiB", "1XB", "9999999999TiB", "1e9"])
    func badSizes(text: String) {
        #expect(throws: ValueError.self) { try SizeText.parse(text) }
    }

    @Test(arguments: [
        ("127.0.0.1:8080", "127.0.0.1", 8080, true), ("[::1]:8080", "::1", 8080, true),
        ("localhost:0", "localhost", 0, true),
        ("LocalHost:1", "LocalHost", 1, true), ("127.9.9.9:1", "127.9.9.9", 1, true),
        ("0.0.0.0:80", "0.0.0.0", 80, false),
        ("[::]:80", "::", 80, false), ("10.0.0.1:65535", "10.0.0.1", 65535, false),
        ("node-0.flock_x:7946", "node-0.flock_x", 7946, false),
        ("[::ffff:127.0.0.1]:1", "::ffff:127.0.0.1", 1, true), ("[0:0:0:0:0:0:0:1]:1", "0:0:0:0:0:0:0:1", 1, true),
        ("[fe80::1]:1", "fe80::1", 1, false),
    ])
    func addresses(text: String, host: String, port: Int, isLoopback: Bool) throws {
        let address = try HostPort.parse(text)
        #expect(address == HostPort(host: host, port: port))
        #expect(address.isLoopback == isLoopback)
        #expect(address.description == text)
    }

    @Test(arguments: [
        "", ":", "8080", ":8080", "host", "host:", "host:65536", "host:-1", "host:8o", "host:+1", "::1:8080", "[::1]",
        "[::1]:",
        "[nope]:1", "[]:1", "ho st:1", "http://h:1", "h/x:1", "host:000001",
    ])
    func badAddresses(text: String) {
        #expect(throws: ValueError.self) { try HostPort.parse(text) }
    }

    @Test(arguments: [
        ("sqlite:./data/x.db", "./data/x.db"), ("sqlite:/var/x.db", "/var/x.db"), ("sqlite:///var/x.db", "/var/x.db"),
    ])
    func embeddedStores(text: String, path: String) throws {
        #expect(try StoreAddress.parse(text) == .sqlite(path: path))
    }

    @Test(arguments: [
        "", "sqlite:", "sqlite:/x/", "sqlite://host/x", "mysql://x", "postgres://", "./x.db", "postgres:x",
    ])
    func badStores(text: String) {
        #expect(throws: ValueError.self) { try StoreAddress.parse(text) }
    }

    @Test func addressesWithPasswordsPrintAsStars() throws {
        let store = try StoreAddress.parse("postgres://me:hunter2@db/x")
        let lease = try LeaseAddress.parse("rediss://:hunter2@cache:6379")
        var dumped = ""
        dump([store] as [Any] + [lease], to: &dumped)
        for text in ["\(store)", "\(lease)", String(reflecting: store), String(reflecting: lease), dumped] {
            #expect(!text.contains("hunter2"))
        }
        #expect("\(lease) \(try LeaseAddress.parse("redis://cache"))" == "rediss://*** redis://***")
        #expect(try LeaseAddress.parse("file:./x") == .file(path: "./x"))
        #expect(throws: ValueError.self) { try LeaseAddress.parse("memcached://x") }
    }

    @Test(arguments: [("info", Logger.Level.info), ("WARN", .warning), ("Warning", .warning), ("TRACE", .trace)])
    func logLevels(text: String, level: Logger.Level) throws {
        #expect(try SettingValues.logLevel(text) == level)
    }

    @Test(arguments: ["", ".", "..", "a/b", "a b", "a\u{7}", String(repeating: "x", count: 65)])
    func badNames(text: String) {
        #expect(throws: ValueError.self) { try SettingValues.name(text) }
    }
}
