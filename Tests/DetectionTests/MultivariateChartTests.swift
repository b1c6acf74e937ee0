import Telemetry
import Testing

@testable import Detection

@Suite struct MultivariateChartTests {
    /// Two channels with correlation 0.8 and one by itself.
    static let covariance = SymmetricMatrix(count: 3, lower: [1, 0.8, 1, 0, 0, 1])

    static func row(_ generator: inout SeededGenerator) -> [Double] {
        let (one, two, three) = (
            SeriesKind.gaussian(&generator), SeriesKind.gaussian(&generator), SeriesKind.gaussian(&generator)
        )
        return [one, 0.8 * one + 0.6 * two, three]
    }

    static func chart(gain: Double = 0.1, persistence: Double = 0) throws -> MEWMA {
        try #require(
            MEWMA(covariance: covariance, persistence: [persistence, persistence, persistence], gain: gain))
    }

    /// Lowry's chart by hand: after one row z = λx, and its variance is λ² times that of x.
    @Test func theFirstRowIsHotellings() throws {
        var chart = try Self.chart(gain: 0.2)
        let row = [1.0, -1, 0.5]
        let expected = try #require(Self.covariance.inverse()).quadratic(row)
        let found = chart.take(row)
        #expect(abs(found - expected) < 1e-9)
    }

    @Test(arguments: [1, 5, 20, 200]) func theMeanDistanceIsTheCountOfChannelsAtAnyAge(age: Int) throws {
        var generator = SeededGenerator(seed: 5)
        var sum = 0.0
        for _ in 0..<1000 {
            var chart = try Self.chart()
            var last = 0.0
            for _ in 0..<age { last = chart.take(Self.row(&generator)) }
            sum += last
        }
        #expect(abs(sum / 1000 - 3) < 0.35, "\(sum / 1000)")
    }

    @Test func rowsLikeTheirNeighboursAreAllowedFor() throws {
        var generator = SeededGenerator(seed: 6)
        var (plain, aware) = (try Self.chart(gain: 0.05), try Self.chart(gain: 0.05, persistence: 0.5))
        var row = [0.0, 0, 0]
        var sums = (0.0, 0.0)
        for _ in 0..<20_000 {
            row = zip(row, Self.row(&generator)).map { 0.5 * $0 + 0.75.squareRoot() * $1 }
            sums.0 += plain.take(row)
            sums.1 += aware.take(row)
        }
        #expect(abs(sums.1 / 20_000 - 3) < 0.4, "\(sums.1 / 20_000)")
        #expect(sums.0 > 2 * sums.1)
    }

    @Test func aSmallShiftThatLastsIsFarBeyondWhatRowsShow() throws {
        var generator = SeededGenerator(seed: 7)
        var chart = try Self.chart(gain: 0.05)
        var shifted = 0.0
        for _ in 0..<200 {
            var row = Self.row(&generator)
            row[2] += 1
            shifted = chart.take(row)
        }
        #expect(shifted > 20)
        #expect(chart.contributions.max() == chart.contributions[2])
        let moved = chart.accept()
        #expect(abs(moved[2] - 1) < 0.5)
        #expect(chart.distance == 0)
    }

    @Test func theSubspaceTellsFurtherFromDifferent() {
        var generator = SeededGenerator(seed: 8)
        var chart = SubspaceChart(covariance: Self.covariance)
        #expect(chart.variances.count == 2)
        var (tSquareds, qs) = (0.0, 0.0)
        for _ in 0..<5000 {
            chart.take(Self.row(&generator))
            (tSquareds, qs) = (tSquareds + chart.tSquared / 5000, qs + chart.q / 5000)
        }
        #expect(abs(tSquareds - 2) < 0.1 && abs(qs - 0.2) < 0.01, "\(tSquareds) \(qs)")
        let lines = chart.lines(budget: 1e-4)
        var (further, different) = (chart, chart)
        for _ in 0..<20 {
            further.take([8, 8, 0])
            different.take([2, -2, 0])
        }
        #expect(further.tSquared > lines.tSquared && further.q < lines.q)
        #expect(different.tSquared < lines.tSquared && different.q > lines.q)
    }

    @Test func oneChannelHasNothingBeside() {
        let lines = SubspaceChart(covariance: SymmetricMatrix(diagonal: [1])).lines(budget: 1e-4)
        #expect(lines.q == .infinity && lines.tSquared > 1)
    }

    @Test func anAlarmEndsBelowItsLineOrFarBelowItsWorst() {
        var line = EpisodeLine()
        func step(_ value: Double) -> Bool { line.take(value, worst: value) > 1 }
        var told = step(0.99)
        #expect(!told)
        for (value, isAlarm) in [(1.01, true), (0.8, true), (0.7, false), (0.9, false), (1.1, true), (10, true)] {
            told = step(value)
            #expect(told == isAlarm, "\(value)")
        }
        told = step(5)
        #expect(!told, "half of the worst")
        told = step(6)
        #expect(told)
        for _ in 0..<3000 { told = step(1.05) }
        #expect(told, "the worst is forgotten")
    }
}
