import FileLease
import Foundation
import Lease
import NodeHarness
import Ports
import Telemetry
import Testing

@Suite struct FileLeaseTests {
    static func request(
        _ operation: LeaseRequest.Operation, _ life: UInt64, attempt: UInt64 = 1
    ) -> LeaseRequest {
        LeaseRequest(number: 1, operation: operation, owner: LeaseOwner(life: WriterID(life), attempt: attempt))
    }

    @Test func oneHasItAndOnlyItsOwnerRenewsAndReleases() async throws {
        let folder = try TemporaryFolder()
        let (first, second) = (
            FileLease(path: folder.file("lease"), flock: "f"), FileLease(path: folder.file("lease"), flock: "f")
        )
        #expect(try await first.perform(Self.request(.renew, 1)) == .refused)
        #expect(try await first.perform(Self.request(.acquire, 1)) == .granted)
        #expect(try await first.perform(Self.request(.acquire, 1)) == .refused)
        #expect(try await second.perform(Self.request(.acquire, 2)) == .refused)
        #expect(try await second.perform(Self.request(.release, 1)) == .refused, "it is not this process's")
        #expect(try await first.perform(Self.request(.release, 1, attempt: 2)) == .refused)
        #expect(try await first.perform(Self.request(.renew, 1)) == .granted)
        #expect(try await first.perform(Self.request(.release, 1)) == .granted)
        #expect(try await second.perform(Self.request(.acquire, 2)) == .granted)
        await second.close()
        #expect(try await first.perform(Self.request(.acquire, 1, attempt: 2)) == .granted)
    }

    /// `flock` of util-linux holds the lock as another process does, until it is killed.
    @Test(.enabled(if: Programs.find("flock") != nil, "NO flock HERE: install util-linux"))
    func aCrashFreesIt() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("lease")
        let flock = try #require(Programs.find("flock"))
        let held = folder.file("held")
        let child = try ChildProcess(
            flock, ["--no-fork", path, "sh", "-c", "echo > \(held); exec sleep 600"], output: "/dev/null")
        let deadline = Deadline(in: .seconds(30))
        while !FileManager.default.fileExists(atPath: held), !deadline.isPast { child.nap(10) }
        let lease = FileLease(path: path, flock: "f")
        #expect(try await lease.perform(Self.request(.acquire, 1)) == .refused)
        child.kill()
        #expect(try await lease.perform(Self.request(.acquire, 1)) == .granted)
    }

    @Test func aFileThatIsReplacedIsLost() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("lease")
        let (first, second) = (FileLease(path: path, flock: "f"), FileLease(path: path, flock: "f"))
        #expect(try await first.perform(Self.request(.acquire, 1)) == .granted)
        try FileManager.default.removeItem(atPath: path)
        #expect(try await second.perform(Self.request(.acquire, 2)) == .granted)
        #expect(try await first.perform(Self.request(.renew, 1)) == .refused)
        #expect(try await second.perform(Self.request(.renew, 2)) == .granted)
    }

    /// Two flocks in one working directory have the same file by default.
    @Test func anotherFlocksFileIsToldWithAdvice() async throws {
        let path = try TemporaryFolder()
        let (first, second) = (
            FileLease(path: path.file("lease"), flock: "first"), FileLease(path: path.file("lease"), flock: "second")
        )
        #expect(try await first.perform(Self.request(.acquire, 1)) == .granted)
        let error = await #expect(throws: LeaseKeeperError.self) {
            try await second.perform(Self.request(.acquire, 2))
        }
        #expect(error?.description.contains("another flock (first)") == true)
        #expect(error?.description.contains("--lease file:PATH") == true)
        await first.close()
        #expect(try await second.perform(Self.request(.acquire, 2)) == .granted)
        #expect(try String(contentsOfFile: path.file("lease"), encoding: .utf8) == "second")
    }

    @Test func aFolderThatIsMissingIsToldWithAdvice() async throws {
        let folder = try TemporaryFolder()
        let lease = FileLease(path: folder.file("none/lease"), flock: "f")
        let error = await #expect(throws: LeaseKeeperError.self) {
            try await lease.perform(Self.request(.acquire, 1))
        }
        #expect(error?.description.contains("local disk") == true)
    }
}
