import Glibc

/// Which file system a folder is on, from /proc/self/mountinfo (proc(5)): it names kinds that `statfs` only numbers.
package enum MountTable {
    private static let bytesMax = 1 << 20

    /// The table as the kernel tells it; empty where there is none.
    package static func text() -> String {
        let descriptor = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 14)
        while bytes.count < bytesMax {
            let count = part.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { break }
            bytes += part[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The kind (`ext4`, `nfs4`) of the file system with this device number; nil if the table does not have it.
    ///
    /// A line is `id parent major:minor root mountpoint options tags… - kind source superoptions`.
    package static func fileSystem(of device: UInt64, in table: String) -> String? {
        // gnu_dev_major and gnu_dev_minor of makedev(3), which Swift does not import.
        let major = (device >> 8) & 0xFFF | (device >> 32) & ~0xFFF
        let minor = device & 0xFF | (device >> 12) & ~0xFF
        let wanted = "\(major):\(minor)"
        for line in table.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 3, fields[2] == wanted, let dash = fields.firstIndex(of: "-") else { continue }
            let kind = fields.index(after: dash)
            return kind < fields.endIndex ? String(fields[kind]) : nil
        }
        return nil
    }

    /// True if other machines may write to it, too.
    package static func isNetwork(_ kind: String) -> Bool {
        let names: Set = [
            "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "ceph", "lustre", "gfs2", "ocfs2",
            "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "davfs", "fuse.davfs2",
        ]
        return names.contains(kind)
    }
}
