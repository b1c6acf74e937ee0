import LogFormat
import Telemetry
import Testing

struct LogLifeTests {
    private let log = LogID(high: 3, low: 4)

    private static func lives(_ count: Int) -> [LogLife] {
        (0..<count).map {
            LogLife(writer: WriterID(UInt64($0) &* 0x9E37_79B9_7F4A_7C15), start: LogPosition(UInt64($0)))
        }
    }

    @Test(arguments: [0, 1, 2, LogLife.countMax]) func whatIsWrittenIsRead(_ count: Int) {
        let bytes = LogLife.encode(Self.lives(count), of: log)
        #expect(bytes.count == LogLife.bytesCount)
        #expect(bytes.withUnsafeBytes { LogLife.decode($0, of: log) } == Self.lives(count))
    }

    @Test func theNewestAreKept() {
        let bytes = LogLife.encode(Self.lives(40), of: log)
        #expect(bytes.withUnsafeBytes { LogLife.decode($0, of: log) } == Self.lives(40).suffix(LogLife.countMax))
    }

    @Test func anyOtherBitOrLengthOrLogIsNobodysLife() {
        let bytes = LogLife.encode(Self.lives(3), of: log)
        for bit in 0..<(bytes.count * 8) {
            var damaged = bytes
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(damaged.withUnsafeBytes { LogLife.decode($0, of: log) }.isEmpty, "bit \(bit)")
        }
        for count in [0, 1, 31, 511] {
            #expect(bytes[..<count].withUnsafeBytes { LogLife.decode($0, of: log) }.isEmpty)
        }
        #expect(bytes.withUnsafeBytes { LogLife.decode($0, of: LogID(high: 3, low: 5)) }.isEmpty)
    }
}
