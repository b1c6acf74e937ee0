import SQLiteStore
import Testing

@Suite("Local and network file systems")
struct MountTableTests {
    private let table = """
        22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
        31 22 0:27 / /srv/share rw shared:9 master:2 - nfs4 server:/export rw,vers=4.2
        32 22 0:28 / /mnt/with\\040space rw - fuse.sshfs me@there:/ rw
        33 22 259:300 / /big rw - xfs /dev/nvme0n1p300 rw
        short 1 0:99
        """

    @Test(arguments: [
        (0xFE00 as UInt64, "ext4"), (27, "nfs4"), (28, "fuse.sshfs"), ((259 << 8) | ((300 & ~0xFF) << 12) | 44, "xfs"),
        (99, nil), (5, nil),
    ])
    func theKindIsFoundByDevice(device: UInt64, kind: String?) {
        #expect(MountTable.fileSystem(of: device, in: table) == kind)
    }

    @Test(arguments: [
        ("nfs", true), ("nfs4", true), ("cifs", true), ("ext4", false), ("tmpfs", false), ("overlay", false),
    ])
    func networkKinds(kind: String, isNetwork: Bool) {
        #expect(MountTable.isNetwork(kind) == isNetwork)
    }

    @Test func thisMachinesTableIsRead() {
        #expect(MountTable.text().contains(" - "))
    }
}
