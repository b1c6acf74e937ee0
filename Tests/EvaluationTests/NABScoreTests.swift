import Evaluation
import Telemetry
import Testing

@Suite struct NABScoreTests {
    /// 100 rows, one a minute; probation is the first 15.
    static func series(windows: [ClosedRange<Int>]) throws -> LabelledSeries {
        try LabelledSeries(
            name: "s", times: (0..<100).map { Instant(microseconds: 60_000_000 * $0) },
            values: .init(repeating: 1, count: 100), windows: windows)
    }

    static func scores(_ detections: [Int: Double]) -> [Double] {
        (0..<100).map { detections[$0] ?? 0 }
    }

    @Test func silenceScoresZero() throws {
        let series = try Self.series(windows: [50...59])
        let score = try NABScore([series], scores: [Self.scores([:])], threshold: 0.5)
        #expect(score.normalized == 0)
        #expect(score.parts[0].windowsFoundCount == 0 && score.parts[0].falseAlarmsCount == 0)
    }

    @Test func theFirstRowOfEachWindowAndNothingElseIsPerfect() throws {
        let series = try Self.series(windows: [30...39, 60...69])
        let score = try NABScore([series], scores: [Self.scores([30: 1, 60: 0.9])])
        #expect(abs(score.normalized - 100) < 1e-9)
        #expect(score.threshold == 0.9)
        #expect(score.parts[0].windowsFoundCount == 2)
    }

    /// Weights by hand: 2/(1+e^(5y))−1 at y = −(rows to the right edge + 1)/width, over the same at −1.
    @Test(arguments: [(50, 1.0), (54, 0.91743), (59, 0.24824)]) func aLaterDetectionIsWorthLess(
        row: Int, weight: Double
    ) throws {
        let series = try Self.series(windows: [50...59])
        let score = try NABScore([series], scores: [Self.scores([row: 1])])
        #expect(abs(score.parts[0].score - weight) < 1e-4, "\(score.parts[0].score)")
        #expect(abs(score.normalized - 50 * (weight + 1)) < 0.01)
    }

    @Test func aFalseAlarmCostsLessJustBehindAWindow() throws {
        let series = try Self.series(windows: [50...59])
        func cost(_ row: Int) throws -> Double {
            try NABScore([series], scores: [Self.scores([50: 1, row: 1])], threshold: 0.5).parts[0].score - 1
        }
        let (near, far, before) = (try cost(60), try cost(95), try cost(20))
        #expect(-0.11 < near && near < -0.02)
        #expect(abs(far + 0.11) < 1e-9 && abs(before + 0.11) < 1e-9)
    }

    @Test func nothingCountsInTheProbation() throws {
        let series = try Self.series(windows: [50...59])
        let score = try NABScore([series], scores: [Self.scores([3: 1, 14: 1, 50: 1])], threshold: 0.5)
        #expect(score.parts[0].falseAlarmsCount == 0)
        #expect(abs(score.normalized - 100) < 1e-9)
    }

    @Test func oneThresholdServesAllSeries() throws {
        let series = try [Self.series(windows: [50...59]), Self.series(windows: [40...49])]
        // The second one's window is found only at a threshold that costs ten false alarms in the first.
        var noisy: [Int: Double] = [50: 0.9]
        for row in 20..<30 { noisy[row] = 0.4 }
        let score = try NABScore(series, scores: [Self.scores(noisy), Self.scores([40: 0.3])])
        #expect(score.threshold == 0.3)
        #expect(abs(score.normalized - 100 * (4 - 1.1) / 4) < 0.01)
    }

    @Test func theBestThresholdIsNeverWorseThanAnyOther() throws {
        var generator = SeededGenerator(seed: 5)
        let series = try Self.series(windows: [30...39, 60...69])
        let scores = (0..<100).map { _ in generator.drawUnit() }
        let best = try NABScore([series], scores: [scores]).normalized
        for threshold in scores {
            let other = try NABScore([series], scores: [scores], threshold: threshold).normalized
            #expect(other <= best + 1e-9)
        }
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let series = try Self.series(windows: [50...59])
        #expect(throws: EvaluationError.unequalCounts(what: "scores", count: 3, expected: 100)) {
            try NABScore([series], scores: [[0, 0, 0]])
        }
        #expect(throws: EvaluationError.notANumber(row: 7)) {
            try NABScore([series], scores: [Self.scores([7: .nan])])
        }
        #expect(throws: EvaluationError.badWindows(series: "s")) { try Self.series(windows: [50...59, 59...70]) }
        #expect(throws: EvaluationError.badWindows(series: "s")) { try Self.series(windows: [90...100]) }
    }

    @Test func aFileIsRead() throws {
        let text = "timestamp,value\r\n2014-04-10 07:15:00,1.5\r\n2014-04-10 07:20:00,2\r\n"
        let windows = [["2014-04-10 07:15:00.000000", "2014-04-10 07:20:00.000000"]]
        let series = try LabelledSeries(name: "f", csv: text, windows: windows)
        #expect(series.values == [1.5, 2])
        #expect(series.windows == [0...1])
        #expect(series.times[1].microseconds(since: series.times[0]) == 300_000_000)
        #expect(throws: EvaluationError.unreadableRow(series: "f", row: 1)) {
            try LabelledSeries(name: "f", csv: "timestamp,value\n2014-04-10 07:15:00,1\nnothing", windows: [])
        }
        #expect(throws: EvaluationError.badWindows(series: "f")) {
            try LabelledSeries(name: "f", csv: text, windows: [["2014-04-10 07:16:00", "2014-04-10 07:20:00"]])
        }
    }
}
