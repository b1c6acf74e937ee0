import CZlib

/// Unpacks a gzip stream (RFC 1952) chunk by chunk: one member or several, one behind the other.
///
/// Feed each chunk as it arrives, then call `finish`. After an error the decoder only repeats it. Not for two tasks at
/// once.
package final class GzipDecoder {
    /// Output is made in steps of this size, so that a bomb costs one step beyond the limit at most.
    private static let stepByteCount = 64 * 1024
    /// A window of 32 KiB (15), and gzip alone (16): zlib's own header or a raw stream is corrupt here.
    private static let windowBits: Int32 = 15 + 16

    private let limitBytes: Int
    private var produced = 0
    /// At a fixed address: zlib's state points back at it.
    private let stream: UnsafeMutablePointer<z_stream>
    private let room = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: stepByteCount)
    private var isWithinMember = false
    private var hasMember = false
    private var failure: GzipError?

    /// - Parameter limitBytes: Of all output together.
    package init(limitBytes: Int) {
        precondition(limitBytes >= 0, "a limit of \(limitBytes) bytes")
        self.limitBytes = limitBytes
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let status = inflateInit2_(
            stream, Self.windowBits, ZLIB_VERSION, Int32(truncatingIfNeeded: MemoryLayout<z_stream>.size))
        precondition(status == Z_OK, "inflateInit2 returned \(status): no memory, or zlib and its header differ")
    }

    deinit {
        inflateEnd(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
        room.deallocate()
    }

    /// Unpacks `chunk` and appends what it holds to `output`.
    package func decode(_ chunk: UnsafeRawBufferPointer, into output: inout [UInt8]) throws(GzipError) {
        if let failure { throw failure }
        var rest = chunk[...]
        while !rest.isEmpty {
            // zlib counts in 32 bits.
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(Int(Int32.max)))
            rest = rest.dropFirst(part.count)
            do throws(GzipError) {
                try inflate(part, into: &output)
            } catch {
                failure = error
                throw error
            }
        }
    }

    package func decode(_ chunk: [UInt8], into output: inout [UInt8]) throws(GzipError) {
        try chunk.span.withUnsafeBytes { bytes throws(GzipError) in try decode(bytes, into: &output) }
    }

    /// Says that no chunk follows.
    package func finish() throws(GzipError) {
        if let failure { throw failure }
        guard hasMember, !isWithinMember else { throw .truncated }
    }

    /// All of `bytes` in one go.
    package static func decode(_ bytes: [UInt8], limitBytes: Int) throws(GzipError) -> [UInt8] {
        let decoder = GzipDecoder(limitBytes: limitBytes)
        var output: [UInt8] = []
        try decoder.decode(bytes, into: &output)
        try decoder.finish()
        return output
    }

    private func inflate(_ input: UnsafeRawBufferPointer, into output: inout [UInt8]) throws(GzipError) {
        // zlib reads `next_in` and never writes through it.
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(truncatingIfNeeded: input.count)
        defer {
            stream.pointee.next_in = nil
            stream.pointee.avail_in = 0
        }
        // A full step may leave more behind in zlib's window, also when the input is used up.
        var isStepFull = false
        while stream.pointee.avail_in > 0 || isStepFull {
            if !isWithinMember {
                guard stream.pointee.avail_in > 0 else { return }
                if hasMember { inflateReset(stream) }
                isWithinMember = true
            }
            isStepFull = try step(into: &output)
        }
    }

    /// One call of zlib. Room is asked for one byte beyond the limit, to tell "as much as" from "more than".
    /// - Returns: true if all of the room was used.
    private func step(into output: inout [UInt8]) throws(GzipError) -> Bool {
        let asked = min(room.count - 1, limitBytes - produced) + 1
        stream.pointee.next_out = room.baseAddress
        stream.pointee.avail_out = UInt32(truncatingIfNeeded: asked)
        let status = CZlib.inflate(stream, Z_NO_FLUSH)
        let made = asked - Int(stream.pointee.avail_out)
        output.append(contentsOf: UnsafeBufferPointer(rebasing: room[..<min(made, limitBytes - produced)]))
        guard made <= limitBytes - produced else { throw .tooLarge(limit: limitBytes) }
        produced += made
        switch status {
        case Z_OK: return made == asked
        // No progress without more input: the chunk is used up.
        case Z_BUF_ERROR where stream.pointee.avail_in == 0: return false
        case Z_STREAM_END:
            isWithinMember = false
            hasMember = true
            return false
        default: throw .corrupt(reason(of: status))
        }
    }

    private func reason(of status: Int32) -> String {
        // zlib says "incorrect header check" of bytes behind the last member, too.
        if hasMember, stream.pointee.total_in < 10 { return "other bytes follow its end" }
        if let message = stream.pointee.msg { return String(cString: message) }
        return status == Z_NEED_DICT ? "it needs a dictionary" : "zlib code \(status)"
    }
}
