import Foundation
import NodeHarness
import Telemetry
import Testing

extension NodeTests {
    /// Recordings sent by `starling simulate --replay`.
    @Suite(.timeLimit(.minutes(2))) struct ReplayTests {
        private func replay(
            _ file: String, device: String, type: String, to node: NodeProcess
        ) throws -> ChildProcess.Result {
            try ChildProcess.run(
                try Programs.starling(),
                [
                    "simulate", "--replay", file, "--device", device, "--type", type, "--server",
                    "http://127.0.0.1:\(node.port)",
                ])
        }

        @Test func everyDistinctRowIsStored() throws {
            let folder = try TemporaryFolder()
            let place = try NodeTests.place(in: folder)
            var lines = ["timestamp,value"]
            var expected = KeySum()
            for row in 0..<5_000 {
                // Every tenth row is said twice; every seventh has a neighbour of the same time and another value.
                let time = Instant(microseconds: 1_577_836_800_000_000 + Int64(row) * 60_000_000)
                let values = row % 7 == 0 ? [Double(row), Double(row) + 0.5] : [Double(row)]
                for value in values {
                    let line = "\(time),\(value)"
                    lines += row % 10 == 0 ? [line, line] : [line]
                    expected.add(device: "greenhouse", metric: "lux", time: time.microseconds, value: value)
                }
            }
            let file = try folder.write(lines.joined(separator: "\n") + "\n", to: "rows.csv")
            let node = try NodeProcess.ready(at: place)
            let result = try replay(file, device: "greenhouse", type: "lux", to: node)
            #expect(result.exit == .code(0), "\(result.errors)")
            let ledger = try node.waitForLedger { $0.pending == 0 }
            #expect(ledger.accepted == lines.count - 1)
            #expect(ledger.stored == expected.count)
            #expect(ledger.duplicates == lines.count - 1 - expected.count)
            try NodeTests.stop(node)
            #expect(try Database(place.database).keys() == expected)
        }

        /// The folder with the public data sets: STARLING_DATA, else beside the repository.
        static let data: String? = {
            let named = ProcessInfo.processInfo.environment["STARLING_DATA"]
            let beside = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared/data").path
            return [named, beside].lazy.compactMap(\.self).first {
                FileManager.default.fileExists(atPath: $0 + "/nab/labels/combined_windows.json")
            }
        }()

        private struct Episode: Decodable {
            let start: String
            let peak: String
        }

        @Test(.enabled(if: data != nil, "no data sets: set STARLING_DATA to the folder that holds nab/"))
        func aRecordedFailureRaisesAnAlarmWhereItsLabelsSay() throws {
            let data = try #require(Self.data)
            let name = "realKnownCause/ambient_temperature_system_failure.csv"
            let folder = try TemporaryFolder()
            let place = try NodeTests.place(in: folder)
            let node = try NodeProcess.ready(at: place)
            let rows = try String(contentsOfFile: "\(data)/nab/data/\(name)", encoding: .utf8).split(separator: "\n")
            let result = try replay("\(data)/nab/data/\(name)", device: "office", type: "temperature", to: node)
            #expect(result.exit == .code(0), "\(result.errors)")
            let ledger = try node.waitForLedger { $0.pending == 0 }
            #expect(ledger.stored == Set(rows.dropFirst()).count)

            let labels = try Data(contentsOf: URL(filePath: "\(data)/nab/labels/combined_windows.json"))
            let windows = try #require(JSONDecoder().decode([String: [[String]]].self, from: labels)[name])
            try #require(!windows.isEmpty)
            let answer = try node.get("/anomalies?from=2013-01-01T00:00:00Z&to=2015-01-01T00:00:00Z&limit=1000")
            let episodes = try JSONDecoder().decode([Episode].self, from: Data(answer.body))
            // Both are ISO 8601 to the second, in UTC: their texts compare as times do.
            let alarms = episodes.flatMap { [$0.start, $0.peak] }.map { String($0.prefix(19)) }
            let caught = windows.filter { window in
                let bounds = window.map { $0.replacing(" ", with: "T").prefix(19) }
                return alarms.contains { bounds[0] <= $0 && $0 <= bounds[1] }
            }
            #expect(!caught.isEmpty, "\(episodes.count) episodes, none within \(windows)")
            try NodeTests.stop(node)
        }
    }
}
