package import Telemetry

/// One process in the history of a log: who wrote it from a position on.
package struct LogLife: Hashable, Sendable {
    package let writer: WriterID
    /// Where the log ended when that process opened it.
    package let start: LogPosition

    /// Lives that a log remembers; older ones count as unknown.
    package static let countMax = 16

    package init(writer: WriterID, start: LogPosition) {
        self.writer = writer
        self.start = start
    }
}

extension LogLife {
    /// The file of a log's lives has always this length, so that it is overwritten in place: a full disk has room for it.
    ///
    ///     0 magic · 8 log id · 24 count (32 bit) · 28 zero · 32 writer, start (64 bit each), 16 times · 508 checksum
    package static let bytesCount = 512
    /// "LIVESOF" and a byte that is no text.
    private static let magic: UInt64 = 0xF746_4F53_4556_494C

    /// The file of a log; the newest lives, if there are more than it holds.
    package static func encode(_ lives: [LogLife], of log: LogID) -> [UInt8] {
        let kept = lives.suffix(countMax)
        var writer = ByteWriter(reserving: bytesCount)
        writer.write(magic)
        writer.write(log.high)
        writer.write(log.low)
        writer.write(UInt32(kept.count))
        writer.write(0 as UInt32)
        for life in kept {
            writer.write(life.writer.number)
            writer.write(life.start.readings)
        }
        writer.write(bytes: [UInt8](repeating: 0, count: bytesCount - 4 - writer.count))
        writer.write(writer.withUnsafeBytes { CRC32C.checksum(of: $0) })
        return writer.bytes
    }

    /// - Returns: none if the file is damaged, or of another log: lives that nobody knows are treated as somebody else's,
    ///   which costs duplicates and never a reading.
    package static func decode(_ bytes: UnsafeRawBufferPointer, of log: LogID) -> [LogLife] {
        guard bytes.count == bytesCount else { return [] }
        func word(_ offset: Int) -> UInt64 {
            UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        let covered = UnsafeRawBufferPointer(rebasing: bytes[..<(bytesCount - 4)])
        let count = Int(word(24) & 0xFFFF_FFFF)
        guard CRC32C.checksum(of: covered) == UInt32(truncatingIfNeeded: word(bytesCount - 8) >> 32), word(0) == magic,
            LogID(high: word(8), low: word(16)) == log, count <= countMax
        else { return [] }
        return (0..<count).map { index in
            LogLife(writer: WriterID(word(32 + 16 * index)), start: LogPosition(word(40 + 16 * index)))
        }
    }
}
