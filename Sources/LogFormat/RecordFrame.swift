package import Telemetry

/// The 24 bytes before a record's payload, and the checks that make a record valid.
///
///     0 marker · 4 checksum · 8 payload bytes · 12 kind · 13 zero · 14 count (16 bit) · 16 position · 24 payload, zeros
///
/// The checksum covers everything after itself, with the zeros that fill the frame up to a multiple of 8 bytes: any
/// changed byte makes the frame invalid, and the next one is found by looking at every eighth byte.
package struct RecordFrame: Hashable, Sendable {
    /// Raw values are on disk: never renumber.
    package enum Kind: UInt8, Sendable {
        case readings = 1
        case verdicts = 2

        var countMax: Int {
            switch self {
            case .readings: LogLimits.readingsCountMax
            case .verdicts: LogLimits.verdictsCountMax
            }
        }
    }

    package static let headerBytes = 24
    package static let alignment = 8
    /// No frame is longer: what a window must hold to decide on any of them.
    package static let bytesMax = headerBytes + LogLimits.payloadBytesMax

    package let kind: Kind
    /// Readings or verdicts in it: the end of a log is known without decoding.
    package let count: Int
    package let position: LogPosition
    package let payloadBytes: Int

    package var end: LogPosition { position + count }
    package var totalBytes: Int { Self.totalBytes(payload: payloadBytes) }

    package init(kind: Kind, count: Int, position: LogPosition, payloadBytes: Int) {
        self.kind = kind
        self.count = count
        self.position = position
        self.payloadBytes = payloadBytes
    }

    private static func totalBytes(payload: Int) -> Int {
        (headerBytes + payload + alignment - 1) & ~(alignment - 1)
    }

    // MARK: Writing

    /// Appends a frame whose payload `body` writes; on an error the writer is as before.
    package static func write(
        kind: Kind, count: Int, position: LogPosition, seal: FrameSeal, into writer: inout ByteWriter,
        _ body: (inout ByteWriter) throws(FormatError) -> Void
    ) throws(FormatError) {
        guard count >= 1, count <= kind.countMax else {
            throw .tooMany(what: "\(kind) in a record", count: UInt64(max(0, count)), max: kind.countMax)
        }
        guard position <= LogLimits.positionMax else { throw .invalid(what: "position \(position)") }
        let start = writer.count
        writer.write(seal.marker)
        writer.write(0 as UInt32)
        writer.write(0 as UInt32)
        writer.write(kind.rawValue)
        writer.write(0 as UInt8)
        writer.write(UInt16(count))
        writer.write(position.readings)
        do throws(FormatError) {
            try body(&writer)
            let payload = writer.count - start - headerBytes
            guard payload <= LogLimits.payloadBytesMax else {
                throw .tooMany(what: "payload bytes", count: UInt64(payload), max: LogLimits.payloadBytesMax)
            }
            writer.overwrite(UInt32(payload), at: start + 8)
        } catch {
            writer.truncate(to: start)
            throw error
        }
        writer.pad(to: alignment, from: start)
        let checksum = writer.withUnsafeBytes { all in
            CRC32C.checksum(of: UnsafeRawBufferPointer(rebasing: all[(start + 8)...]), seed: seal.checksumSeed)
        }
        writer.overwrite(checksum, at: start + 4)
    }

    // MARK: Checking

    package enum Check: Hashable, Sendable {
        case valid(RecordFrame)
        /// Plausible so far, but the bytes end before the frame does.
        case incomplete
        case invalid
    }

    /// Looks at the bytes from `offset` on. `.valid` promises that `totalBytes` are there and that the checksum holds.
    package static func check(_ bytes: UnsafeRawBufferPointer, at offset: Int, seal: FrameSeal) -> Check {
        let left = bytes.count - offset
        guard offset >= 0, left >= headerBytes else { return left >= 0 ? .incomplete : .invalid }
        func word(_ index: Int) -> UInt32 {
            UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + index, as: UInt32.self))
        }
        guard word(0) == seal.marker, word(8) <= UInt32(LogLimits.payloadBytesMax) else { return .invalid }
        guard let kind = Kind(rawValue: bytes[offset + 12]), bytes[offset + 13] == 0 else { return .invalid }
        let count = Int(word(12) >> 16)
        let position = LogPosition(UInt64(word(20)) << 32 | UInt64(word(16)))
        guard count >= 1, count <= kind.countMax, position <= LogLimits.positionMax else { return .invalid }
        let frame = RecordFrame(kind: kind, count: count, position: position, payloadBytes: Int(word(8)))
        guard frame.totalBytes <= left else { return .incomplete }
        let covered = UnsafeRawBufferPointer(rebasing: bytes[(offset + 8)..<(offset + frame.totalBytes)])
        guard CRC32C.checksum(of: covered, seed: seal.checksumSeed) == word(4) else { return .invalid }
        return .valid(frame)
    }

    /// The payload of a frame that `check` found valid at `offset`.
    package func payload(in bytes: UnsafeRawBufferPointer, at offset: Int) -> UnsafeRawBufferPointer {
        let start = offset + Self.headerBytes
        return UnsafeRawBufferPointer(rebasing: bytes[start..<(start + payloadBytes)])
    }
}
