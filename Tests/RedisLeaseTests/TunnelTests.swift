import Lease
import NodeHarness
import Ports
import RedisLease
import ServerHarness
import Testing

/// Against a real server that speaks TLS alone, one for each test.
@Suite(
    "A lease over TLS", .enabled(if: RedisServer.program != nil, .noServer),
    .enabled(if: TestAuthority.program != nil, Comment(rawValue: TestAuthority.advice)))
struct TunnelTests {
    private typealias Plain = RedisLeaseTests

    private static func lease(
        _ address: String, _ limits: LeaseLimits = Plain.long, key: String = "pruner"
    ) throws -> RedisLease {
        RedisLease(try RedisURL(address), key: key, limits: limits)
    }

    private static func error(
        _ address: String, _ limits: LeaseLimits = Plain.long
    ) async throws -> String {
        let lease = try lease(address, limits)
        let error = await #expect(throws: LeaseKeeperError.self) { try await lease.perform(Plain.request(.acquire, 1)) }
        let text = error?.description ?? ""
        #expect(!text.contains("corr3ct") && text.contains("rediss://"), "\(text)")
        return text
    }

    @Test(arguments: ["127.0.0.1", "localhost"])
    func oneHasItAndOnlyItsOwnerRenewsAndReleases(_ host: String) async throws {
        let authority = try TestAuthority()
        let server = try RedisServer(tls: .init(try authority.issue(for: "IP:127.0.0.1", "DNS:localhost")))
        let address = server.address(host: host, database: 2, roots: authority.certificate)
        let (first, second) = (try Self.lease(address), try Self.lease(address))
        #expect(try await first.perform(Plain.request(.renew, 1)) == .refused, "nobody has it")
        #expect(try await first.perform(Plain.request(.acquire, 1)) == .granted)
        #expect(try await second.perform(Plain.request(.acquire, 2)) == .refused)
        #expect(try await second.perform(Plain.request(.release, 2)) == .refused)
        #expect(try await first.perform(Plain.request(.renew, 1)) == .granted)
        #expect(try await first.perform(Plain.request(.release, 1)) == .granted)
        #expect(try await second.perform(Plain.request(.acquire, 2)) == .granted)
    }

    /// Longer than what any of the buffers on the way holds.
    @Test func aLongCommandGoesThrough() async throws {
        let authority = try TestAuthority()
        let server = try RedisServer(tls: .init(try authority.issue(for: "IP:127.0.0.1")))
        let key = String(repeating: "a long key ", count: 400_000)
        let lease = try Self.lease(server.address(roots: authority.certificate), key: key)
        #expect(try await lease.perform(Plain.request(.acquire, 1)) == .granted)
        #expect(try await lease.perform(Plain.request(.renew, 1)) == .granted)
        #expect(try await lease.perform(Plain.request(.acquire, 2)) == .refused)
    }

    @Test func aServerThatNobodyVouchesForIsRefused() async throws {
        let (authority, another) = (try TestAuthority(), try TestAuthority())
        let server = try RedisServer(tls: .init(try authority.issue(for: "IP:127.0.0.1")))
        let wrong = try await Self.error(server.address(roots: another.certificate))
        #expect(wrong.contains("is not trusted") && wrong.contains(another.certificate), "\(wrong)")
        #expect(wrong.contains("?sslrootcert="), "\(wrong)")
        let system = try await Self.error(server.address())
        #expect(system.contains("the CAs of this system") && system.contains("?sslrootcert="), "\(system)")
    }

    @Test(arguments: ["127.0.0.1", "localhost"])
    func aServerOfAnotherNameIsRefused(_ host: String) async throws {
        let authority = try TestAuthority()
        let server = try RedisServer(tls: .init(try authority.issue(for: "DNS:redis.example", "IP:192.0.2.1")))
        let error = try await Self.error(server.address(host: host, roots: authority.certificate))
        #expect(error.contains("is not for \(host)"), "\(error)")
    }

    @Test func aServerThatWantsACertificateOfItsClientsIsNamed() async throws {
        let authority = try TestAuthority()
        let server = try RedisServer(
            tls: .init(try authority.issue(for: "IP:127.0.0.1"), clients: authority.certificate))
        let error = try await Self.error(server.address(roots: authority.certificate))
        #expect(error.contains("tls-auth-clients no"), "\(error)")
    }

    @Test func aPortWithoutTLSIsAnError() async throws {
        let server = try RedisServer()
        let address = server.address().replacing("redis://", with: "rediss://")
        let error = try await Self.error(address, Plain.short)
        #expect(error.contains("tls-port"), "\(error)")
        // A client of the other kind.
        let authority = try TestAuthority()
        let encrypted = try RedisServer(tls: .init(try authority.issue(for: "IP:127.0.0.1")))
        let plain = try await Self.error(encrypted.address().replacing("rediss://", with: "redis://"))
        #expect(plain.contains("write rediss://"), "\(plain)")
    }

    @Test func nobodyAtThePortIsAnError() async throws {
        let error = try await Self.error("rediss://127.0.0.1:\(try LoopbackPort.free())")
        #expect(error.contains("refused") && error.contains("see whether the server runs"), "\(error)")
    }

    @Test func aWrongPasswordIsToldWithoutIt() async throws {
        let authority = try TestAuthority()
        let server = try RedisServer(tls: .init(try authority.issue(for: "IP:127.0.0.1")))
        let error = try await Self.error(server.address(password: "letmein", roots: authority.certificate))
        #expect(error.contains("check user and password") && !error.contains("letmein"), "\(error)")
    }

    @Test func aKilledServerIsAnErrorAndAnEmptyOneForgot() async throws {
        let authority = try TestAuthority()
        let server = try RedisServer(tls: .init(try authority.issue(for: "IP:127.0.0.1")))
        let lease = try Self.lease(server.address(roots: authority.certificate))
        #expect(try await lease.perform(Plain.request(.acquire, 1)) == .granted)
        server.kill()
        for _ in 0..<3 {
            let error = await #expect(throws: LeaseKeeperError.self) {
                try await lease.perform(Plain.request(.renew, 1))
            }
            #expect(
                error?.description.contains("see whether the server runs") == true, "\(error?.description ?? "none")")
        }
        try server.start()
        #expect(try await lease.perform(Plain.request(.renew, 1)) == .refused)
        #expect(try await lease.perform(Plain.request(.acquire, 1)) == .granted)
    }

    @Test func aStoppedServerCostsNoMoreThanTheTimeOut() async throws {
        let authority = try TestAuthority()
        let server = try RedisServer(tls: .init(try authority.issue(for: "IP:127.0.0.1")))
        let address = server.address(roots: authority.certificate)
        let (first, second) = (try Self.lease(address, Plain.short), try Self.lease(address))
        #expect(try await first.perform(Plain.request(.release, 1)) == .refused)
        server.pause()
        let stopped = await #expect(throws: LeaseKeeperError.self) {
            try await first.perform(Plain.request(.renew, 1))
        }
        #expect(stopped?.description.contains("no answer in time") == true)
        // A new connection too: the kernel takes it, the server does not answer.
        let new = await #expect(throws: LeaseKeeperError.self) { try await first.perform(Plain.request(.renew, 1)) }
        #expect(new?.description.contains("no TLS in time") == true)
        server.resume()
        #expect(try await second.perform(Plain.request(.acquire, 1)) == .granted)
        #expect(try await second.perform(Plain.request(.renew, 1)) == .granted)
    }

    /// It takes the connection and says nothing: the call ends in time, and so does the connection.
    @Test func aSilentServerCostsNoMoreThanTheTimeOut() async throws {
        let server = try SilentServer()
        let started = ContinuousClock.now
        let error = try await Self.error("rediss://:corr3ct@127.0.0.1:\(server.port)", Plain.short)
        #expect(error.contains("no TLS in time"), "\(error)")
        #expect(ContinuousClock.now - started < .seconds(10))
        let bytes = try #require(server.clientBytes(.seconds(30)), "the connection ends too")
        #expect(bytes > 0, "the greeting of TLS, and nothing of what hiredis said")
    }

    /// The line breaks after every so many bytes, in the greetings too: an error or a whole answer, and the next call
    /// has a new line.
    @Test func aLineThatBreaksAnywhereIsAnError() async throws {
        let authority = try TestAuthority()
        let server = try RedisServer(tls: .init(try authority.issue(for: "IP:127.0.0.1")))
        let fuse = Fuse()
        let line = try CutLine(to: server.port) { fuse.bytes }
        defer { line.end() }
        let lease = try Self.lease(server.address(port: line.port, roots: authority.certificate))
        try await fuse.expectErrorsWhereItBreaks(at: stride(from: 0, to: 3_000, by: 61), lease)
    }

    /// In the middle of a lease that was got, and nobody closed what broke.
    @Test func afterALineThatWasCutTheNextCallHasANewOne() async throws {
        let authority = try TestAuthority()
        let server = try RedisServer(tls: .init(try authority.issue(for: "IP:127.0.0.1")))
        let line = try CutLine(to: server.port) { nil }
        defer { line.end() }
        let lease = try Self.lease(server.address(port: line.port, roots: authority.certificate))
        #expect(try await lease.perform(Plain.request(.acquire, 1)) == .granted)
        line.cut()
        // The line is cut when its thread looks; until then calls are answered.
        let deadline = Deadline(in: .seconds(60))
        var told: LeaseKeeperError?
        while told == nil, !deadline.isPast {
            do throws(LeaseKeeperError) {
                _ = try await lease.perform(Plain.request(.renew, 1))
            } catch {
                told = error
            }
        }
        #expect(told?.description.contains("see whether the server runs") == true, "\(told?.description ?? "no error")")
        #expect(try await lease.perform(Plain.request(.renew, 1)) == .granted)
    }
}
