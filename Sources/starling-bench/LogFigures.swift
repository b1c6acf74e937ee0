import Glibc
import IngestLog
import LogFormat
import NodeHarness
import Telemetry

/// Appends to the ingest log with a sync each, beside bare writes of as many bytes into space set aside.
enum LogFigures {
    private static let appends = 200

    static func measure(_ bench: Bench) async throws -> [Figure] {
        let whole = Bodies(batches: 1).readings(0)
        // What 32 clients of one reading each make of a group commit.
        let singles = (0..<32).map { whole.slice($0..<$0 + 1) }
        return [
            try await figure("log.append.batch", [whole], bench),
            try await figure("log.append.singles", singles, bench),
        ]
    }

    private static func figure(_ name: String, _ batches: [ReadingBatch], _ bench: Bench) async throws -> Figure {
        let bytes = try bytesCount(batches)
        var pairs: [(ours: Double, peer: Double)] = []
        for run in 1...bench.runs {
            Report.note("\(name): \(run) of \(bench.runs)")
            let ours = try await logAppends(batches, in: try bench.makeFolder())
            pairs.append((ours, try bareAppends(bytes, in: try bench.makeFolder())))
        }
        let records = Double(batches.count)
        return Figure(
            name, unit: "records/s", better: .more, pairs.map { (records * $0.ours, records * $0.peer) })
    }

    private static func bytesCount(_ batches: [ReadingBatch]) throws -> Int {
        var writer = ByteWriter(reserving: 1 << 16)
        let seal = FrameSeal(log: LogID(high: 1, low: 2))
        for batch in batches { try LogRecord.readings(.start, batch).encode(into: &writer, seal: seal) }
        return writer.count
    }

    /// - Returns: appends a second.
    private static func logAppends(_ batches: [ReadingBatch], in folder: TemporaryFolder) async throws -> Double {
        var random = SystemRandomNumberGenerator()
        let (log, _) = try IngestLog.open(
            directory: folder.file("log"), settings: IngestLog.Settings(), newID: LogID(using: &random))
        let start = ContinuousClock.now
        for _ in 0..<appends {
            var position = log.end
            let records = batches.map { batch in
                defer { position = position + batch.count }
                return LogRecord.readings(position, batch)
            }
            try await log.append(records, sync: true)
        }
        let seconds = Stopwatch.seconds(since: start)
        await log.close()
        return Double(appends) / seconds
    }

    private static func bareAppends(_ bytesCount: Int, in folder: TemporaryFolder) throws -> Double {
        let file = open(folder.file("bare"), O_RDWR | O_CREAT, 0o600)
        guard file >= 0 else { throw HarnessError(call: "open") }
        defer { close(file) }
        // The log sets its space aside in the same way.
        guard posix_fallocate(file, 0, off_t(bytesCount * appends)) == 0, fsync(file) == 0 else {
            throw HarnessError(call: "posix_fallocate")
        }
        let bytes = [UInt8](repeating: 0x5A, count: bytesCount)
        let seconds = try Stopwatch.seconds {
            for index in 0..<appends {
                guard pwrite(file, bytes, bytesCount, off_t(index * bytesCount)) == bytesCount, fdatasync(file) == 0
                else { throw HarnessError(call: "pwrite") }
            }
        }
        return Double(appends) / seconds
    }
}
