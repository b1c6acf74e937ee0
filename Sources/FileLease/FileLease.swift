import Glibc
package import Lease
package import Ports

/// A lease for the nodes of one machine: whoever holds the lock of a file (`flock`) leads.
///
/// The lock ends with its process, however that ends, so that another leads at the next question. It has no TTL: while its
/// holder stands still nobody leads, and nothing is done that only a leader does. Calls never wait for the lock.
///
/// A file that is removed or replaced while it is locked is somebody else's from then on: the next renewal is refused.
package actor FileLease: LeaseKeeper {
    private let path: String
    /// What this process has locked, and for which owner.
    private var held: (file: LockedFile, owner: LeaseOwner)?

    package init(path: String) {
        self.path = path
    }

    package func perform(_ request: LeaseRequest) throws(LeaseKeeperError) -> LeaseAnswer {
        switch request.operation {
        case .acquire:
            guard held == nil, let file = try LockedFile(path) else { return .refused }
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
