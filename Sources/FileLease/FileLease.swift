import Glibc
package import Lease
package import Ports

/// A lease for the nodes of one machine: whoever holds the lock of a file (`flock`) leads.
///
/// The lock ends with its process, however that ends, so that another leads at the next question. It has no TTL: while its
/// holder stands still nobody leads, and nothing is done that only a leader does. Calls never wait for the lock.
///
/// A file that is removed or replaced while it is locked is somebody else's from then on: the next renewal is refused.
///
/// In the file stands whose it is: a flock that took another's file would never lead, and nobody would know why.
package actor FileLease: LeaseKeeper {
    private let path: String
    private let flock: String
    /// What this process has locked, and for which owner.
    private var held: (file: LockedFile, owner: LeaseOwner)?

    /// - Parameter flock: names the flock whose lease this is.
    package init(path: String, flock: String) {
        self.path = path
        self.flock = flock
    }

    package func perform(_ request: LeaseRequest) throws(LeaseKeeperError) -> LeaseAnswer {
        switch request.operation {
        case .acquire:
            guard held == nil else { return .refused }
            guard let file = try LockedFile(path) else {
                try checkHolder()
                return .refused
            }
            file.write(flock)
            held = (file, request.owner)
            return .granted
        case .renew:
            guard let held, held.owner == request.owner else { return .refused }
            guard held.file.isStillAt(path) else {
                self.held = nil
                return .refused
            }
            return .granted
        case .release:
            guard let held, held.owner == request.owner else { return .refused }
            self.held = nil
            return .granted
        }
    }

    package func close() { held = nil }

    private func checkHolder() throws(LeaseKeeperError) {
        // Empty: just locked, or by another program.
        guard let holder = LockedFile.text(of: path), !holder.isEmpty, holder != flock else { return }
        throw LeaseKeeperError(
            "\(path) is the lease of another flock (\(holder.prefix(LockedFile.textMax))): give each flock a file of its own "
                + "with --lease file:PATH")
    }
}

/// An open file with this process's lock on it; closed, and so unlocked, with the last reference.
private final class LockedFile {
    private let descriptor: Int32

    /// - Returns: nil if another process has the lock.
    init?(_ path: String) throws(LeaseKeeperError) {
        // Not inherited: a child that outlives this process must not go on holding it.
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Self.error("open", path) }
        self.descriptor = descriptor
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            guard errno == EWOULDBLOCK || errno == EINTR else { throw Self.error("lock", path) }
            return nil
        }
        // Removed between opening and locking, and made anew by somebody else.
        guard isStillAt(path) else { return nil }
    }

    deinit { close(descriptor) }

    /// Bytes of a flock's name that are read.
    static let textMax = 100

    /// A disk that takes nothing more keeps the lock all the same.
    func write(_ text: String) {
        guard ftruncate(descriptor, 0) == 0 else { return }
        _ = Array(text.utf8).withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    }

    static func text(of path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: textMax)
        let count = read(descriptor, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }

    func isStillAt(_ path: String) -> Bool {
        var own = stat()
        var there = stat()
        return fstat(descriptor, &own) == 0 && stat(path, &there) == 0 && own.st_ino == there.st_ino
            && own.st_dev == there.st_dev
    }

    private static func error(_ what: String, _ path: String) -> LeaseKeeperError {
        LeaseKeeperError(
            "cannot \(what) \(path): \(String(cString: strerror(errno))); the lease's file must be on a local disk, in "
                + "a folder that this user may write to")
    }
}
