import Glibc
import NodeHarness

/// A tmpfs in a folder of one test, which the server may write to.
final class SmallDisk {
    private let folder: TemporaryFolder
    var path: String { folder.file("disk") }

    /// Tried, because root in a container may not.
    static let canMount: Bool = (try? SmallDisk(kibibytes: 64)) != nil

    init(kibibytes: Int) throws {
        folder = try TemporaryFolder("starling-pg-disk", in: "/tmp")
        chmod(folder.path, 0o755)
        guard mkdir(path, 0o755) == 0 else { throw HarnessError(call: "mkdir") }
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(kibibytes)k") == 0 else { throw HarnessError(call: "mount") }
        chmod(path, 0o777)
        if let account = getpwnam("postgres") { chown(path, account.pointee.pw_uid, account.pointee.pw_gid) }
    }

    deinit {
        // Detached: the server may still be closing its files.
        umount2(path, 2)
    }

    func resize(kibibytes: Int) throws {
        guard mount("tmpfs", path, "tmpfs", UInt(32), "size=\(kibibytes)k") == 0 else {
            throw HarnessError(call: "remount")
        }
    }
}
