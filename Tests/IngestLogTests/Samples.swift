import IngestLog
import LogFormat
import Telemetry

let firstLog = LogID(high: 0x1111, low: 0x2222)
let secondLog = LogID(high: 0x3333, low: 0x4444)
let smallest = IngestLog.Settings(limitBytes: IngestLog.Settings.limitBytesMin)

/// Readings that differ from call to call of one generator.
func batch(_ count: Int, _ generator: inout SeededGenerator) -> ReadingBatch {
    let now = Instant(microseconds: 1_790_000_000_000_000 + Int64(generator.draw(below: 1_000_000)))
    return ReadingBatch(
        receivedAt: now,
        readings: (0..<count).map { index in
            Reading(
                series: Series(
                    device: DeviceID(unchecked: "device-\(generator.draw(below: 40))"),
                    metric: Metric(unchecked: ["temperature", "humidity"][index % 2])),
                time: now.advanced(byMicroseconds: -Int64(generator.draw(below: 1_000_000))),
                value: generator.drawUnit())
        })
}

func verdicts(_ count: Int, _ generator: inout SeededGenerator) -> VerdictBatch {
    var batch = VerdictBatch()
    let model = ModelID(name: "forest", version: 3)
    for _ in 0..<count {
        batch.append(Verdict(result: .normal, score: generator.drawUnit() / 2, model: model, isLate: false))
    }
    return batch
}

func open(
    _ directory: String, _ settings: IngestLog.Settings = smallest, id: LogID = firstLog, disk: Disk? = nil
) throws(LogError) -> (IngestLog, LogRecovery) {
    try IngestLog.open(
        directory: directory, settings: settings, newID: id, calls: disk?.calls ?? FileCalls.system)
}

/// Everything from a place on, read in chunks of `bytesMax`.
struct Contents: Equatable {
    var records: [LogRecord] = []
    var damagedSpans = 0
    var position = LogPosition.start

    var readings: [LogRecord] { records.filter(\.holdsReadings) }
    var batches: [ReadingBatch] {
        records.compactMap { record in
            if case .readings(_, let batch) = record { batch } else { nil }
        }
    }
    var readingsCount: Int { batches.reduce(0) { $0 + $1.count } }
}

func contents(of log: IngestLog, from start: LogPosition = .start, bytesMax: Int = 4096) async throws -> Contents {
    var contents = Contents()
    var cursor = log.cursor(at: start)
    while true {
        let chunk = try await log.read(from: cursor, bytesMax: bytesMax)
        contents.records += chunk.records
        contents.damagedSpans += chunk.damagedSpans
        contents.position = max(contents.position, chunk.position)
        if chunk.isAtEnd { return contents }
        precondition(chunk.next > cursor, "a chunk that does not move")
        cursor = chunk.next
    }
}

/// Appends batches of these sizes, one record and one call each.
@discardableResult
func fill(
    _ log: IngestLog, _ sizes: [Int], _ generator: inout SeededGenerator, sync: Bool = false
) async throws -> [LogRecord] {
    var records: [LogRecord] = []
    for size in sizes {
        let record = LogRecord.readings(log.end, batch(size, &generator))
        try await log.append([record], sync: sync)
        records.append(record)
    }
    return records
}
