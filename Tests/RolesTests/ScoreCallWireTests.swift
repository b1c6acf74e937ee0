import DataPlane
import HashRing
import LogFormat
import Ports
import Roles
import Telemetry
import Testing

struct ScoreCallWireTests {
    private static func call() -> ScoreCall {
        var call = ScoreCall(
            origin: LogID(high: 3, low: 4), writer: WriterID(0xFEDC_BA98_7654_3210), number: CallNumber(7))
        let series = (0..<3).map {
            Series(device: DeviceID(unchecked: "device-\($0)"), metric: Metric(unchecked: "temperature"))
        }
        let first = call.add(series: series)
        for index in 0..<12 {
            call.append(
                slot: Slot(UInt16(index / 4)), series: first + UInt32(index % 3),
                time: Instant(microseconds: Int64(index)), value: Double(index) / 8,
                receivedAt: Instant(microseconds: 100), position: LogPosition(UInt64(40 + index)))
        }
        return call
    }

    @Test func aCallComesThroughWithTheLifeThatMadeIt() throws {
        var writer = ByteWriter()
        try Self.call().encode(into: &writer)
        let bytes = writer.withUnsafeBytes { Array($0) }
        let decoded = try bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            return try ScoreCall(decoding: &reader)
        }
        #expect(decoded == Self.call())
    }

    @Test func aCallThatIsCutAnywhereIsAnErrorAndNoTrap() throws {
        var writer = ByteWriter()
        try Self.call().encode(into: &writer)
        let bytes = writer.withUnsafeBytes { Array($0) }
        for count in 0..<bytes.count {
            bytes[..<count].withUnsafeBytes { bytes in
                var reader = ByteReader(bytes)
                #expect(throws: FormatError.self) { try ScoreCall(decoding: &reader) }
            }
        }
    }
}
