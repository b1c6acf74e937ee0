import Telemetry

/// Bytes for hand-over and for the store: version, then the fields in order, little-endian. Never renumber a version:
/// nodes of different age read each other's states.
extension EWMAResidual {
    package static let encodedCount = 61
    private static let version: UInt8 = 1

    package func encoded() -> [UInt8] {
        var bytes: [UInt8] = [Self.version]
        bytes.reserveCapacity(Self.encodedCount)
        func append(_ word: some FixedWidthInteger) {
            withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
        }
        for value in [level, last, slowLevel] { append(value.bitPattern) }
        append(lastTime.microseconds)
        for value in [trend, levelDeviation, stepDeviation, slowDeviation, interval, before] {
            append(value.bitPattern)
        }
        append(readings)
        append(burden)
        append(resolution.index)
        return bytes
    }

    /// - Returns: nil unless the bytes are a state of a known version with values that this type can hold.
    package init?(decoding bytes: some Collection<UInt8>) {
        guard bytes.count == Self.encodedCount, bytes.first == Self.version else { return nil }
        var rest = bytes.dropFirst()
        func next<Word: FixedWidthInteger & UnsignedInteger>(_: Word.Type) -> Word {
            var word: Word = 0
            for index in 0..<(Word.bitWidth / 8) { word |= Word(rest.popFirst() ?? 0) << (8 * index) }
            return word
        }
        func double() -> Double { Double(bitPattern: next(UInt64.self)) }
        func float() -> Float { Float(bitPattern: next(UInt32.self)) }
        self.init(
            levels: (double(), double(), double()),
            lastTime: Instant(microseconds: Int64(bitPattern: next(UInt64.self))),
            trend: float(), deviations: (float(), float(), float()), interval: float(), before: float(),
            readings: next(UInt16.self), burden: next(UInt8.self), resolution: next(UInt8.self))
    }
}
