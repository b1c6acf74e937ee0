import Detection
import Foundation
import Telemetry
import Testing

@Suite struct DetectorReasonTests {
    /// A metric with its model, and one device of it, warm.
    static func warm(_ values: (Int) -> Double, seconds: Int = 300) -> (Detector, DetectorState, Instant) {
        var trainer = DetectorTrainer()
        var state = DetectorState()
        var time = DetectorBench.start
        for index in 0..<256 {
            trainer.append(values(index), at: time, series: DetectorBench.series(0))
            state.learn(values(index), at: time)
            time = time.advanced(byMicroseconds: Int64(seconds) * 1_000_000)
        }
        let detector = trainer.train(name: "temperature", version: 1, seed: 1)
        for index in 256..<3000 {
            _ = detector.assess(values(index), at: time, state: &state)
            time = time.advanced(byMicroseconds: Int64(seconds) * 1_000_000)
        }
        return (detector, state, time)
    }

    /// Noise between −1 and 1 that an index always has.
    static func noise(_ index: Int) -> Double {
        var generator = SeededGenerator(seed: UInt64(index))
        return 2 * generator.drawUnit() - 1
    }

    @Test func onlyAnomaliesHaveAReason() {
        let (detector, state, time) = Self.warm { 20 + Self.noise($0) }
        #expect(detector.assess(20.2, at: time, frozen: state).reason == nil)
        let far = detector.assess(90, at: time, frozen: state)
        #expect(far.score > 0.5)
        #expect(far.reason?.description.hasPrefix("outside everything seen so far: 90, never above 21 before") == true)
    }

    /// By night it is 10, by day 30: at 14:00 a value of the night is within the range and still wrong.
    @Test func aValueOfAnotherHourIsNamedByItsHour() throws {
        func value(_ index: Int) -> Double {
            let seconds = DetectorBench.start.microseconds / 1_000_000 + Int64(index) * 300
            let hour = seconds % 86_400 / 3_600
            return (8..<20 ~= hour ? 30 : 10) + 0.3 * Self.noise(index)
        }
        var (detector, state, time) = Self.warm(value)
        for _ in 0..<288 where time.microseconds / 1_000_000 % 86_400 / 3_600 != 14 {
            let index = Int(time.microseconds(since: DetectorBench.start) / 300_000_000)
            _ = detector.assess(value(index), at: time, state: &state)
            time = time.advanced(byMicroseconds: 300_000_000)
        }
        // Single jumps of this size come each morning and evening; that this one stays is what is wrong.
        var reasons: [String] = []
        for index in 0..<12 {
            let found = detector.assess(10 + 0.3 * Self.noise(index), at: time, state: &state)
            time = time.advanced(byMicroseconds: 300_000_000)
            if let reason = found.reason { reasons.append(reason.description) }
        }
        let first = try #require(reasons.first)
        #expect(first.hasSuffix("σ below its usual 14:00 value"), "\(first)")
    }

    @Test func aStuckSensorIsNamedWithItsValueAndItsTime() throws {
        var (detector, state, time) = Self.warm { 20 + Self.noise($0) }
        var reasons: [AnomalyReason] = []
        for _ in 0..<40 {
            if let reason = detector.assess(20.5, at: time, state: &state).reason { reasons.append(reason) }
            time = time.advanced(byMicroseconds: 300_000_000)
        }
        // Told once, and shown for as long as it lasts.
        #expect(reasons.first?.description == "stuck at 20.5 for 60 min")
        #expect(reasons.last?.description == "stuck at 20.5 for 3 h" && reasons.count == 28)
        #expect(detector.assess(20.1, at: time, state: &state).reason == nil)
    }

    @Test func theForeignAndTheUnspeakableAreNamed() {
        let (detector, state, time) = Self.warm { 20 + Self.noise($0) }
        #expect(detector.assess(.nan, at: time, frozen: state).reason == .notFinite)
        #expect(detector.assess(5000, at: time, frozen: DetectorState()).reason == .foreign)
    }

    @Test func whatTheWatchFindsRanksAboveALoneSpike() {
        let (detector, state, time) = Self.warm { $0 % 500 == 100 ? 30 : 20 + 0.5 * Self.noise($0) }
        let spike = detector.assess(27, at: time, frozen: state)
        let unseen = detector.assess(33, at: time, frozen: state)
        #expect(unseen.score > spike.score)
    }

    /// A rare fault is told each time; what comes by the dozen is a habit.
    @Test func habitsOfASeriesAreLearned() {
        var (detector, state, time) = Self.warm { 20 + Self.noise($0) }
        var (early, late) = (0, 0)
        for index in 0..<2000 {
            let isSpike = index % 5 == 4
            let found = detector.assess(isSpike ? 26 : 20 + Self.noise(index), at: time, state: &state)
            time = time.advanced(byMicroseconds: 300_000_000)
            guard isSpike, found.reason != nil else { continue }
            if index < 200 { early += 1 }
            if index >= 1500 { late += 1 }
        }
        #expect(early > 5)
        #expect(late <= 2)
    }
}
