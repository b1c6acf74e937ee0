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
        let bytes = Array(bytes)
        guard bytes.count == Self.encodedCount, bytes[0] == Self.version else { return nil }
        var place = 1
        func next(_ count: Int) -> UInt64 {
            defer { place += count }
            return (0..<count).reduce(0) { $0 | UInt64(bytes[place + $1]) << (8 * UInt64($1)) }
        }
        func double() -> Double { Double(bitPattern: next(8)) }
        func float() -> Float { Float(bitPattern: UInt32(next(4))) }
        self.init(
            levels: (double(), double(), double()), lastTime: Instant(microseconds: Int64(bitPattern: next(8))),
            trend: float(), deviations: (float(), float(), float()), interval: float(), before: float(),
            readings: UInt16(next(2)), burden: UInt8(next(1)), resolution: UInt8(next(1)))
    }
}
