/// Grows an array of bytes: fixed integers little endian, others as varints (LEB128), strings with their length first.
///
/// The array is kept longer than what was written, so that a loop over a column asks for room once and then stores
/// through a pointer; `clear` keeps the room for the next use.
package struct ByteWriter: Sendable {
    /// The longest form of a 64-bit varint.
    package static let varintBytesMax = 10

    private var storage: [UInt8]
    /// Bytes written so far.
    package private(set) var count = 0

    package init(reserving room: Int = 256) {
        storage = [UInt8](repeating: 0, count: max(room, 16))
    }

    /// A copy of what was written.
    package var bytes: [UInt8] { Array(storage[..<count]) }

    package func withUnsafeBytes<Value>(_ body: (UnsafeRawBufferPointer) -> Value) -> Value {
        storage.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }

    package mutating func clear() {
        count = 0
    }

    /// Forgets what was written from `end` on.
    package mutating func truncate(to end: Int) {
        precondition(end >= 0 && end <= count, "truncate to \(end) of \(count) bytes")
        count = end
    }

    // MARK: Fields

    package mutating func write(_ value: UInt8) {
        withRoom(1) { room in
            room.storeBytes(of: value, as: UInt8.self)
            return 1
        }
    }

    package mutating func write(_ value: UInt16) { writeFixed(value.littleEndian) }
    package mutating func write(_ value: UInt32) { writeFixed(value.littleEndian) }
    package mutating func write(_ value: UInt64) { writeFixed(value.littleEndian) }
    package mutating func write(_ value: Int64) { write(UInt64(bitPattern: value)) }
    package mutating func write(_ value: Double) { write(value.bitPattern) }

    package mutating func writeVarint(_ value: UInt64) {
        withRoom(Self.varintBytesMax) { Self.storeVarint(value, at: $0) }
    }

    package mutating func writeVarint(_ value: Int) {
        precondition(value >= 0, "a negative varint \(value)")
        writeVarint(UInt64(value))
    }

    /// Small numbers of either sign become short: 0, −1, 1, −2, … are 0, 1, 2, 3, ….
    package mutating func writeSignedVarint(_ value: Int64) {
        writeVarint(Self.zigzag(value))
    }

    package mutating func write(bytes: UnsafeRawBufferPointer) {
        withRoom(bytes.count) { room in
            if let source = bytes.baseAddress { room.copyMemory(from: source, byteCount: bytes.count) }
            return bytes.count
        }
    }

    package mutating func write(bytes: [UInt8]) {
        bytes.withUnsafeBytes { write(bytes: $0) }
    }

    /// The length in bytes as a varint, then the UTF-8.
    package mutating func write(string: String) {
        var string = string
        string.withUTF8 { utf8 in
            writeVarint(utf8.count)
            write(bytes: UnsafeRawBufferPointer(utf8))
        }
    }

    /// Writes zeros until `count` is a multiple of `alignment`, counted from `start`.
    package mutating func pad(to alignment: Int, from start: Int = 0) {
        let over = (count - start) % alignment
        guard over > 0 else { return }
        let zeros = alignment - over
        withRoom(zeros) { room in
            for index in 0..<zeros { room.storeBytes(of: 0, toByteOffset: index, as: UInt8.self) }
            return zeros
        }
    }

    /// Puts a value over bytes written before: lengths and checksums are known only after what they cover.
    package mutating func overwrite(_ value: UInt32, at offset: Int) {
        precondition(offset >= 0 && offset + 4 <= count, "overwrite at \(offset) of \(count) bytes")
        storage.withUnsafeMutableBytes { all in
            all.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt32.self)
        }
    }

    // MARK: Room

    /// Lends room for at least `bytesMax` bytes; `body` returns how many of them it filled.
    @inline(__always)
    package mutating func withRoom(_ bytesMax: Int, _ body: (UnsafeMutableRawPointer) -> Int) {
        if storage.count - count < bytesMax { grow(by: bytesMax) }
        let start = count
        let filled = storage.withUnsafeMutableBytes { all -> Int in
            guard let base = all.baseAddress else { return 0 }
            return body(base + start)
        }
        assert(filled <= bytesMax, "\(filled) bytes in a room of \(bytesMax)")
        count += filled
    }

    @inline(never)
    private mutating func grow(by more: Int) {
        let room = max(storage.count * 2, count + more)
        var larger = [UInt8](repeating: 0, count: room)
        larger.withUnsafeMutableBytes { target in
            storage.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
        storage = larger
    }

    @inline(__always)
    private mutating func writeFixed<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        let size = MemoryLayout<Value>.size
        withRoom(size) { room in
            room.storeBytes(of: value, as: Value.self)
            return size
        }
    }

    /// - Returns: the bytes stored, at most `varintBytesMax`.
    @inline(__always)
    static func storeVarint(_ value: UInt64, at target: UnsafeMutableRawPointer) -> Int {
        var rest = value
        var length = 0
        while rest >= 0x80 {
            target.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: length, as: UInt8.self)
            rest >>= 7
            length += 1
        }
        target.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: length, as: UInt8.self)
        return length + 1
    }

    @inline(__always)
    static func zigzag(_ value: Int64) -> UInt64 {
        UInt64(bitPattern: (value << 1) ^ (value >> 63))
    }
}
