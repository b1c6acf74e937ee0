import NIOCore
import ReadingFormats

extension GzipEncoder {
    /// What is ready after `buffer`; may be empty.
    func pack(_ buffer: ByteBuffer) -> ByteBuffer {
        var output: [UInt8] = []
        buffer.withUnsafeReadableBytes { encode($0, into: &output) }
        return ByteBuffer(bytes: output)
    }

    func packEnd() -> ByteBuffer {
        var output: [UInt8] = []
        finish(into: &output)
        return ByteBuffer(bytes: output)
    }

    static func packed(_ buffer: ByteBuffer) -> ByteBuffer {
        let encoder = GzipEncoder()
        var output: [UInt8] = []
        buffer.withUnsafeReadableBytes { encoder.encode($0, into: &output) }
        encoder.finish(into: &output)
        return ByteBuffer(bytes: output)
    }
}
