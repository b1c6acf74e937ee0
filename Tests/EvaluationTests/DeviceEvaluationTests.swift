import Detection
import Evaluation
import Telemetry
import Testing

@Suite struct DeviceEvaluationTests {
    static let skab = """
        datetime;Flow;Pressure;anomaly;changepoint
        2020-02-08 17:47:44;1.5;-2;0.0;0.0
        2020-02-08 17:47:45;;3e2;1.0;1.0

        """

    @Test func anExperimentIsRead() throws {
        let rows = try LabelledRows(name: "e", skab: Self.skab)
        #expect(rows.metrics.map(\.text) == ["Flow", "Pressure"])
        #expect(rows.labels == [false, true])
        #expect(rows.row(0) == [1.5, -2])
        #expect(rows.row(1)[0].isNaN && rows.row(1)[1] == 300)
        #expect(rows.times[1].microseconds(since: rows.times[0]) == 1_000_000)
        let dos = Self.skab.split(separator: "\n").joined(separator: "\r\n")
        #expect(try LabelledRows(name: "e", skab: dos).labels == rows.labels)
    }

    @Test(
        arguments: [
            ("", nil), ("datetime;anomaly;changepoint\n", nil), ("datetime;Flow;Pressure\n", nil),
            ("time;A;anomaly\n", nil),
            ("datetime;A;anomaly\n2020-02-08 17:47:44;1", 0),
            ("datetime;A;anomaly\n2020-02-08 17:47:44;1;0\nnever;1;0", 1),
            ("datetime;A;anomaly\n2020-02-08 17:47:44;one;0", 0), ("datetime;A;anomaly\n2020-02-08 17:47:44;1;", 0),
        ] as [(String, Int?)]) func whatIsNoExperimentIsRefused(text: String, row: Int?)
    {
        let error = row.map { EvaluationError.unreadableRow(series: "e", row: $0) } ?? .unreadableHead(series: "e")
        #expect(throws: error) { try LabelledRows(name: "e", skab: text) }
    }

    static let head = "reading,mote_id,indoor,humidity,temperature,label"

    @Test func motesAreRead() throws {
        let text = "\(Self.head)\n1,2,1,45.9,27.9,0\n1,1,0,50,20,1\n2,2,1,46,28,1\n"
        let motes = try LabelledRows.motes(name: "w", csv: text)
        #expect(motes.map(\.name) == ["w/1", "w/2"])
        #expect(motes[1].rows == [45.9, 27.9, 46, 28] && motes[1].labels == [false, true])
        #expect(motes[1].times[1].microseconds(since: motes[1].times[0]) == 5_000_000)
        for line in ["1,1,1,1,1", "x,1,1,1,1,0", "1,1,1,,1,0", "1,1,1,1,1,yes", "-1,1,1,1,1,0"] {
            #expect(throws: EvaluationError.unreadableRow(series: "w", row: 0)) {
                try LabelledRows.motes(name: "w", csv: "\(Self.head)\n\(line)")
            }
        }
        #expect(throws: EvaluationError.unreadableHead(series: "w")) {
            try LabelledRows.motes(name: "w", csv: "reading,mote\n")
        }
    }

    /// By hand: 3 found, 1 false, 2 missed, 4 quiet.
    @Test func sharesOfAlarms() throws {
        let alarms = [true, true, true, true, false, false, false, false, false, false]
        let labels = [true, true, true, false, true, true, false, false, false, false]
        let accuracy = try AlarmAccuracy(alarms: alarms, labels: labels)
        #expect(accuracy.f1 == 6.0 / 9 && accuracy.falseAlarmRate == 0.2 && accuracy.missedAlarmRate == 0.4)
        var twice = accuracy
        twice.add(accuracy)
        #expect(twice.f1 == accuracy.f1 && twice.trueNegatives == 8)
        let none = AlarmAccuracy()
        #expect(none.f1 == 0 && none.falseAlarmRate == 0 && none.missedAlarmRate == 0)
        #expect(throws: EvaluationError.unequalCounts(what: "labels", count: 0, expected: 1)) {
            try AlarmAccuracy(alarms: [true], labels: [])
        }
    }

    /// Three channels around their levels; from row 600 on the first is off.
    static func device(rows: Int) throws -> LabelledRows {
        var generator = SeededGenerator(seed: 3)
        let values = (0..<3 * rows).map { index in
            generator.drawUnit() + generator.drawUnit() + (index >= 1800 && index % 3 == 0 ? 5 : 0)
        }
        return try LabelledRows(
            name: "d", metrics: ["a", "b", "c"].map { Metric(unchecked: $0) },
            times: (0..<rows).map { Instant(microseconds: 1_000_000 * Int64($0 == 500 ? 3 : $0)) }, rows: values,
            labels: (0..<rows).map { $0 >= 600 })
    }

    @Test func aReplayIsTheSameEachTimeAndFindsWhatIsGross() throws {
        let device = try Self.device(rows: 700)
        let replay = DeviceReplay(device)
        #expect(replay == DeviceReplay(device))
        #expect(replay.scores.count == 700 && replay.scores.prefix(400).allSatisfy { $0 == 0 })
        for (row, score) in replay.scores.enumerated() {
            #expect((0...1).contains(score))
            #expect((score > DeviceReplay.line) == (replay.reasons[row] != nil))
        }
        let accuracy = try DeviceEvaluation.skab([device])
        #expect(accuracy.f1 > 0.95 && accuracy.falsePositives == 0)
        #expect(try #require(try DeviceEvaluation.motes([device])).rocAUC > 0.99)
    }

    @Test func whatIsTooShortToLearnFromIsSilent() throws {
        let device = try Self.device(rows: 80)
        #expect(DeviceReplay(device).scores == .init(repeating: 0, count: 80))
        #expect(try DeviceEvaluation.motes([device]) == nil)
        #expect(try DeviceEvaluation.skab([device]) == AlarmAccuracy())
    }

    @Test func theNABProtocolNamesOneDetector() throws {
        let series = try LabelledSeries(
            name: "s", times: (0..<900).map { Instant(microseconds: 300_000_000 * $0) },
            values: (0..<900).map { Double($0 * 7 % 11) + ($0 >= 800 ? 100 : 0) }, windows: [795...830])
        let scores = NABEvaluation.scores(of: series)
        #expect(scores.count == 900 && scores == NABEvaluation.scores(of: series))
        #expect(try NABEvaluation.standard([series]).normalized > 50)
    }
}
