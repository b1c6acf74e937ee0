import LogFormat
import Telemetry
import Testing

@Suite struct BatchBytesTests {
    @Test(arguments: 0..<60) func readingsComeBack(seed: UInt64) throws {
        var samples = Samples(seed: seed)
        let batch = samples.batch(readings: samples.generator.draw(below: 80))
        let bytes = try bytes(of: batch)
        #expect(try readings(from: bytes) == batch)
        #expect(try self.bytes(of: readings(from: bytes)) == bytes)
    }

    @Test(arguments: 0..<60) func verdictsComeBack(seed: UInt64) throws {
        var samples = Samples(seed: seed)
        let batch = samples.verdicts(count: samples.generator.draw(below: 80))
        #expect(try verdicts(from: bytes(of: batch)) == batch)
    }

    @Test func verdictsOfOneKindAreSmall() throws {
        let batch = VerdictBatch(repeating: .unscored, count: 1000)
        let bytes = try bytes(of: batch)
        #expect(bytes.count <= 1010)
        #expect(try verdicts(from: bytes) == batch)
    }

    @Test func seriesWithoutReadingsAreKept() throws {
        let series = ["a", "b", "c"].map { Series(device: DeviceID(unchecked: $0), metric: Metric(unchecked: "m")) }
        for indices in [[], [2], [0, 1, 2], [2, 1, 0], [0, 1, 2, 2]] as [[UInt32]] {
            let batch = ReadingBatch(
                receivedAt: .epoch, series: series, seriesIndices: indices,
                times: indices.map { _ in .epoch }, values: indices.map { Double($0) })
            #expect(try readings(from: bytes(of: batch)) == batch)
        }
    }

    /// More metrics than are searched, in cycles: some are written again, none is lost.
    @Test func manyMetricsComeBack() throws {
        var builder = ReadingBatch.Builder(receivedAt: .epoch)
        for index in 0..<600 {
            let metric = Metric(unchecked: "metric-\(index * 7 % 150)")
            let series = Series(device: DeviceID(unchecked: "d\(index / 150)"), metric: metric)
            builder.append(Reading(series: series, time: .epoch, value: 1))
        }
        let batch = builder.build()
        #expect(try readings(from: bytes(of: batch)) == batch)
    }

    @Test func theLargestBatchesFitARecord() throws {
        let device = String(repeating: "d", count: DeviceID.utf8CountMax - 4)
        let metric = String(repeating: "m", count: Metric.utf8CountMax - 4)
        let count = LogLimits.readingsCountMax
        let series = (0..<count).map { index in
            Series(
                device: DeviceID(unchecked: device + String(1000 + index)),
                metric: Metric(unchecked: metric + String(1000 + index)))
        }
        let readings = ReadingBatch(
            receivedAt: .distantPast, series: series, seriesIndices: (0..<UInt32(count)).reversed(),
            times: (0..<count).map { $0 % 2 == 0 ? .distantFuture : .epoch },
            values: [Double](repeating: 1.1, count: count))
        var verdicts = VerdictBatch()
        let name = String(repeating: "n", count: LogLimits.modelNameUTF8CountMax)
        for index in 0..<LogLimits.verdictsCountMax {
            let model = ModelID(name: name, version: .max - UInt32(index % LogLimits.modelsCountMax))
            verdicts.append(Verdict(result: .anomaly, score: 0.9, model: model, isLate: true))
        }
        var reasoned = VerdictBatch()
        let reason = String(repeating: "r", count: Verdict.reasonUTF8CountMax)
        for index in 0..<LogLimits.reasonsCountMax {
            let model = ModelID(name: name, version: .max - UInt32(index % LogLimits.modelsCountMax))
            reasoned.append(Verdict(result: .anomaly, score: 0.9, model: model, isLate: true, reason: reason))
        }
        let records: [LogRecord] = [
            .readings(.start, readings), .verdicts(LogLimits.positionMax, verdicts), .verdicts(.start, reasoned),
        ]
        let bytes = try encoded(records)
        #expect(bytes.count > 1 << 20)
        #expect(scan(bytes).records == records)
    }

    @Test func recordsAreCompact() throws {
        #expect(try encoded([.readings(LogPosition(1 << 40), flock(of: 1))]).count <= 90)
        #expect(try encoded([.readings(LogPosition(1 << 40), flock(of: 1000))]).count <= 40_000)
    }

    @Test func whatCannotBeReadIsNotWritten() throws {
        func batch(device: String = "d", metric: String = "m", value: Double = 1, count: Int = 1) -> LogRecord {
            let series = Series(device: DeviceID(unchecked: device), metric: Metric(unchecked: metric))
            let reading = Reading(series: series, time: .epoch, value: value)
            return .readings(
                .start, ReadingBatch(receivedAt: .epoch, readings: .init(repeating: reading, count: count)))
        }
        func verdict(score: Double, model: String = "m", count: Int = 1) -> LogRecord {
            let model = ModelID(name: model, version: 1)
            let verdict = Verdict(result: .normal, score: score, model: model, isLate: false)
            return .verdicts(.start, VerdictBatch(repeating: verdict, count: count))
        }
        let refused: [LogRecord] = [
            batch(device: ""), batch(metric: ""), batch(device: "a\nb"), batch(metric: "\u{85}"),
            batch(device: String(repeating: "x", count: 129)), batch(metric: String(repeating: "x", count: 65)),
            batch(value: .nan), batch(value: .infinity), batch(value: -0.0), batch(count: 0), batch(count: 4097),
            verdict(score: -0.1), verdict(score: 1.1), verdict(score: .nan), verdict(score: 1, model: ""),
            verdict(score: 1, model: String(repeating: "x", count: 129)), verdict(score: 1, count: 0),
            verdict(score: 1, count: LogLimits.verdictsCountMax + 1),
            .readings(LogPosition(.max), flock(of: 1)),
        ]
        var writer = ByteWriter()
        writer.write(0x55 as UInt8)
        for record in refused {
            #expect(throws: FormatError.self, "\(record)") { try record.encode(into: &writer, seal: sampleSeal) }
            #expect(writer.bytes == [0x55], "an error leaves the writer as it was")
        }
    }

    /// Every truncation and every single changed byte of a good payload is refused, or is another good value.
    @Test(arguments: 0..<6) func damagedPayloadsNeverTrap(seed: UInt64) throws {
        var samples = Samples(seed: seed)
        let good = [
            try bytes(of: samples.batch(readings: 12)), try bytes(of: samples.verdicts(count: 30)),
        ]
        for (kind, bytes) in good.enumerated() {
            for cut in 0..<bytes.count {
                let part = Array(bytes[..<cut])
                #expect(throws: FormatError.self) {
                    if kind == 0 { _ = try readings(from: part) } else { _ = try verdicts(from: part) }
                }
            }
            for index in bytes.indices {
                var changed = bytes
                changed[index] ^= UInt8(1 + samples.generator.draw(below: 255))
                checkTotal(changed)
            }
        }
    }

    @Test func randomPayloadsNeverTrap() {
        var samples = Samples(seed: 77)
        for _ in 0..<20_000 { checkTotal(samples.bytes(count: samples.generator.draw(below: 60))) }
    }

    /// Decoding either throws or gives a value that encodes again.
    private func checkTotal(_ bytes: [UInt8]) {
        if let batch = try? readings(from: bytes) {
            #expect(throws: Never.self) { try self.bytes(of: batch) }
        }
        if let batch = try? verdicts(from: bytes) {
            #expect(throws: Never.self) { try self.bytes(of: batch) }
        }
    }

    private func bytes(of batch: ReadingBatch) throws(FormatError) -> [UInt8] {
        var writer = ByteWriter()
        try batch.encode(into: &writer)
        return writer.bytes
    }

    private func bytes(of batch: VerdictBatch) throws(FormatError) -> [UInt8] {
        var writer = ByteWriter()
        try batch.encode(into: &writer)
        return writer.bytes
    }

    private func readings(from bytes: [UInt8]) throws(FormatError) -> ReadingBatch {
        try ByteReader.read(all: bytes) { (reader) throws(FormatError) in try ReadingBatch(decoding: &reader) }
    }

    private func verdicts(from bytes: [UInt8]) throws(FormatError) -> VerdictBatch {
        try ByteReader.read(all: bytes) { (reader) throws(FormatError) in try VerdictBatch(decoding: &reader) }
    }
}
