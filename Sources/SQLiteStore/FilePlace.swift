import Glibc
import Ports

/// Where the database file is: a folder that exists, on a disk of this machine.
struct FilePlace: Hashable, Sendable {
    /// Absolute and without symbolic links, so that two nodes that spell it differently meet at one turn.
    let path: String

    /// Creates the folder if it is missing.
    init(preparing path: String) throws(StoreError) {
        guard !path.isEmpty, !path.hasSuffix("/"), !path.utf8.contains(0) else {
            throw StoreError(.unusable, "\"\(path)\" is no file: name one, as in --store sqlite:./data/starling.db")
        }
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        try Self.createFolder(folder)
        try Self.refuseNetworkFileSystem(folder)
        if let real = Self.realPath(path) {
            self.path = real
        } else {
            let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
            let base = Self.realPath(folder) ?? folder
            self.path = base.hasSuffix("/") ? base + name : base + "/" + name
        }
    }

    /// The file whose lock is the turn to write, and the one whose bytes are the places in line.
    var turnPath: String { path + ".turn" }
    var queuePath: String { path + ".queue" }

    private static func createFolder(_ folder: String) throws(StoreError) {
        var prefix = folder.hasPrefix("/") ? "" : "."
        for part in folder.split(separator: "/") {
            prefix += "/" + part
            guard mkdir(prefix, 0o755) != 0, errno != EEXIST, errno != EISDIR else { continue }
            // A parent that may not be written to is no fault as long as the folder is there.
            let reason = String(cString: strerror(errno))
            guard isFolder(prefix) else {
                throw StoreError(
                    .unusable, "cannot create the store's folder \(prefix): \(reason); create it or choose another path"
                )
            }
        }
        guard isFolder(folder) else {
            throw StoreError(.unusable, "\(folder) is no folder: choose another path for the store")
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// SQLite's write-ahead log shares memory between processes, and `flock` holds between open files: both are only
    /// true on one machine.
    private static func refuseNetworkFileSystem(_ folder: String) throws(StoreError) {
        var status = stat()
        guard stat(folder, &status) == 0 else { return }
        let kind = MountTable.fileSystem(of: UInt64(status.st_dev), in: MountTable.text())
        guard let kind, MountTable.isNetwork(kind) else { return }
        throw StoreError(
            .unusable,
            "\(folder) is on \(kind), a network file system, where SQLite's locks cannot be trusted: "
                + "put the store on a local disk, or use --store postgres://…")
    }

    /// Makes the names of new files in the folder durable.
    func syncFolder() {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
