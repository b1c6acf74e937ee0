import Foundation
import ReadingFormats
import Telemetry

/// What a body costs before anything is done with it.
enum ParseFigures {
    private static let repetitions = 200
    /// Foundation is slower by far; fewer repetitions measure it as well.
    private static let peerRepetitions = 10

    static func measure(_ bench: Bench) throws -> [Figure] {
        let bodies = Bodies(batches: 1)
        return try figures("parse.ndjson", bodies.ndjson(0), .ndjson, bench)
            + figures("parse.array", bodies.array(0), .json, bench)
    }

    private static func figures(
        _ name: String, _ body: [UInt8], _ format: BodyFormat, _ bench: Bench
    ) throws -> [Figure] {
        let parser = ReadingParser()
        let received = Instant(microseconds: WallClock.microseconds())
        let readings = Double(Bodies.readingsPerBatch)
        let seconds = try bench.pairs(name) {
            try Stopwatch.secondsEach(repetitions) {
                let parsed = try parser.parse(body, as: format, receivedAt: received) { received }
                precondition(parsed.batch.count == Bodies.readingsPerBatch, "the parser lost readings")
                keep(parsed)
            }
        } peer: {
            try Stopwatch.secondsEach(peerRepetitions) { try parseWithFoundation(body, format) }
        }
        let megabytes = Double(body.count) / 1e6
        return [
            Figure(
                name + ".reading", unit: "us", better: .less,
                seconds.map { ($0.ours * 1e6 / readings, $0.peer * 1e6 / readings) }),
            Figure(
                name + ".throughput", unit: "MB/s", better: .more,
                seconds.map { (megabytes / $0.ours, megabytes / $0.peer) }),
        ]
    }

    private static func parseWithFoundation(_ body: [UInt8], _ format: BodyFormat) throws {
        switch format {
        case .json: keep(try JSONSerialization.jsonObject(with: Data(body)))
        case .ndjson:
            for line in body.split(separator: 0x0A) { keep(try JSONSerialization.jsonObject(with: Data(line))) }
        }
    }
}
