import CZlib

/// Packs bytes as one gzip member, chunk by chunk or in one go. Not for two tasks at once.
package final class GzipEncoder {
    private static let stepByteCount = 16 * 1024
    private static let windowBits: Int32 = 15 + 16
    /// zlib's default: memory of some 256 KiB while packing.
    private static let memoryLevel: Int32 = 8
    /// Fast: answers are packed on the way out, and level 6 takes three times as long for a tenth less.
    package static let levelDefault = 1

    /// At a fixed address: zlib's state points back at it.
    private let stream: UnsafeMutablePointer<z_stream>
    private let room = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: stepByteCount)
    private var isFinished = false

    /// - Parameter level: 1 (fast) to 9 (small).
    package init(level: Int = GzipEncoder.levelDefault) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let status = deflateInit2_(
            stream, Int32(max(1, min(9, level))), Z_DEFLATED, Self.windowBits, Self.memoryLevel, Z_DEFAULT_STRATEGY,
            ZLIB_VERSION, Int32(truncatingIfNeeded: MemoryLayout<z_stream>.size))
        precondition(status == Z_OK, "deflateInit2 returned \(status): no memory, or zlib and its header differ")
    }

    deinit {
        deflateEnd(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
        room.deallocate()
    }

    /// Packs `chunk`; what is ready is appended to `output`.
    /// - Parameter flush: All of the input so far can be unpacked from the output so far: for answers that trickle.
    package func encode(_ chunk: UnsafeRawBufferPointer, into output: inout [UInt8], flush: Bool = false) {
        precondition(!isFinished, "a gzip member was finished and goes on")
        var rest = chunk[...]
        repeat {
            // zlib counts in 32 bits.
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(Int(Int32.max)))
            rest = rest.dropFirst(part.count)
            deflate(part, rest.isEmpty && flush ? Z_SYNC_FLUSH : Z_NO_FLUSH, into: &output)
        } while !rest.isEmpty
    }

    package func encode(_ chunk: [UInt8], into output: inout [UInt8], flush: Bool = false) {
        chunk.withUnsafeBytes { encode($0, into: &output, flush: flush) }
    }

    /// Ends the member with its checksum.
    package func finish(into output: inout [UInt8]) {
        precondition(!isFinished, "a gzip member was finished twice")
        deflate(UnsafeRawBufferPointer(start: nil, count: 0), Z_FINISH, into: &output)
        isFinished = true
    }

    /// All of `bytes` in one go.
    package static func encode(_ bytes: [UInt8], level: Int = GzipEncoder.levelDefault) -> [UInt8] {
        let encoder = GzipEncoder(level: level)
        var output: [UInt8] = []
        encoder.encode(bytes, into: &output)
        encoder.finish(into: &output)
        return output
    }

    private func deflate(_ input: UnsafeRawBufferPointer, _ mode: Int32, into output: inout [UInt8]) {
        // zlib reads `next_in` and never writes through it.
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(truncatingIfNeeded: input.count)
        var isStepFull = true
        while isStepFull {
            stream.pointee.next_out = room.baseAddress
            stream.pointee.avail_out = UInt32(truncatingIfNeeded: room.count)
            let status = CZlib.deflate(stream, mode)
            // `Z_BUF_ERROR` says that there was nothing to do; the rest is misuse of zlib by this type.
            precondition(
                status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR, "deflate returned \(status)")
            isStepFull = stream.pointee.avail_out == 0
            let made = room.count - Int(stream.pointee.avail_out)
            output.append(contentsOf: UnsafeBufferPointer(rebasing: room[..<made]))
        }
        stream.pointee.next_in = nil
        stream.pointee.next_out = nil
    }
}
