import Telemetry
import Testing

@testable import PostgresStore

/// Which series are outlined ahead, and when.
@Suite struct OutlineQueueTests {
    private static func at(_ seconds: Int64) -> Moment { Moment(microseconds: seconds * 1_000_000) }

    @Test func aSeriesIsDueAfterManyReadingsAndOnce() {
        var queue = OutlineQueue()
        #expect(!queue.beginRound())
        for _ in 0..<9 { queue.note([1: 1_000, 2: 1], late: [], now: Self.at(0)) }
        #expect(!queue.beginRound())
        queue.note([1: 1_000], late: [], now: Self.at(0))
        queue.note([1: 50_000], late: [], now: Self.at(0))
        #expect(queue.beginRound())
        #expect(!queue.beginRound(), "somebody is at it")
        #expect(queue.next(now: Self.at(0)) == .series(1))
        queue.putBack(1)
        #expect(queue.next(now: Self.at(0)) == .series(1))
        #expect(queue.next(now: Self.at(0)) == nil)
        #expect(!queue.beginRound())
        queue.note([1: 9_999], late: [], now: Self.at(0))
        #expect(!queue.beginRound(), "it is counted anew")
    }

    @Test func whileOldReadingsComeItWaits() {
        var queue = OutlineQueue()
        queue.note([1: 20_000, 2: 20_000], late: [1], now: Self.at(10))
        #expect(queue.beginRound())
        #expect(queue.next(now: Self.at(10)) == .series(2))
        #expect(queue.next(now: Self.at(12)) == .later)
        queue.note([1: 5], late: [1], now: Self.at(12))
        #expect(queue.next(now: Self.at(14)) == .later)
        #expect(queue.next(now: Self.at(15)) == .series(1))
    }
}
