import Foundation
import Logging
import Membership
import Synchronization
import Testing

@testable import GossipTransport

@Suite(.timeLimit(.minutes(3)))
struct SeedLookupTests {
    static func name(_ host: String, _ port: UInt16 = 7946) -> MemberAddress { MemberAddress(host: host, port: port) }

    static func socketName(_ host: String, port: UInt16 = 7946) throws -> SocketName {
        try #require(SocketName(MemberAddress(host: host, port: port)))
    }

    @Test func namesBecomeAllTheirAddresses() async throws {
        let lookup = SeedLookup(logger: GossipTransportTests.logger)
        let found = await lookup.addresses(of: [Self.name("localhost"), Self.name("127.0.0.1"), Self.name("::1", 9)])
        #expect(found.contains(Self.name("127.0.0.1")))
        #expect(found.contains(Self.name("::1", 9)))
        #expect(found == Array(Set(found)).sorted())
    }

    @Test func theTransportLooksUpToo() async throws {
        let transport = GossipTransportTests.transport()
        let found = await transport.resolve([Self.name("localhost", 3), Self.name("no.such.name.invalid")])
        #expect(found.contains(Self.name("127.0.0.1", 3)))
    }

    @Test func aFailureIsToldOnceAChangeAndKeepsTheAddresses() async throws {
        let log = LinesLog()
        let answers = Mutex<[SocketName.Found]>([
            .init(names: [try Self.socketName("10.0.0.1"), try Self.socketName("10.0.0.2")]), .init(failure: "away"),
            .init(failure: "away"), .init(failure: "gone"), .init(names: [try Self.socketName("10.0.0.3")]),
        ])
        let lookup = SeedLookup(logger: log.logger) { _, _ in answers.withLock { $0.removeFirst() } }
        let both = [Self.name("10.0.0.1"), Self.name("10.0.0.2")]
        for _ in 0..<4 { #expect(await lookup.addresses(of: [Self.name("n")]) == both) }
        #expect(await lookup.addresses(of: [Self.name("n")]) == [Self.name("10.0.0.3")])
        #expect(log.lines.count == 3)
        #expect(log.lines[0].contains("away"))
        #expect(log.lines[1].contains("gone"))
    }

    @Test func whoHangsHoldsUpNobodyAndIsNotAskedTwice() async throws {
        let asked = Mutex<[String: Int]>([:])
        let release = DispatchSemaphore(value: 0)
        let found = try Self.socketName("10.0.0.1")
        let lookup = SeedLookup(logger: GossipTransportTests.logger, timeout: .milliseconds(50)) { host, _ in
            asked.withLock { $0[host, default: 0] += 1 }
            if host == "hangs" { release.wait() }
            return SocketName.Found(names: [found])
        }
        for _ in 0..<3 {
            let addresses = await lookup.addresses(of: [Self.name("hangs"), Self.name("answers")])
            #expect(addresses == [Self.name("10.0.0.1")])
        }
        #expect(asked.withLock { $0 } == ["hangs": 1, "answers": 3])
        release.signal()
        while asked.withLock({ $0["hangs"] }) == 1 {
            _ = await lookup.addresses(of: [Self.name("hangs")]); release.signal()
        }
    }
}

/// Keeps what was logged.
final class LinesLog: Sendable {
    private let kept = Mutex<[String]>([])

    var lines: [String] { kept.withLock { $0 } }
    var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

    private struct Handler: LogHandler {
        let log: LinesLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { log.kept.withLock { $0.append("\(event.message)") } }
    }
}

struct SparseLogTests {
    @Test func aKindIsSaidOnceAPause() {
        let log = LinesLog()
        let sparse = SparseLog(log.logger, pause: .seconds(3_600))
        for _ in 0..<10 {
            sparse.warn("a", "first")
            sparse.warn("b", "second")
        }
        #expect(log.lines == ["first", "second"])
        let eager = SparseLog(log.logger, pause: .zero)
        for _ in 0..<3 { eager.warn("a", "again") }
        #expect(log.lines.count == 5)
    }
}
