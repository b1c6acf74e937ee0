package import NIOCore

/// Bytes → frames. Holds at most one frame that is not whole yet, besides what it was just given.
package struct FrameReader: Sendable {
    private var bytes = ByteBuffer()
    /// Nil reads clear text.
    package var sealing: FrameSealing?
    /// Longest frame; small until the peer has proved who it is.
    package var frameBytesMax: Int

    package init(sealing: FrameSealing? = nil, frameBytesMax: Int = PeerLimits.frameBytesMax) {
        self.sealing = sealing
        self.frameBytesMax = frameBytesMax
    }

    /// Bytes that wait for the rest of their frame.
    package var bytesCount: Int { bytes.readableBytes }

    package mutating func append(_ more: ByteBuffer) {
        if bytes.readableBytes == 0 {
            bytes = more
        } else {
            var more = more
            bytes.discardReadBytes()
            bytes.writeBuffer(&more)
        }
    }

    /// - Returns: nil until a frame is whole.
    package mutating func next() throws(FrameError) -> Frame? {
        let start = bytes.readerIndex
        guard let length: UInt32 = bytes.getInteger(at: start, endianness: .little) else { return nil }
        // Checked before the frame is waited for: nobody makes this node collect more than a frame.
        guard length >= FrameHeader.bytes, length <= frameBytesMax else { throw .badLength(Int(length)) }
        guard bytes.readableBytes >= length, var whole = bytes.readSlice(length: Int(length)) else { return nil }
        let header = try Self.header(of: whole)
        guard sealing != nil else {
            whole.moveReaderIndex(forwardBy: FrameHeader.bytes)
            return Frame(header, whole)
        }
        let opened = whole.withUnsafeReadableBytes { raw in
            Result { () throws(FrameError) in
                try sealing?.open(
                    UnsafeRawBufferPointer(rebasing: raw[FrameHeader.bytes...]),
                    header: UnsafeRawBufferPointer(rebasing: raw[..<FrameHeader.bytes]))
            }
        }
        return Frame(header, try opened.get() ?? ByteBuffer())
    }

    private static func header(of frame: ByteBuffer) throws(FrameError) -> FrameHeader {
        let start = frame.readerIndex
        guard let version: UInt8 = frame.getInteger(at: start + 4),
            let kindNumber: UInt8 = frame.getInteger(at: start + 5),
            let flags: UInt8 = frame.getInteger(at: start + 6),
            let zero: UInt8 = frame.getInteger(at: start + 7),
            let id: UInt64 = frame.getInteger(at: start + 8, endianness: .little)
        else { throw .badLength(frame.readableBytes) }
        guard version == FrameHeader.version else { throw .otherVersion(version) }
        guard let kind = FrameKind(rawValue: kindNumber) else { throw .unknownKind(kindNumber) }
        guard flags & ~3 == 0, zero == 0, flags == 3 || kind.mayHaveParts else { throw .badFlags(flags) }
        return FrameHeader(kind: kind, isFirst: flags & 1 != 0, isLast: flags & 2 != 0, id: id)
    }
}

/// Frames → bytes.
package struct FrameWriter: Sendable {
    package var sealing: FrameSealing?

    package init(sealing: FrameSealing? = nil) {
        self.sealing = sealing
    }

    package mutating func write(
        _ header: FrameHeader, _ payload: ByteBuffer, into buffer: inout ByteBuffer
    ) throws(FrameError) {
        guard sealing != nil else {
            header.write(length: FrameHeader.bytes + payload.readableBytes, into: &buffer)
            buffer.writeImmutableBuffer(payload)
            return
        }
        // Apart, so that sealing reads it while `buffer` grows.
        var start = ByteBuffer()
        header.write(length: FrameHeader.bytes + payload.readableBytes + FrameHeader.tagBytes, into: &start)
        let result = start.withUnsafeReadableBytes { header in
            payload.withUnsafeReadableBytes { payload in
                buffer.writeBytes(header)
                return Result { () throws(FrameError) in try sealing?.seal(payload, header: header, into: &buffer) }
            }
        }
        _ = try result.get()
    }
}
