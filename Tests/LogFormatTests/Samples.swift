import LogFormat
import Telemetry

/// Values drawn from a seed, ordinary and odd ones mixed.
struct Samples {
    var generator: SeededGenerator

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
    }

    private static let alphabets = ["abcdefghij-0123456789", "ÄßéñЖ漢字🛰", " ~!\"%/\\"]

    mutating func text(utf8CountMax: Int) -> String {
        let alphabet = Array(Self.alphabets[generator.draw(below: 4) % 3].unicodeScalars)
        let wanted = 1 + generator.draw(below: generator.draw(below: 8) == 0 ? utf8CountMax : min(16, utf8CountMax))
        var text = String.UnicodeScalarView()
        while true {
            let scalar = alphabet[generator.draw(below: alphabet.count)]
            if String(text).utf8.count + UTF8.width(scalar) > wanted { break }
            text.append(scalar)
        }
        return text.isEmpty ? "x" : String(text)
    }

    mutating func integer() -> Int64 {
        switch generator.draw(below: 6) {
        case 0: [.min, .max, 0, -1, 1][generator.draw(below: 5)]
        case 1: Int64(bitPattern: generator.next())
        default: 1_700_000_000_000_000 + Int64(generator.draw(below: 1_000_000_000))
        }
    }

    mutating func value() -> Double {
        switch generator.draw(below: 8) {
        case 0: [0, .greatestFiniteMagnitude, -.leastNonzeroMagnitude, .pi][generator.draw(below: 4)]
        default: (generator.drawUnit() - 0.5) * 200
        }
    }

    mutating func batch(readings count: Int) -> ReadingBatch {
        let devices = (0..<(1 + generator.draw(below: max(1, count)))).map { _ in text(utf8CountMax: 128) }
        let metrics = (0..<(1 + generator.draw(below: 5))).map { _ in text(utf8CountMax: 64) }
        var builder = ReadingBatch.Builder(receivedAt: Instant(microseconds: integer()))
        for _ in 0..<count {
            let series = Series(
                device: DeviceID(unchecked: devices[generator.draw(below: devices.count)]),
                metric: Metric(unchecked: metrics[generator.draw(below: metrics.count)]))
            builder.append(
                Reading(series: series, time: Instant(microseconds: integer()), value: value()))
        }
        return builder.build()
    }

    mutating func verdicts(count: Int) -> VerdictBatch {
        var batch = VerdictBatch()
        let models = (0..<(1 + generator.draw(below: 4))).map {
            ModelID(name: "forest-\($0)", version: UInt32(truncatingIfNeeded: generator.next()))
        }
        for _ in 0..<count {
            switch generator.draw(below: 4) {
            case 0: batch.append(.learning)
            case 1: batch.append(.unscored)
            default:
                let model = models[generator.draw(below: models.count)]
                let score = [0, 1, generator.drawUnit()][generator.draw(below: 3)]
                let result: ScoreResult = score >= 0.5 ? .anomaly : .normal
                let hasReason = result == .anomaly && generator.draw(below: 3) > 0
                let reason = hasReason ? "why-\(generator.draw(below: 100))" : nil
                let isLate = generator.draw(below: 5) == 0
                batch.append(
                    Verdict(result: result, score: score, model: model, isLate: isLate, reason: reason))
            }
        }
        return batch
    }

    mutating func record(at position: LogPosition, countMax: Int = 12) -> LogRecord {
        let count = 1 + generator.draw(below: countMax)
        return generator.draw(below: 3) == 0
            ? .verdicts(position, verdicts(count: count)) : .readings(position, batch(readings: count))
    }

    mutating func bytes(count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    }
}

/// `count` devices of one metric, one reading each: what a flock of like devices sends.
func flock(of count: Int) -> ReadingBatch {
    let now = Instant(microseconds: 1_790_000_000_123_456)
    let metric = Metric(unchecked: "temperature")
    return ReadingBatch(
        receivedAt: now,
        readings: (0..<count).map { index in
            let device = DeviceID(unchecked: "device-\(10_000 + index)")
            return Reading(
                series: Series(device: device, metric: metric),
                time: now.advanced(byMicroseconds: -1_000_000 - Int64(index * 37 % 500_000)),
                value: 20 + Double(index) / 7)
        })
}

let sampleLog = LogID(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210)
let sampleSeal = FrameSeal(log: sampleLog)

func encoded(_ records: [LogRecord], seal: FrameSeal = sampleSeal) throws(FormatError) -> [UInt8] {
    var writer = ByteWriter()
    for record in records { try record.encode(into: &writer, seal: seal) }
    return writer.bytes
}
