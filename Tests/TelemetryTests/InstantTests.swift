import Telemetry
import Testing

struct InstantTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0 as Int64), ("1970-01-01T00:00:00.000001Z", 1), ("1969-12-31T23:59:59.999999Z", -1),
        ("2026-11-22T15:04:05Z", 1_795_359_845_000_000), ("2026-11-22T15:04:05.123Z", 1_795_359_845_123_000),
        ("2026-11-22T15:04:05.123456789Z", 1_795_359_845_123_456), ("2026-11-22T15:04:05.1Z", 1_795_359_845_100_000),
        ("2026-11-22T16:04:05+01:00", 1_795_359_845_000_000), ("2026-11-22T09:34:05-05:30", 1_795_359_845_000_000),
        ("2026-11-23T15:03:05+23:59", 1_795_359_845_000_000), ("2026-11-22T15:04:05-00:00", 1_795_359_845_000_000),
        ("2026-11-22t15:04:05z", 1_795_359_845_000_000), ("2026-11-22 15:04:05Z", 1_795_359_845_000_000),
        ("2000-02-29T00:00:00Z", 951_782_400_000_000), ("2024-02-29T12:00:00Z", 1_709_208_000_000_000),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),  // a leap second counts as the one after it
        ("0000-01-01T00:00:00Z", -62_167_219_200_000_000), ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
        ("1900-03-01T00:00:00Z", -2_203_891_200_000_000), ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
        ("9999-12-31T23:59:59-23:59", 253_402_387_139_000_000), ("0000-01-01T00:00:00+23:59", -62_167_305_540_000_000),
    ])
    func textIsRead(text: String, microseconds: Int64) {
        #expect(Instant(rfc3339: text) == Instant(microseconds: microseconds))
    }

    @Test(arguments: [
        "", "Z", "2026", "2026-11-22", "2026-11-22T15:04Z", "2026-11-22T15:04:05", "2026-11-22T15:04:05.Z",
        "2026-11-22T15:04:05,5Z", "2026-11-22T15:04:05Z ", " 2026-11-22T15:04:05Z", "2026-11-22T15:04:05ZZ",
        "2026-11-22T15:04:05+1:00", "2026-11-22T15:04:05+01", "2026-11-22T15:04:05+0100", "2026-11-22T15:04:05+24:00",
        "2026-11-22T15:04:05+01:60", "2026-11-22T15:04:05+01:00Z", "2026-11-22_15:04:05Z", "26-11-22T15:04:05Z",
        "2026-1-22T15:04:05Z", "2026-00-22T15:04:05Z", "2026-13-22T15:04:05Z", "2026-11-00T15:04:05Z",
        "2026-11-31T15:04:05Z", "2026-02-29T15:04:05Z", "1900-02-29T00:00:00Z", "2100-02-29T00:00:00Z",
        "2024-02-30T00:00:00Z", "2026-04-31T00:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T15:60:05Z",
        "2026-11-22T15:04:61Z", "+2026-11-22T15:04:05Z", "-026-11-22T15:04:05Z", "12026-11-22T15:04:05Z",
        "2026-11-22T15:04:05.123", "2026-11-22T15:04:0５Z", "２026-11-22T15:04:05Z", "2026-11-22T15:04:05\u{0}Z",
        "2026/11/22T15:04:05Z", "20261122T150405Z", "2026-W47-7T15:04:05Z", "1795359845",
    ])
    func anythingElseIsNoTime(text: String) {
        #expect(Instant(rfc3339: text) == nil)
    }

    @Test(arguments: [
        (0 as Int64, "1970-01-01T00:00:00.000Z"), (1_795_359_845_000_000, "2026-11-22T15:04:05.000Z"),
        (1_795_359_845_120_000, "2026-11-22T15:04:05.120Z"), (1_795_359_845_000_001, "2026-11-22T15:04:05.000001Z"),
        (1_795_359_845_123_450, "2026-11-22T15:04:05.123450Z"), (-1, "1969-12-31T23:59:59.999999Z"),
        (-62_167_219_200_000_000, "0000-01-01T00:00:00.000Z"), (951_782_400_000_000, "2000-02-29T00:00:00.000Z"),
    ])
    func timesAreWrittenWithThreeOrSixDigits(microseconds: Int64, text: String) {
        #expect(Instant(microseconds: microseconds).description == text)
    }

    /// Years 0000 to 9999 are what RFC 3339 can say.
    @Test func everyTimeIsReadBackAsItWasWritten() {
        var generator = SeededGenerator(seed: 1)
        let first: Int64 = -62_167_219_200_000_000
        for _ in 0..<5000 {
            let offset = Int64(generator.draw(below: 315_569_520_000_000_000))
            let unit = [1, 1000, 1_000_000, 86_400_000_000][generator.draw(below: 4)]
            let instant = Instant(microseconds: (first + offset) / Int64(unit) * Int64(unit))
            #expect(Instant(rfc3339: instant.description) == instant)
        }
    }

    @Test func everyDayIsReadBackAsItWasWritten() {
        for day in 0..<(400 * 366) {
            let instant = Instant(microseconds: Int64(day) * 86_400_000_000)
            guard Instant(rfc3339: instant.description) == instant else {
                Issue.record("day \(day) is written as \(instant)")
                return
            }
        }
    }

    /// Of whole milliseconds, which are all written with three digits: what is later sorts later.
    @Test func theTextSortsAsTheTime() {
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<2000 {
            let times = (0..<2).map { _ in Instant(microseconds: Int64(generator.draw(below: 1 << 57)) / 1000 * 1000) }
            #expect((times[0] < times[1]) == (times[0].description < times[1].description))
        }
    }

    @Test func anyBytesGiveATimeOrNone() {
        var generator = SeededGenerator(seed: 3)
        let good = Array("2026-11-22T15:04:05.123456+01:00".utf8)
        for _ in 0..<20_000 {
            var bytes = Array(good[..<(1 + generator.draw(below: good.count))])
            for _ in 0..<generator.draw(below: 4) {
                bytes[generator.draw(below: bytes.count)] = UInt8(truncatingIfNeeded: generator.next())
            }
            let instant = bytes.withUnsafeBufferPointer { Instant(rfc3339: $0) }
            guard let instant else { continue }
            #expect(Instant(rfc3339: instant.description) == instant)
        }
    }

    @Test(arguments: [Instant.distantPast, .distantFuture, Instant(microseconds: .min + 1)])
    func theFarthestTimesCanBeWritten(instant: Instant) {
        #expect(instant.description.hasSuffix("Z"))
    }

    @Test(arguments: [
        (Int64.max, 1 as Int64, Int64.max), (.max - 1, 1, .max), (.min, -1, .min), (.max, .max, .max),
        (.min, .min, .min), (0, .min, .min), (5, -7, -2), (.max, .min, -1),
    ])
    func additionSaturates(start: Int64, delta: Int64, end: Int64) {
        #expect(Instant(microseconds: start).advanced(byMicroseconds: delta).microseconds == end)
    }

    @Test(arguments: [
        (5 as Int64, 3 as Int64, 2 as Int64), (3, 5, -2), (.max, -1, .max), (.min, 1, .min), (.max, .min, .max),
        (.min, .max, .min), (0, .min, .max), (-1, .min, .max), (.min, .min, 0), (.max, .max, 0),
    ])
    func differencesSaturate(later: Int64, earlier: Int64, difference: Int64) {
        #expect(Instant(microseconds: later).microseconds(since: Instant(microseconds: earlier)) == difference)
    }
}
