import NIOCore

/// In the place of the one that seals, with a library for it that takes minutes to build: these fuzzers read clear frames,
/// since no input of chance opens a sealed one.
package struct FrameSealing: Sendable {
    mutating func seal(
        _ payload: UnsafeRawBufferPointer, header: UnsafeRawBufferPointer, into buffer: inout ByteBuffer
    ) throws(FrameError) {
        throw .badSeal
    }

    mutating func open(
        _ sealed: UnsafeRawBufferPointer, header: UnsafeRawBufferPointer
    ) throws(FrameError) -> ByteBuffer {
        throw .badSeal
    }
}
