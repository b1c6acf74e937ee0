import Detection
import Foundation
import Telemetry
import Testing

/// Replays a recorded series with labelled windows (NAB, "ambient temperature system failure"). The data is not part
/// of the repository: `STARLING_DATA` names a folder that holds it, and without it the test says that it was skipped.
@Suite struct RecordedSeriesTests {
    static let folder = ProcessInfo.processInfo.environment["STARLING_DATA"]
    static let series = "realKnownCause/ambient_temperature_system_failure.csv"

    @Test(.enabled(if: folder != nil, "SKIPPED: set STARLING_DATA to a folder with nab/data and nab/labels"))
    func aFailingSystemIsSeenAndTheRestOfTheYearIsQuiet() throws {
        let folder = URL(filePath: try #require(Self.folder))
        let labels = try Data(contentsOf: folder.appending(path: "nab/labels/combined_windows.json"))
        let windows = try #require(JSONDecoder().decode([String: [[String]]].self, from: labels)[Self.series])
        let text = try String(contentsOf: folder.appending(path: "nab/data/" + Self.series), encoding: .utf8)

        var trainer = DetectorTrainer()
        var detector: Detector?
        var state = DetectorState()
        var (inside, outside, rows) = (0, 0, 0)
        for line in text.split(separator: "\n").dropFirst() {
            let fields = line.split(separator: ",")
            let timestamp = String(fields[0])
            let time = try #require(Instant(rfc3339: timestamp + "Z"))
            let value = try #require(Double(fields[1]))
            rows += 1
            guard let detector else {
                state.learn(value, at: time)
                trainer.append(value, at: time, series: DetectorBench.series(0))
                if trainer.isReady { detector = trainer.train(name: "temperature", version: 1, seed: 1) }
                continue
            }
            guard Detector.result(score: detector.score(value, at: time, state: &state)) == .anomaly else { continue }
            // Timestamps of one form sort as text; those of the windows have a fraction behind.
            if windows.contains(where: { $0[0] <= timestamp + ".000000" && timestamp + ".000000" <= $0[1] }) {
                inside += 1
            } else {
                outside += 1
            }
        }
        #expect(rows > 7000)
        #expect(inside >= 1)
        #expect(Double(outside) <= 0.002 * Double(rows), "\(outside) outside of the windows, \(inside) inside")
    }
}
