import Lease
import NodeHarness
import Ports
import RedisLease
import ServerHarness
import Telemetry
import Testing

extension Comment {
    static let noServer = Comment(rawValue: RedisServer.advice)
}

/// Against a real server, one for each test.
@Suite(.enabled(if: RedisServer.program != nil, .noServer))
struct RedisLeaseTests {
    /// With a patience of a second.
    static let short = LeaseLimits(ttl: 6_000_000)
    /// With one of ten.
    static let long = LeaseLimits(ttl: 60_000_000)

    static func lease(
        _ server: RedisServer, _ limits: LeaseLimits = long, key: String = "pruner", database: Int = 0
    ) throws -> RedisLease {
        RedisLease(try RedisURL(server.address(database: database)), key: key, limits: limits)
    }

    static func request(
        _ operation: LeaseRequest.Operation, _ life: UInt64, attempt: UInt64 = 1
    ) -> LeaseRequest {
        LeaseRequest(number: 1, operation: operation, owner: LeaseOwner(life: WriterID(life), attempt: attempt))
    }

    @Test func oneHasItAndOnlyItsOwnerRenewsAndReleases() async throws {
        let server = try RedisServer()
        let (first, second) = (try Self.lease(server), try Self.lease(server))
        #expect(try await first.perform(Self.request(.renew, 1)) == .refused, "nobody has it")
        #expect(try await first.perform(Self.request(.release, 1)) == .refused)
        #expect(try await first.perform(Self.request(.acquire, 1)) == .granted)
        #expect(try await first.perform(Self.request(.acquire, 1)) == .refused)
        #expect(try await second.perform(Self.request(.acquire, 2)) == .refused)
        #expect(try await second.perform(Self.request(.renew, 2)) == .refused)
        #expect(try await second.perform(Self.request(.release, 2)) == .refused)
        #expect(try await first.perform(Self.request(.release, 1, attempt: 2)) == .refused, "another attempt's")
        #expect(try await first.perform(Self.request(.renew, 1)) == .granted)
        #expect(try await first.perform(Self.request(.release, 1)) == .granted)
        #expect(try await second.perform(Self.request(.acquire, 2)) == .granted)
        #expect(try await first.perform(Self.request(.release, 1)) == .refused, "a late repeat")
        #expect(try await second.perform(Self.request(.renew, 2)) == .granted)
    }

    @Test func keysAndDatabasesAreApart() async throws {
        let server = try RedisServer()
        #expect(try await Self.lease(server).perform(Self.request(.acquire, 1)) == .granted)
        #expect(try await Self.lease(server, key: "other").perform(Self.request(.acquire, 2)) == .granted)
        #expect(try await Self.lease(server, database: 3).perform(Self.request(.acquire, 3)) == .granted)
        #expect(try await Self.lease(server, database: 3).perform(Self.request(.acquire, 4)) == .refused)
    }

    @Test func aLeaseThatNobodyRenewsEnds() async throws {
        let server = try RedisServer()
        let first = try Self.lease(server, LeaseLimits(ttl: 3_000_000))
        let second = try Self.lease(server)
        #expect(try await first.perform(Self.request(.acquire, 1)) == .granted)
        let deadline = Deadline(in: .seconds(60))
        var answer = LeaseAnswer.refused
        while answer == .refused, !deadline.isPast { answer = try await second.perform(Self.request(.acquire, 2)) }
        #expect(answer == .granted)
        #expect(try await first.perform(Self.request(.renew, 1)) == .refused)
    }

    @Test func aWrongPasswordIsToldWithoutIt() async throws {
        let server = try RedisServer()
        let lease = RedisLease(
            try RedisURL(server.address(password: "letmein")), key: "pruner", limits: Self.long)
        let error = await #expect(throws: LeaseKeeperError.self) {
            try await lease.perform(Self.request(.acquire, 1))
        }
        #expect(error?.description.contains("check user and password") == true)
        #expect(error?.description.contains("letmein") == false)
        let nobody = RedisLease(try RedisURL("redis://127.0.0.1:\(server.port)"), key: "pruner", limits: Self.long)
        let refused = await #expect(throws: LeaseKeeperError.self) {
            try await nobody.perform(Self.request(.acquire, 1))
        }
        #expect(refused?.description.contains("NOAUTH") == true)
    }

    @Test func aKilledServerIsAnErrorAndAnEmptyOneForgot() async throws {
        let server = try RedisServer()
        let (first, second) = (try Self.lease(server), try Self.lease(server))
        #expect(try await first.perform(Self.request(.acquire, 1)) == .granted)
        server.kill()
        for _ in 0..<3 {
            await #expect(throws: LeaseKeeperError.self) { try await first.perform(Self.request(.renew, 1)) }
            await #expect(throws: LeaseKeeperError.self) { try await second.perform(Self.request(.acquire, 2)) }
        }
        try server.start()
        #expect(try await first.perform(Self.request(.renew, 1)) == .refused)
        #expect(try await second.perform(Self.request(.acquire, 2)) == .granted)
        #expect(try await first.perform(Self.request(.release, 1)) == .refused)
    }

    /// What a stopped server was asked it does when it wakes: the asker finds it by a renewal.
    @Test func aStoppedServerCostsNoMoreThanTheTimeOut() async throws {
        let server = try RedisServer()
        let (first, second) = (try Self.lease(server, Self.short), try Self.lease(server))
        #expect(try await first.perform(Self.request(.release, 1)) == .refused)
        server.pause()
        let stopped = await #expect(throws: LeaseKeeperError.self) {
            try await first.perform(Self.request(.acquire, 1))
        }
        #expect(stopped?.description.contains("no answer in time") == true)
        // A new connection too: the kernel takes it, the server does not answer.
        await #expect(throws: LeaseKeeperError.self) { try await first.perform(Self.request(.acquire, 1)) }
        server.resume()
        let answer = try await second.perform(Self.request(.renew, 1))
        let again = try await second.perform(Self.request(.acquire, 1))
        #expect(answer == .refused || again == .refused)
        #expect(try await second.perform(Self.request(.renew, 1)) == .granted)
        #expect(try await second.perform(Self.request(.acquire, 2)) == .refused)
    }

    /// The line breaks after every so many bytes: an error or a whole answer, and the next call has a new line.
    @Test func aLineThatBreaksAnywhereIsAnError() async throws {
        let server = try RedisServer()
        let fuse = Fuse()
        let line = try CutLine(to: server.port) { fuse.bytes }
        defer { line.end() }
        let lease = RedisLease(
            try RedisURL(server.address(port: line.port, database: 2)), key: "pruner", limits: Self.long)
        try await fuse.expectErrorsWhereItBreaks(at: stride(from: 0, to: 300, by: 9), lease)
    }

    @Test func nobodyAtThePortIsAnError() async throws {
        let port = try LoopbackPort.free()
        let lease = RedisLease(try RedisURL("redis://127.0.0.1:\(port)"), key: "pruner", limits: Self.long)
        let error = await #expect(throws: LeaseKeeperError.self) {
            try await lease.perform(Self.request(.acquire, 1))
        }
        #expect(error?.description.contains("see whether the server runs") == true)
    }
}
