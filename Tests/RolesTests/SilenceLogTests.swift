import Ports
import Telemetry
import Testing

@testable import Roles

/// What is kept of silences until the store knows them.
struct SilenceLogTests {
    private static func series(_ number: Int) -> Series {
        Series(device: DeviceID(unchecked: "device-\(number % 10)"), metric: Metric(unchecked: "m\(number)"))
    }

    private static func silence(_ number: Int) -> Silence {
        Silence(
            series: series(number), start: Instant(microseconds: Int64(number)), noticed: .epoch, end: nil, value: 1,
            usualInterval: 0)
    }

    private static func end(_ number: Int) -> SilenceEnd {
        SilenceEnd(series: series(number), start: Instant(microseconds: Int64(number)), end: .distantFuture)
    }

    @Test func anEndIsToldOnceTheStoreKnowsOfItsSilence() {
        var log = SilenceLog()
        log.note((0..<(SilenceLog.toldMax + 1)).map(Self.silence))
        log.note(Self.end(SilenceLog.toldMax))
        let (first, ends) = log.next
        #expect(first.count == SilenceLog.toldMax)
        #expect(ends.isEmpty)
        // What comes while the store is being told is kept.
        log.note([Self.silence(-1)])
        log.forget(first, ended: ends)
        let (rest, restEnds) = log.next
        #expect(rest == [Self.silence(SilenceLog.toldMax), Self.silence(-1)])
        #expect(restEnds == [Self.end(SilenceLog.toldMax)])
        log.forget(rest, ended: restEnds)
        #expect(log.began.isEmpty && log.ended.isEmpty)
    }

    /// The readings of a series may be behind others on their way to the store.
    @Test func aSilenceWaitsForItsSeries() {
        var log = SilenceLog()
        log.note((0..<4).map(Self.silence))
        for number in 0..<4 { log.note(Self.end(number)) }
        let (began, ended) = log.next
        let soon = Instant(microseconds: SilenceLog.unknownKept - 1)
        log.forget(began, ended: ended, but: [Self.series(1), Self.series(9)], at: soon)
        #expect(log.began == [Self.silence(1)] && log.ended == [Self.end(1)])
        log.note([Self.silence(5)])
        log.forget([Self.silence(1)], ended: [], but: [Self.series(1)], at: soon)
        #expect(log.began == [Self.silence(5), Self.silence(1)], "behind all others")
        let late = Instant(microseconds: SilenceLog.unknownKept)
        log.forget([Self.silence(1)], ended: [Self.end(1)], but: [Self.series(1)], at: late)
        #expect(log.began == [Self.silence(5)] && log.ended.isEmpty)
        // Deleted while the store was told.
        let (told, _) = log.next
        log.forget(Self.series(5).device, noticedUntil: .epoch)
        log.forget(told, ended: [], but: [Self.series(5)], at: soon)
        #expect(log.began.isEmpty)
    }

    @Test func itIsBounded() {
        var log = SilenceLog()
        #expect(log.room == SilenceLog.beganMax)
        log.note((0..<SilenceLog.beganMax).map(Self.silence))
        #expect(log.room == 0)
        for number in 0...(2 * SilenceLog.endedMax) { log.note(Self.end(number)) }
        #expect(log.ended.count == SilenceLog.endedMax)
        #expect(log.ended.last == Self.end(2 * SilenceLog.endedMax), "the oldest are dropped")
        #expect(log.droppedCount == SilenceLog.endedMax + 1)
    }

    @Test func aDeletedDeviceIsForgotten() {
        var log = SilenceLog()
        log.note((0..<20).map(Self.silence))
        for number in 0..<20 { log.note(Self.end(number)) }
        log.forget(DeviceID(unchecked: "device-3"), noticedUntil: .epoch)
        #expect(log.began.count == 18 && log.ended.count == 18)
        #expect(!log.began.contains(Self.silence(3)) && !log.ended.contains(Self.end(13)))
    }
}
