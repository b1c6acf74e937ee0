import Foundation

/// A small file system in memory, unmounted with this object.
package final class SmallDisk {
    package let path: String
    private let mebibytes: Int

    private static let pieceBytes = 64 << 10

    package init(at path: String, mebibytes: Int) throws {
        self.path = path
        self.mebibytes = mebibytes
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Self.run("mount", ["-t", "tmpfs", "-o", "size=\(mebibytes)m", "tmpfs", path])
    }

    deinit {
        try? Self.run("umount", ["-l", path])
    }

    /// Whether this process may mount: root of a machine may, root of a container often may not.
    package static let mayMount: Bool = {
        guard geteuid() == 0, let folder = try? TemporaryFolder() else { return false }
        return (try? SmallDisk(at: folder.file("try"), mebibytes: 1)) != nil
    }()

    package func makeReadOnly() throws {
        try Self.run("mount", ["-o", "remount,ro", path])
    }

    private var filler: String { path + "/filler" }

    /// Writes until the disk has no room left.
    package func fill() throws {
        let file = open(filler, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw HarnessError(call: "open \(filler)") }
        defer { close(file) }
        let piece = [UInt8](repeating: 1, count: Self.pieceBytes)
        var written = 0
        while case let count = write(file, piece, piece.count), count > 0 {
            written += count
            guard written <= mebibytes << 20 else { throw HarnessError("\(path) does not fill up") }
        }
        guard errno == ENOSPC else { throw HarnessError(call: "write \(filler)") }
    }

    /// There is room again.
    package func free() throws {
        guard unlink(filler) == 0 || errno == ENOENT else { throw HarnessError(call: "unlink \(filler)") }
    }

    private static func run(_ name: String, _ arguments: [String]) throws {
        guard let program = Programs.find(name) else { throw HarnessError("no \(name) in PATH") }
        let result = try ChildProcess.run(program, arguments)
        guard result.exit == .code(0) else { throw HarnessError("\(name): \(result.errors)") }
    }
}
