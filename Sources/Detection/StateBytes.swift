/// Fields one after another, little-endian, for states that go from node to node and into the store.
struct StateWriter {
    private(set) var bytes: [UInt8] = []

    init(reserving count: Int) {
        bytes.reserveCapacity(count)
    }

    mutating func write(_ word: some FixedWidthInteger) {
        withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func write(_ value: Double) {
        write(value.bitPattern)
    }

    mutating func write(_ value: Float) {
        write(value.bitPattern)
    }
}

/// Reads what a `StateWriter` wrote. Nothing read can trap: what is missing or out of bounds makes the whole unsound, which
/// is asked once at the end.
struct StateReader {
    private let bytes: [UInt8]
    private var place = 0
    /// False once something was missing or out of bounds.
    private(set) var isSound = true

    init(_ bytes: some Collection<UInt8>) {
        self.bytes = Array(bytes)
    }

    var isAtEnd: Bool { place == bytes.count }

    mutating func readWord<Word: FixedWidthInteger & UnsignedInteger>(_: Word.Type = Word.self) -> Word {
        let count = Word.bitWidth / 8
        guard bytes.count - place >= count else {
            isSound = false
            return 0
        }
        defer { place += count }
        return (0..<count).reduce(0) { $0 | Word(bytes[place + $1]) << Word(8 * $1) }
    }

    /// A number within the bounds.
    mutating func readDouble(_ bounds: ClosedRange<Double>) -> Double {
        let value = Double(bitPattern: readWord())
        guard bounds.contains(value) else {
            isSound = false
            return bounds.lowerBound
        }
        return value
    }

    /// A number within the bounds, or the one that stands for none.
    mutating func readFloat(_ bounds: ClosedRange<Float>, or none: Float) -> Float {
        let value = Float(bitPattern: readWord())
        if value != none, !bounds.contains(value) { isSound = false }
        return value
    }
}
