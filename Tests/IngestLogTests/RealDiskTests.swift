import Glibc
import IngestLog
import LogFormat
import Telemetry
import Testing

/// Real file systems of a few MiB, where the system allows mounting one (as root).
@Suite(.enabled(if: Mount.isPermitted, "mounting needs root: a real full disk and a read-only one are not tested"))
struct RealDiskTests {
    var generator = SeededGenerator(seed: 8)

    @Test mutating func aRealFullDisk() async throws {
        let folder = try TemporaryFolder()
        let mount = try #require(Mount(at: folder.path, options: "size=1m"))
        defer { mount.unmount() }
        let settings = IngestLog.Settings(limitBytes: 64 << 20)
        let (log, _) = try open(folder.sub(), settings)
        var written: [LogRecord] = []
        var refusals = 0
        while refusals < 3 {
            let record = LogRecord.readings(log.end, batch(400, &generator))
            do throws(LogError) {
                try await log.append([record], sync: true)
                written.append(record)
            } catch {
                #expect(error.code == .diskFull)
                refusals += 1
            }
            try #require(written.count < 1000)
        }
        #expect(try await contents(of: log).records == written)
        await log.close()
        #expect(mount.grow(to: "size=8m"))
        let (again, recovery) = try open(folder.sub(), settings)
        #expect(recovery.isClean)
        let more = try await fill(again, [400, 400], &generator, sync: true)
        #expect(try await contents(of: again).records == written + more)
        await again.close()
    }

    @Test mutating func aReadOnlyDisk() async throws {
        let folder = try TemporaryFolder()
        let mount = try #require(Mount(at: folder.path, options: "size=1m"))
        defer { mount.unmount() }
        let settings = IngestLog.Settings(limitBytes: 64 << 10)
        let (log, _) = try open(folder.sub(), settings)
        try await fill(log, [3], &generator)
        await log.close()
        #expect(mount.grow(to: "ro"))
        for path in [folder.sub(), folder.sub("other")] {
            let error = #expect(throws: LogError.self) { _ = try open(path, settings) }
            #expect(error?.code == .folder)
            #expect(error?.message.contains("--data-dir") == true)
        }
    }
}

/// A tmpfs of one test.
struct Mount {
    let path: String

    init?(at path: String, options: String) {
        guard Glibc.mount("tmpfs", path, "tmpfs", 0, options) == 0 else { return nil }
        self.path = path
    }

    /// Mounts again with other options: larger, or read-only.
    func grow(to options: String) -> Bool {
        let flags = options == "ro" ? UInt(MS_REMOUNT | MS_RDONLY) : UInt(MS_REMOUNT)
        return Glibc.mount("tmpfs", path, "tmpfs", flags, options == "ro" ? nil : options) == 0
    }

    func unmount() {
        // Lazily: a log that a failed test left open must not keep the mount.
        umount2(path, Int32(MNT_DETACH))
    }

    static let isPermitted: Bool = {
        guard geteuid() == 0, let folder = try? TemporaryFolder() else { return false }
        guard let mount = Mount(at: folder.path, options: "size=64k") else { return false }
        mount.unmount()
        return true
    }()
}
