import DataPlane
import Telemetry
import Testing

/// How long silence must be listened to before it is one. In seconds.
struct SilenceWatchTests {
    private static func moment(_ seconds: Double) -> Moment { Moment(microseconds: Int64(seconds * 1_000_000)) }

    /// Looks every half second up to and with the end.
    private static func look(_ watch: inout SilenceWatch, _ from: Double, _ to: Double) {
        for step in 0...Int((to - from) * 2) {
            let now = moment(from + Double(step) / 2)
            if watch.look(now) { watch.wait(until: nil, now) }
        }
    }

    /// Heard at, silent after, when it is silent; listening began at 100.
    @Test(arguments: [
        // Heard here since.
        (110.0, 10.0, 120.0), (110, 300, 410), (100, 10, 110),
        // Not heard since: the time before counts for nothing.
        (0, 10, 110), (99, 15, 115), (-1_000_000, 10, 110),
    ])
    func aSeriesHasItsTimeSinceItWasHeardAndSinceListeningBegan(heard: Double, after: Double, silent: Double) {
        var watch = SilenceWatch()
        watch.begin(Self.moment(100))
        let silentAt = watch.silentAt(
            heardAt: Self.moment(heard), silentAfter: Self.moment(after).microseconds)
        #expect(silentAt == Self.moment(silent))
    }

    @Test func aStandstillBeginsAnew() {
        for (pause, isStandstill) in [(2.9, false), (3, false), (3.1, true), (600, true)] {
            var watch = SilenceWatch()
            watch.begin(Self.moment(0))
            Self.look(&watch, 0.5, 9)
            let woken = Self.moment(9 + pause)
            let isDue = watch.look(woken)
            let silentAt = watch.silentAt(heardAt: Self.moment(0), silentAfter: 10_000_000)
            #expect(silentAt == (isStandstill ? woken.advanced(byMicroseconds: 10_000_000) : Self.moment(10)))
            #expect(isDue == (pause < 3.1 && pause > 1), "after \(pause) s")
        }
    }

    @Test func seriesAreGoneThroughWhenOneMayBeSilentAndEveryTenSeconds() {
        var watch = SilenceWatch()
        watch.begin(Self.moment(0))
        var looks: [Double] = []
        for step in 1...80 {
            let now = Self.moment(Double(step) / 2)
            guard watch.look(now) else { continue }
            looks.append(Double(step) / 2)
            // One series that is silent at 13 if it is not heard, and at 25 since it was.
            watch.wait(until: step < 26 ? Self.moment(13) : Self.moment(25), now)
            if step >= 50 { watch.wait(until: nil, now) }
        }
        #expect(looks == [10, 13, 23, 25, 35])
    }

    @Test func whatDidNotFitIsAskedForAgainAtOnce() {
        var watch = SilenceWatch()
        watch.begin(Self.moment(0))
        Self.look(&watch, 0, 10)
        watch.wait(until: Self.moment(10), Self.moment(10))
        let isDue = watch.look(Self.moment(10.5))
        #expect(isDue)
    }

    @Test func aWatchThatNeverBeganBeginsWithTheFirstLook() {
        var watch = SilenceWatch()
        let isDue = watch.look(Self.moment(1_000))
        #expect(!isDue)
        let silentAt = watch.silentAt(heardAt: Moment(microseconds: .min), silentAfter: 10_000_000)
        #expect(silentAt == Self.moment(1_010))
    }
}
