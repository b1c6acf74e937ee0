import Telemetry
import Testing

@testable import Detection

/// The values that would raise no alarm by themselves if they came next.
@Suite struct ExpectedRangeTests {
    /// What happens to a clean series, so that levels move and spikes are usual.
    enum Course: CaseIterable {
        case clean, stepped, spiky, faulty

        func change(_ values: [Double], by deviation: Double) -> [Double] {
            values.enumerated().map { index, value in
                switch self {
                case .clean: value
                case .stepped: value + (index / 150 % 2 == 0 ? 0 : 6 * deviation)
                // A habit since its first day, and two of them in a row.
                case .spiky: value + (index % 20 < 2 ? 7 * deviation : 0)
                case .faulty: value + (index % 97 == 96 ? 40 * deviation : 0)
                }
            }
        }
    }

    private static func detector(typical: Double) throws -> Detector {
        let world = try #require(MetricWorld(center: 20, halfSpan: 5, typicalDeviation: typical))
        return Detector(id: ModelID(name: "m", version: 1), world: world, familiarity: nil, readingsCount: 0)
    }

    /// What is said of a state, beside what scoring makes of the edges and of what is outside.
    private struct Findings {
        var ranges = 0
        /// Of a side that the reading before made narrower.
        var lopsided = 0
        var alarmsInside = 0
        var silentOutside = 0
        var missedOutside = 0
        var holdsNext = 0

        mutating func take(
            _ range: ClosedRange<Double>, _ state: DetectorState, _ detector: Detector, at time: Instant
        ) {
            func raw(_ value: Double) -> Double {
                let found = state.residual.residual(of: value, at: time, typical: detector.world.typicalDeviation)
                return state.reach.raw(found.quick, line: EWMAResidual.outlyingFrom)
            }
            let (lower, upper) = (range.lowerBound, range.upperBound)
            let width = upper - lower
            ranges += 1
            alarmsInside += [lower, upper, (lower + upper) / 2, lower + width / 9].count { raw($0) > 1 }
            silentOutside += [lower - width / 10_000, upper + width / 10_000].count { raw($0) <= 1 }
            missedOutside += [lower - 0.15 * width, upper + 0.15 * width].count {
                Detector.result(score: detector.score($0, at: time, frozen: state)) != .anomaly
            }
            let middle = detector.middle(of: state)
            if abs((upper - middle) - (middle - lower)) > width / 100 { lopsided += 1 }
        }
    }

    @Test(arguments: SeriesKind.allCases, Course.allCases)
    func withinItNothingAlarmsByItselfAndBeyondItEverythingDoes(kind: SeriesKind, course: Course) throws {
        var findings = Findings()
        var warm = 0
        for seed in DetectorTests.seeds {
            for typical in [0, kind.deviation] {
                let detector = try Self.detector(typical: typical)
                var generator = SeededGenerator(seed: seed)
                let values = course.change(kind.values(count: 700, generator: &generator), by: kind.deviation)
                var state = DetectorState()
                var time = DetectorBench.start
                for value in values {
                    time = time.advanced(byMicroseconds: Int64(kind.intervalSeconds) * 1_000_000)
                    // A shift that lasts is a new start.
                    warm += state.residual.isWarm ? 1 : 0
                    if let range = detector.expected(after: state) {
                        findings.take(range, state, detector, at: time)
                        findings.holdsNext += range.contains(value) ? 1 : 0
                    }
                    _ = detector.assess(value, at: time, state: &state)
                }
            }
        }
        #expect(findings.ranges == warm)
        #expect(warm >= 2 * DetectorTests.seeds.count * 650)
        #expect(findings.alarmsInside == 0)
        #expect(findings.silentOutside == 0)
        #expect(findings.missedOutside == 0)
        if course == .spiky, kind != .constant { #expect(findings.lopsided > 0) }
        if course == .clean {
            #expect(Double(findings.holdsNext) >= 0.998 * Double(findings.ranges), "\(findings.holdsNext)")
        }
    }

    @Test func aSeriesThatIsNotWarmHasNone() throws {
        let detector = try Self.detector(typical: 1)
        var state = DetectorState()
        for index in 0..<Int(EWMAResidual.warmUpCount) {
            #expect(detector.expected(after: state) == nil)
            let time = DetectorBench.start.advanced(byMicroseconds: Int64(index) * 1_000_000)
            _ = detector.assess(20 + Double(index % 3), at: time, state: &state)
        }
        let range = try #require(detector.expected(after: state))
        #expect(range.contains(21))
        #expect(Model.detector(detector).expected(after: state) == range)
    }

    @Test func theFamiliarityMovesNothing() throws {
        var bench = DetectorBench()
        var generator = SeededGenerator(seed: 3)
        _ = bench.flagged(SeriesKind.gaussian.values(count: 400, generator: &generator), kind: .gaussian)
        let detector = try #require(bench.detector)
        let state = try #require(bench.states[0])
        #expect(detector.familiarity != nil)
        let alone = Detector(id: detector.id, world: detector.world, familiarity: nil, readingsCount: 0)
        let range = try #require(detector.expected(after: state))
        #expect(alone.expected(after: state) == range)
        #expect(range.contains(20) && range.lowerBound > 10 && range.upperBound < 30)
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>) func extremesNeverTrap(seed: UInt64) throws {
        let extremes = [
            0, -0.0, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1e36, -1e36, 1e300, .leastNonzeroMagnitude,
            1, 1e-300, 1e15 + 0.5,
        ]
        var generator = SeededGenerator(seed: seed)
        for typical in [0, 1, 1e-300, .greatestFiniteMagnitude] {
            let detector = try Self.detector(typical: typical)
            var state = DetectorState()
            var time = DetectorBench.start
            for _ in 0..<200 {
                let value = extremes[Int(generator.drawUnit() * Double(extremes.count))]
                time = time.advanced(byMicroseconds: 1_000_000)
                _ = detector.assess(value, at: time, state: &state)
                guard let range = detector.expected(after: state) else { continue }
                #expect(range.lowerBound.isFinite && range.upperBound.isFinite)
            }
        }
    }

    /// States come from the store and from other nodes.
    @Test(arguments: 1...20 as ClosedRange<UInt64>) func whateverIsReadAsAStateNeverTraps(seed: UInt64) throws {
        let detector = try Self.detector(typical: 1)
        var generator = SeededGenerator(seed: seed)
        var state = DetectorState()
        for index in 0..<60 {
            let time = DetectorBench.start.advanced(byMicroseconds: Int64(index) * 1_000_000)
            _ = detector.assess(20 + SeriesKind.gaussian(&generator), at: time, state: &state)
        }
        let bytes = state.encoded()
        var read = 0
        for _ in 0..<2_000 {
            var bytes = bytes
            for _ in 0..<3 {
                bytes[Int(generator.drawUnit() * Double(bytes.count))] = UInt8(generator.drawUnit() * 255)
            }
            guard let state = DetectorState(decoding: bytes) else { continue }
            read += 1
            _ = detector.expected(after: state)
        }
        #expect(read > 0)
    }
}

extension Detector {
    /// What the quick residual is measured from.
    fileprivate func middle(of state: DetectorState) -> Double {
        let residual = state.residual
        let forecast = residual.forecast(at: residual.lastTime, typical: world.typicalDeviation)
        return residual.levelDeviation <= residual.stepDeviation ? forecast.level : residual.last
    }
}
