package import Telemetry

/// The first 64 bytes of a segment file.
///
///     0 magic · 8 format version (32 bit) · 16 log id · 32 base position · 40 id of the log replaced · 56 zero
///     60 checksum of the 60 bytes before
///
/// An id of zeros stands for none: what was written before logs knew whom they replace reads as it did.
package struct SegmentHeader: Hashable, Sendable {
    package static let bytesCount = 64
    /// Raised when a program of today could not read what is written; magic, version and checksum never move.
    package static let formatVersion: UInt32 = 1
    /// "STARLOG" and a byte that is no text.
    private static let magic: UInt64 = 0xF747_4F4C_5241_5453

    package let log: LogID
    /// No reading in the segment lies before it.
    package let base: LogPosition
    /// The log whose readings this one took over when it was made, nil if it began empty. The store closes that one's
    /// row when it first hears of this one, however many starts later that is.
    package let replaces: LogID?

    private static let none = LogID(high: 0, low: 0)

    package init(log: LogID, base: LogPosition, replaces: LogID? = nil) {
        self.log = log
        self.base = base
        self.replaces = replaces == Self.none ? nil : replaces
    }

    package func encode(into writer: inout ByteWriter) {
        let start = writer.count
        writer.write(Self.magic)
        writer.write(Self.formatVersion)
        writer.write(0 as UInt32)
        writer.write(log.high)
        writer.write(log.low)
        writer.write(base.readings)
        let replaced = replaces ?? Self.none
        writer.write(replaced.high)
        writer.write(replaced.low)
        writer.write(0 as UInt32)
        let checksum = writer.withUnsafeBytes { CRC32C.checksum(of: UnsafeRawBufferPointer(rebasing: $0[start...])) }
        writer.write(checksum)
    }

    package enum Check: Hashable, Sendable {
        case valid(SegmentHeader)
        /// Whole, but of another program version: not ours to touch.
        case otherVersion(UInt32)
        case damaged
    }

    package static func check(_ bytes: UnsafeRawBufferPointer) -> Check {
        guard bytes.count >= bytesCount else { return .damaged }
        func word(_ index: Int) -> UInt64 {
            UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
        }
        let covered = UnsafeRawBufferPointer(rebasing: bytes[..<(bytesCount - 4)])
        guard word(0) == magic, CRC32C.checksum(of: covered) == UInt32(truncatingIfNeeded: word(56) >> 32) else {
            return .damaged
        }
        let version = UInt32(truncatingIfNeeded: word(8))
        guard version == formatVersion else { return .otherVersion(version) }
        let base = LogPosition(word(32))
        guard base <= LogLimits.positionMax else { return .damaged }
        return .valid(
            SegmentHeader(
                log: LogID(high: word(16), low: word(24)), base: base,
                replaces: LogID(high: word(40), low: word(48))))
    }
}
