import Glibc
import Ports
import SQLiteStore
import Telemetry
import Testing

@Suite("A SQLite store on a failing disk")
struct DiskTests {
    /// A small file system of its own; only root may mount one.
    @Test(.enabled(if: SmallDisk.canMount, "needs root, to mount a small file system"))
    func aFullDiskIsUnavailableAndLosesNothing() async throws {
        let disk = try SmallDisk(kibibytes: 1_024)
        let store = disk.folder.store(at: disk.path + "/starling.db")
        _ = try await store.prepare()
        var row = try await Work.register(store)
        var failure: StoreError?
        for _ in 0..<1_000 where failure == nil {
            do throws(StoreError) {
                row = try await store.commit(Work.transaction(at: row.position, count: 400))
            } catch {
                failure = error
            }
        }
        #expect(failure?.code == .unavailable)
        #expect(failure?.message.contains("disk") == true)
        #expect(!store.isReachable)
        #expect(try await store.checkpoint(of: Work.log) == row)
        #expect(try await Work.storedCount(store) == Int(row.stored))
        try disk.resize(kibibytes: 8_192)
        for _ in 0..<10 { row = try await store.commit(Work.transaction(at: row.position, count: 400)) }
        #expect(row.stored == row.position.readings)
        #expect(try await Work.storedCount(store) == Int(row.stored))
        #expect(try await Work.countedReadings(store) == Int(row.stored))
        await store.close()
    }

    @Test(.enabled(if: SmallDisk.canMount, "needs root, to mount a small file system"))
    func aReadOnlyFolderIsUnusable() async throws {
        let disk = try SmallDisk(kibibytes: 1_024)
        try disk.makeReadOnly()
        let store = disk.folder.store(at: disk.path + "/starling.db")
        let error = await #expect(throws: StoreError.self) { _ = try await store.prepare() }
        #expect(error?.code == .unusable)
        #expect(error?.message.contains("writable") == true)
        await store.close()
    }

    /// A process that may not let files grow gets EFBIG, which SQLite takes for a failed disk. In a process of its own,
    /// because the limit holds for the whole process.
    @Test func aFailingDiskIsUnavailableAndNothingIsHalfDone() async throws {
        let folder = try TemporaryFolder()
        await #expect(processExitsWith: .success) { [path = folder.path as String] in
            let store = SQLiteStore(path: path + "/starling.db", logger: TemporaryFolder.silent)
            _ = try await store.prepare()
            var row = try await Work.register(store)
            row = try await store.commit(Work.transaction(at: row.position, count: 4_000))
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(1), &limit)
            let before = limit.rlim_cur
            limit.rlim_cur = 300_000
            setrlimit(__rlimit_resource_t(1), &limit)
            do throws(StoreError) {
                for _ in 0..<100 { row = try await store.commit(Work.transaction(at: row.position, count: 4_000)) }
                exit(3)
            } catch {
                guard error.code == .unavailable else { exit(4) }
            }
            guard try await store.checkpoint(of: Work.log) == row else { exit(5) }
            limit.rlim_cur = before
            setrlimit(__rlimit_resource_t(1), &limit)
            row = try await store.commit(Work.transaction(at: row.position, count: 4_000))
            await store.close()
            exit(row.stored == row.position.readings ? 0 : 6)
        }
        let store = try await folder.prepared()
        let row = try #require(try await store.checkpoint(of: Work.log))
        #expect(try await Work.storedCount(store) == Int(row.stored))
        #expect(try await Work.countedReadings(store) == Int(row.stored))
        await store.close()
    }
}

/// A tmpfs in a folder of one test.
final class SmallDisk {
    let folder: TemporaryFolder
    var path: String { folder.path + "/disk" }

    /// Tried, because root in a container may not.
    static let canMount: Bool = (try? SmallDisk(kibibytes: 64)) != nil

    init(kibibytes: Int) throws {
        folder = try TemporaryFolder()
        guard mkdir(folder.path + "/disk", 0o755) == 0 else { throw PosixError(call: "mkdir") }
        guard mount("tmpfs", folder.path + "/disk", "tmpfs", 0, "size=\(kibibytes)k") == 0 else {
            throw PosixError(call: "mount")
        }
    }

    deinit {
        // Detached: a connection may still be closing.
        umount2(path, 2)
    }

    func resize(kibibytes: Int) throws {
        guard mount("tmpfs", path, "tmpfs", UInt(32), "size=\(kibibytes)k") == 0 else {
            throw PosixError(call: "remount")
        }
    }

    func makeReadOnly() throws {
        guard mount("tmpfs", path, "tmpfs", UInt(32 | 1), nil) == 0 else { throw PosixError(call: "remount") }
    }
}
