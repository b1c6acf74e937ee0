package import Telemetry

/// What a log's id adds to each of its records, so that a record of another log never passes for one of this.
package struct FrameSeal: Hashable, Sendable {
    /// The checksum of the id, from which every record's checksum goes on.
    package let checksumSeed: UInt32
    /// The first four bytes of every frame; differs from log to log, so that no text and no value that a device sends
    /// can look like a frame but by chance. The first byte, 0xF7, never occurs in UTF-8.
    package let marker: UInt32

    package init(log: LogID) {
        var writer = ByteWriter(reserving: 16)
        writer.write(log.high)
        writer.write(log.low)
        checksumSeed = writer.withUnsafeBytes { CRC32C.checksum(of: $0) }
        let mixed = SeededGenerator.mixed(log.high ^ SeededGenerator.mixed(log.low))
        marker = (UInt32(truncatingIfNeeded: mixed) & 0xFFFF_FF00) | 0xF7
    }
}
