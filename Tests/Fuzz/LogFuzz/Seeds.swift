import FuzzKit
import LogFormat
import Telemetry

enum Seeds {
    private static let readings: ReadingBatch = {
        var batch = ReadingBatch.Builder(receivedAt: Instant(microseconds: 1_800_000_000_000_000))
        for index in 0..<9 {
            let series = Series(
                device: DeviceID(unchecked: index % 4 == 3 ? "dé" : "device-0\(index % 3)"),
                metric: Metric(unchecked: index % 2 == 0 ? "temperature" : "humidity"))
            let time = Instant(microseconds: 1_800_000_000_000_000 - Int64(index) * 777)
            batch.append(Reading(series: series, time: time, value: Double(index) / 4))
        }
        return batch.build()
    }()

    private static let verdicts: VerdictBatch = {
        var batch = VerdictBatch()
        batch.append(.learning)
        batch.append(.unscored)
        batch.append(
            Verdict(result: .normal, score: 0.25, model: ModelID(name: "temperature", version: 3), isLate: true))
        batch.append(
            Verdict(
                result: .anomaly, score: 0.75, model: ModelID(name: "humidity", version: 1), isLate: false,
                reason: "a jump of 7 deviations"))
        return batch
    }()

    static func all() throws -> [Seed] {
        let records = [LogRecord.readings(LogPosition(5), readings), .verdicts(LogPosition(5), verdicts)]
        let segment = (records + records).flatMap(encoded)
        var damaged = segment
        damaged[40] ^= 1
        var (readingBytes, verdictBytes, header) = (ByteWriter(), ByteWriter(), ByteWriter())
        try readings.encode(into: &readingBytes)
        try verdicts.encode(into: &verdictBytes)
        SegmentHeader(log: log, base: LogPosition(5), replaces: LogID(high: 3, low: 4)).encode(into: &header)
        let lives = [
            LogLife(writer: WriterID(1), start: LogPosition(0)), LogLife(writer: WriterID(2), start: LogPosition(9)),
        ]
        let room = [UInt8](repeating: 0, count: 64)
        return [
            Seed("segment", [0] + segment), Seed("segment-in-windows", [60] + segment),
            Seed("segment-damaged", [0] + damaged), Seed("segment-torn", [0] + segment.dropLast(20)),
            Seed("segment-with-room", [0] + segment + room), Seed("segment-mended", [1] + damaged),
            Seed("readings", [2] + readingBytes.bytes), Seed("verdicts", [3] + verdictBytes.bytes),
            Seed("header", [4] + header.bytes), Seed("lives", [5] + LogLife.encode(lives, of: log)),
        ]
    }
}
