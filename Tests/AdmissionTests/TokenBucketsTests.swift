import Admission
import Telemetry
import Testing

@Suite struct TokenBucketsTests {
    private static let second: UInt64 = 1_000_000_000

    @Test func aBucketIsFullAtFirstAndFillsWithTime() {
        var buckets = TokenBuckets(.init(rate: 1))
        var now: UInt64 = 0
        for _ in 0..<10 { #expect(buckets.take(1, of: 1, now: now) == nil) }
        let wait = buckets.take(1, of: 1, now: now)
        #expect(wait == Self.second)
        #expect(buckets.take(1, of: 2, now: now) == nil, "another sender's bucket is its own")
        now += Self.second
        #expect(buckets.take(1, of: 1, now: now) == nil)
        #expect(buckets.take(1, of: 1, now: now) != nil)
    }

    /// A message is taken whole, and paid for afterwards.
    @Test func aMessageIsNeverSplit() {
        var buckets = TokenBuckets(.init(rate: 10))
        #expect(buckets.take(1_000, of: 1, now: 0) == nil)
        let wait = buckets.take(1, of: 1, now: 0)
        #expect(wait.map { $0 / Self.second } == 90)
        #expect(buckets.take(1, of: 1, now: 89 * Self.second) != nil)
        #expect(buckets.take(1, of: 1, now: 91 * Self.second) == nil)
    }

    /// Whatever a sender does, over any time it gets its rate, its burst, and one message.
    @Test(arguments: 0..<20) func theRateHolds(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let rate = Double(1 + random.draw(below: 1_000)) / 10
        var buckets = TokenBuckets(.init(rate: rate))
        var now: UInt64 = 0
        var taken = 0
        var largest = 0
        for _ in 0..<2_000 {
            now += UInt64(random.draw(below: 2_000_000_000))
            let tokens = 1 + random.draw(below: 50)
            guard let wait = buckets.take(tokens, of: 1, now: now) else {
                taken += tokens
                largest = max(largest, tokens)
                continue
            }
            // The wait that was told is long enough, for any message.
            var later = buckets
            #expect(later.take(1, of: 1, now: now + wait) == nil)
        }
        let seconds = Double(now) / 1e9
        #expect(Double(taken) <= rate * (seconds + 10) + Double(largest) + 1)
        #expect(Double(taken) >= min(rate * seconds, 20_000) * 0.5)
    }

    @Test func memoryIsBounded() {
        var settings = TokenBuckets.Settings(rate: 1)
        settings.sendersMax = 1_000
        var buckets = TokenBuckets(settings)
        for sender in 0..<100_000 as Range<UInt64> {
            _ = buckets.take(1, of: sender, now: sender)
            #expect(buckets.sendersCount <= 1_000)
        }
    }

    @Test func extremesDoNotTrap() {
        for rate in [1e-9, 1e9] {
            var buckets = TokenBuckets(.init(rate: rate))
            for now in [0, 1, UInt64.max / 2] as [UInt64] {
                _ = buckets.take(Int.max, of: 1, now: now)
                _ = buckets.take(0, of: 1, now: now)
                _ = buckets.take(-1, of: 1, now: now)
            }
        }
    }
}
