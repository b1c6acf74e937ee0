import Telemetry
import Testing

@testable import PostgresStore

/// Which series are outlined ahead, and when.
@Suite struct OutlineQueueTests {
    private static func at(_ seconds: Int64) -> Moment { Moment(microseconds: seconds * 1_000_000) }

    /// All that can be done at a moment; nil at its end if the round is over.
    private static func round(_ queue: inout OutlineQueue, at seconds: Int64) -> [OutlineQueue.Next?] {
        var found: [OutlineQueue.Next?] = []
        repeat { found.append(queue.next(now: at(seconds))) } while found.last != .later && found.last != .some(nil)
        return found
    }

    @Test func aSeriesIsDueAfterManyReadingsAndOnce() {
        var queue = OutlineQueue()
        for _ in 0..<9 { queue.note([1: 1_000, 2: 1], late: [], now: Self.at(0)) }
        let tooFew = queue.beginRound()
        queue.note([1: 1_000], late: [], now: Self.at(0))
        queue.note([1: 50_000], late: [], now: Self.at(0))
        let enough = queue.beginRound()
        let again = queue.beginRound()
        #expect(!tooFew && enough && !again, "one is at it at a time")
        let first = queue.next(now: Self.at(0))
        #expect(first == .series(1))
        queue.putBack(1)
        let rest = Self.round(&queue, at: 0)
        #expect(rest == [.series(1), nil])
        queue.note([1: 9_999], late: [], now: Self.at(0))
        let anew = queue.beginRound()
        #expect(!anew, "it is counted anew")
    }

    @Test func whileOldReadingsComeItWaits() {
        var queue = OutlineQueue()
        queue.note([1: 20_000, 2: 20_000], late: [1], now: Self.at(10))
        let begun = queue.beginRound()
        #expect(begun)
        let early = Self.round(&queue, at: 12)
        #expect(early == [.series(2), .later])
        queue.note([1: 5], late: [1], now: Self.at(12))
        let later = Self.round(&queue, at: 14)
        #expect(later == [.later])
        let quiet = Self.round(&queue, at: 15)
        #expect(quiet == [.series(1), nil])
    }
}
