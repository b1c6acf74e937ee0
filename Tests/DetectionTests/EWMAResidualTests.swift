import Detection
import Telemetry
import Testing

@Suite struct EWMAResidualTests {
    /// A series after `count` Gaussian readings (20 ± 1), one a second.
    static func warm(count: Int = 300, seed: UInt64 = 1) -> (EWMAResidual, SeededGenerator, Instant) {
        var generator = SeededGenerator(seed: seed)
        var residual = EWMAResidual()
        var time = DetectorBench.start
        for _ in 0..<count {
            time = time.advanced(byMicroseconds: 1_000_000)
            residual.update(with: 20 + SeriesKind.gaussian(&generator), at: time, typical: 0)
        }
        return (residual, generator, time.advanced(byMicroseconds: 1_000_000))
    }

    @Test func theStateIsTiny() {
        #expect(MemoryLayout<EWMAResidual>.size <= 64)
        #expect(EWMAResidual().encoded().count == EWMAResidual.encodedCount)
        #expect(EWMAResidual.encodedCount <= 64)
    }

    @Test func deviationsAreOfTheSeries() {
        let (residual, _, time) = Self.warm()
        let found = residual.residual(of: 26, at: time, typical: 0)
        #expect((4.5...7).contains(found.deviations))
        #expect((-7 ... -4.5).contains(residual.residual(of: 14, at: time, typical: 0).deviations))
    }

    @Test func nothingIsSaidBeforeTheWarmUp() {
        let (residual, _, time) = Self.warm(count: Int(EWMAResidual.warmUpCount) - 1)
        #expect(!residual.isWarm)
        #expect(residual.residual(of: 1e6, at: time, typical: 0).deviations == 0)
        #expect(Self.warm(count: Int(EWMAResidual.warmUpCount)).0.isWarm)
    }

    @Test func aBurstOfAnomaliesDoesNotHideTheNext() {
        var (residual, _, time) = Self.warm()
        for index in 0..<(Int(EWMAResidual.relevelCount) - 1) {
            let value = 20 + (index.isMultiple(of: 2) ? 50.0 : -50)
            #expect(abs(residual.residual(of: value, at: time, typical: 0).deviations) > 20)
            residual.update(with: value, at: time, typical: 0)
            time = time.advanced(byMicroseconds: 1_000_000)
        }
        #expect(residual.residual(of: 28, at: time, typical: 0).deviations > 4.2)
        #expect(abs(residual.residual(of: 20, at: time, typical: 0).deviations) < 3)
    }

    @Test(arguments: [8.0, 50, 1e6, -30]) func aLevelShiftIsAcceptedAfterABoundedNumberOfReadings(shift: Double) {
        var (residual, generator, time) = Self.warm()
        var flagged = 0
        for index in 0..<60 {
            let value = 20 + shift + SeriesKind.gaussian(&generator)
            let size = residual.residual(of: value, at: time, typical: 0).quick
            if size > 4.2 { flagged += 1 }
            if index > 25 { #expect(size < 4.2, "reading \(index) after the shift") }
            residual.update(with: value, at: time, typical: 0)
            time = time.advanced(byMicroseconds: 1_000_000)
        }
        #expect((1...20).contains(flagged))
    }

    @Test func theFirstStepOfAConstantSeriesCountsInItsResolution() {
        var residual = EWMAResidual()
        var time = DetectorBench.start
        for _ in 0..<500 {
            time = time.advanced(byMicroseconds: 1_000_000)
            residual.update(with: 20, at: time, typical: 0)
        }
        #expect(residual.residual(of: 21, at: time, typical: 0).deviations < 4.2)
        #expect(residual.residual(of: 25, at: time, typical: 0).deviations > 4.2)
        #expect(residual.residual(of: 20, at: time, typical: 0).deviations == 0)
    }

    @Test func forecastsAgeInAGap() {
        let (residual, _, time) = Self.warm()
        let soon = residual.residual(of: 26, at: time, typical: 0).deviations
        let later = residual.residual(of: 26, at: time.advanced(byMicroseconds: 60_000_000), typical: 0).deviations
        let muchLater = residual.residual(of: 26, at: .distantFuture, typical: 0).deviations
        #expect(later < soon)
        #expect(muchLater <= later && muchLater > 2)
    }

    @Test func aSlowDriftShowsAgainstTheSlowLevel() {
        var (residual, generator, time) = Self.warm(count: 1500)
        var largest = 0.0
        for index in 0..<100 {
            let value = 20 + 0.08 * Double(index) + SeriesKind.gaussian(&generator)
            largest = max(largest, residual.residual(of: value, at: time, typical: 0).slow)
            residual.update(with: value, at: time, typical: 0)
            time = time.advanced(byMicroseconds: 1_000_000)
        }
        #expect(largest > 4.2)
    }

    @Test func whatIsNotFiniteIsLeftOut() {
        let (before, _, time) = Self.warm()
        var after = before
        for value in [Double.nan, .infinity, -.infinity] { after.update(with: value, at: time, typical: 0) }
        #expect(after == before)
    }

    @Test(arguments: [0, 1, 7, 8, 300, 2000]) func bytesBringTheStateBack(count: Int) {
        let (residual, _, _) = Self.warm(count: count)
        #expect(EWMAResidual(decoding: residual.encoded()) == residual)
        var state = DetectorState()
        for index in 0..<count { state.learn(Double(index % 9), at: Instant(microseconds: Int64(index))) }
        #expect(DetectorState(decoding: state.encoded()) == state)
    }

    @Test func shortLongAndNewerBytesAreNoState() {
        let bytes = DetectorState().encoded()
        #expect(DetectorState(decoding: [UInt8]()) == nil)
        for count in 0..<bytes.count { #expect(DetectorState(decoding: bytes.prefix(count)) == nil) }
        #expect(DetectorState(decoding: bytes + [0]) == nil)
        for version in [0, 1, 3, 255] as [UInt8] {
            #expect(DetectorState(decoding: [version] + bytes.dropFirst()) == nil)
        }
    }

    /// What decodes from random bytes must go on working: scores within 0 and 1, and bytes of its own.
    @Test func anyBytesDecodeToNothingOrToAStateThatWorks() {
        var generator = SeededGenerator(seed: 3)
        var known = DetectorState()
        for index in 0..<600 {
            known.learn(
                20 + SeriesKind.gaussian(&generator),
                at: DetectorBench.start.advanced(byMicroseconds: Int64(index - 600) * 60_000_000))
        }
        let original = known.encoded()
        let detector = DetectorTrainer().train(name: "m", version: 1, seed: 1)
        var decoded = 0
        for _ in 0..<5000 {
            var bytes = original
            for _ in 0...generator.draw(below: 4) {
                bytes[generator.draw(below: bytes.count)] = UInt8(truncatingIfNeeded: generator.next())
            }
            guard var state = DetectorState(decoding: bytes) else { continue }
            decoded += 1
            for value in [20, -1e300, 1e300, 0] {
                let score = detector.score(value, at: DetectorBench.start, state: &state)
                #expect(score >= 0 && score <= 1)
            }
            #expect(DetectorState(decoding: state.encoded()) == state)
        }
        #expect(decoded > 100)
    }
}
