import Glibc
import IngestLog
import LogFormat
import Telemetry
import Testing

@Suite struct AppendAndReadTests {
    let folder: TemporaryFolder
    var generator = SeededGenerator(seed: 1)

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test func aNewLogIsEmpty() async throws {
        let (log, recovery) = try open(folder.sub("a/b/c"))
        #expect(recovery.isNew && recovery.isClean && recovery.segments == 1)
        #expect(log.id == firstLog && log.base == .start && log.end == .start)
        #expect(log.sizeBytes > 0 && log.sizeBytes <= smallest.segmentBytes)
        #expect(log.limitBytes == smallest.limitBytes)
        let chunk = try await log.read(from: log.cursor(at: .start), bytesMax: 1000)
        #expect(chunk.records.isEmpty && chunk.isAtEnd && chunk.position == .start)
        await log.close()
    }

    /// What goes in comes out, before and after opening again, in segments and chunks of any size.
    @Test(arguments: 0..<8) func everythingComesBack(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        let settings = IngestLog.Settings(limitBytes: 1 << 20, segmentBytes: UInt64(4096 << generator.draw(below: 4)))
        var (log, _) = try open(folder.sub(), settings)
        var written: [LogRecord] = []
        for round in 0..<30 {
            var group: [LogRecord] = []
            var end = log.end
            for _ in 0..<(1 + generator.draw(below: 4)) {
                let count = 1 + generator.draw(below: 60)
                group.append(.readings(end, batch(count, &generator)))
                end = end + count
            }
            group.append(.verdicts(log.end, verdicts(Int(end - log.end), &generator)))
            try await log.append(group, sync: generator.draw(below: 2) == 0)
            written += group
            #expect(log.end == end)
            if round % 10 == 9 {
                #expect(try await contents(of: log, bytesMax: 1 + generator.draw(below: 20_000)).records == written)
                await log.close()
                let (again, recovery) = try open(folder.sub(), settings, id: secondLog)
                #expect(recovery.isClean && !recovery.isNew && recovery.records == written.count)
                #expect(again.id == firstLog && again.end == end)
                log = again
            }
        }
        #expect(Files.segments(of: folder.sub()).count > 2)
        let all = try await contents(of: log)
        #expect(all == Contents(records: written, damagedSpans: 0, position: log.end))
        await log.close()
    }

    @Test mutating func oneAppendAcrossManySegments() async throws {
        let (log, _) = try open(folder.sub())
        var records: [LogRecord] = []
        var end = LogPosition.start
        for _ in 0..<12 {
            records.append(.readings(end, batch(200, &generator)))
            end = end + 200
        }
        try await log.append(records, sync: true)
        #expect(Files.segments(of: folder.sub()).count >= 5)
        #expect(try await contents(of: log).records == records)
        await log.close()
        let (again, recovery) = try open(folder.sub())
        #expect(recovery.isClean && recovery.records == 12)
        #expect(try await contents(of: again).records == records)
        await again.close()
    }

    @Test mutating func aRecordLargerThanASegment() async throws {
        let settings = IngestLog.Settings(limitBytes: 256 << 10, segmentBytes: 4096)
        let (log, _) = try open(folder.sub(), settings)
        let records = try await fill(log, [3, 4000, 2, 1500, 1], &generator)
        #expect(try await contents(of: log, bytesMax: 1).records == records)
        await log.close()
        let (again, _) = try open(folder.sub(), settings)
        #expect(try await contents(of: again).records == records)
        await again.close()
    }

    @Test mutating func cursorsStartBeforeTheirPosition() async throws {
        let (log, _) = try open(folder.sub())
        let records = try await fill(log, .init(repeating: 50, count: 40), &generator)
        for position in [0, 1, 49, 50, 777, 1999, 2000, 999_999].map({ LogPosition(UInt64($0)) }) {
            let found = try await contents(of: log, from: position)
            let wanted = records.filter { $0.end > position }
            #expect(Array(found.records.suffix(wanted.count)) == wanted)
        }
        await log.close()
    }

    @Test mutating func wrongRecordsChangeNothing() async throws {
        let (log, _) = try open(folder.sub())
        try await fill(log, [10], &generator)
        let good = LogRecord.readings(LogPosition(10), batch(5, &generator))
        let bad: [[LogRecord]] = [
            [.readings(LogPosition(9), batch(1, &generator))],
            [good, .readings(LogPosition(10), batch(1, &generator))],
            [.verdicts(LogPosition(8), verdicts(3, &generator))],
            [.readings(LogLimits.positionMax + 1, batch(1, &generator))],
            [good, .verdicts(LogPosition(14), verdicts(2, &generator))],
            [.readings(LogPosition(10), batch(0, &generator))],
            [.readings(LogPosition(10), batch(LogLimits.readingsCountMax + 1, &generator))],
        ]
        let before = try await contents(of: log)
        for records in bad {
            let error = await #expect(throws: LogError.self) { try await log.append(records, sync: true) }
            #expect(error?.code == .invalidRecords)
        }
        #expect(log.end == LogPosition(10))
        #expect(try await contents(of: log) == before)
        try await log.append([good, .verdicts(LogPosition(9), verdicts(6, &generator))], sync: true)
        #expect(log.end == LogPosition(15))
        await log.close()
    }

    /// Positions that skip ahead, within an append and from one to the next, in segments so small that some gaps lie
    /// at the border of two: each gap shows as lost, and nothing else changes.
    @Test(arguments: 0..<6) func positionsMaySkipAhead(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        let settings = IngestLog.Settings(limitBytes: 1 << 20, segmentBytes: 4096)
        var (log, _) = try open(folder.sub(), settings)
        var written: [LogRecord] = []
        var lost: UInt64 = 0
        for round in 0..<40 {
            var group: [LogRecord] = []
            var end = log.end
            for _ in 0..<(1 + generator.draw(below: 3)) {
                let gap = generator.draw(below: 2) == 0 ? 0 : 1 + generator.draw(below: 5000)
                lost += UInt64(gap)
                let record = LogRecord.readings(end + gap, batch(1 + generator.draw(below: 40), &generator))
                group += [record, .verdicts(record.position, verdicts(record.count, &generator))]
                end = record.end
            }
            try await log.append(group, sync: generator.draw(below: 2) == 0)
            written += group
            #expect(log.end == end)
            let before = LogRecord.readings(LogPosition(end.readings - 1), batch(1, &generator))
            let error = await #expect(throws: LogError.self) { try await log.append([before], sync: false) }
            #expect(error?.code == .invalidRecords)
            if round % 10 == 9 {
                await log.close()
                let (again, recovery) = try open(folder.sub(), settings)
                #expect(recovery.missingReadings == lost && recovery.damagedSpans == 0 && recovery.tornBytes == 0)
                #expect(again.end == end && recovery.records == written.count)
                log = again
            }
        }
        #expect(Files.segments(of: folder.sub()).count > 5)
        #expect(try await contents(of: log) == Contents(records: written, damagedSpans: 0, position: log.end))
        let middle = LogPosition(log.end.readings / 2)
        await log.trim(before: middle, of: log.id)
        let held = try await contents(of: log, from: middle)
        let wanted = written.filter { $0.end > middle }
        #expect(log.base <= middle && Array(held.records.suffix(wanted.count)) == wanted)
        await log.close()
    }

    /// A log can begin with a gap; verdicts on what is lost are no error.
    @Test mutating func aSkipFromAnEmptyLog() async throws {
        let (log, _) = try open(folder.sub())
        let record = LogRecord.readings(LogPosition(700), batch(9, &generator))
        try await log.append([record, .verdicts(LogPosition(690), verdicts(19, &generator))], sync: true)
        let all = try await contents(of: log)
        #expect(log.base == .start && log.end == LogPosition(709) && all.records.first == record)
        await log.close()
        let (again, recovery) = try open(folder.sub())
        #expect(recovery.missingReadings == 700 && again.end == LogPosition(709))
        #expect(try await contents(of: again) == all)
        await again.close()
    }

    @Test mutating func shortAndInterruptedWritesAreFinished() async throws {
        let disk = Disk()
        let (log, _) = try open(folder.sub(), disk: disk)
        disk.set { faults in
            faults.writeBytesMax = 13
            faults.next = [.write: [EINTR, 0, EINTR, EINTR], .sync: [EINTR, EINTR], .allocate: [EINTR]]
        }
        let records = try await fill(log, [20, 1, 30], &generator, sync: true)
        #expect(try await contents(of: log).records == records)
        await log.close()
        let (again, recovery) = try open(folder.sub())
        #expect(recovery.isClean)
        #expect(try await contents(of: again).records == records)
        await again.close()
    }

    @Test mutating func aClosedLogSaysSo() async throws {
        let (log, _) = try open(folder.sub())
        try await fill(log, [1], &generator)
        let cursor = log.cursor(at: .start)
        await log.close()
        await log.close()
        let record = LogRecord.readings(log.end, batch(1, &generator))
        let errors = [
            await #expect(throws: LogError.self) { try await log.append([record], sync: true) },
            await #expect(throws: LogError.self) { try await log.append([], sync: true) },
            await #expect(throws: LogError.self) { _ = try await log.read(from: cursor, bytesMax: 1) },
            await #expect(throws: LogError.self) { try await log.retire(newID: secondLog) },
        ]
        #expect(errors.allSatisfy { $0?.code == .closed })
        await log.trim(before: .start + 1, of: log.id)
    }

    /// A reader follows a writer: it sees every record once, in order, whole, while old segments are trimmed.
    @Test func readingABacklogWhileAppending() async throws {
        let settings = IngestLog.Settings(limitBytes: 4 << 20, segmentBytes: 16 << 10)
        let (log, _) = try open(folder.sub(), settings)
        async let writing = Self.write(records: 150, to: log)
        async let reading = Self.read(records: 150, from: log)
        let (written, read) = try await (writing, reading)
        #expect(read == written)
        #expect(log.base > .start, "trimming went on meanwhile")
        await log.close()
    }

    @concurrent private static func write(records count: Int, to log: IngestLog) async throws -> [LogRecord] {
        var generator = SeededGenerator(seed: 3)
        var written: [LogRecord] = []
        for round in 0..<count {
            let record = LogRecord.readings(log.end, batch(1 + generator.draw(below: 40), &generator))
            try await log.append([record], sync: round % 10 == 0)
            written.append(record)
        }
        return written
    }

    @concurrent private static func read(records count: Int, from log: IngestLog) async throws -> [LogRecord] {
        var read: [LogRecord] = []
        var cursor = log.cursor(at: .start)
        while read.count < count {
            let chunk = try await log.read(from: cursor, bytesMax: 1500)
            #expect(chunk.damagedSpans == 0)
            read += chunk.records
            cursor = chunk.next
            await log.trim(before: LogPosition(chunk.position.readings / 2), of: log.id)
        }
        return read
    }

    /// Calls of one caller are done in their order, though none is awaited before the next is made.
    @Test func appendsKeepTheOrderOfCalls() async throws {
        let (log, _) = try open(folder.sub())
        let caller = Caller(log: log)
        try await caller.appendAll(batches: 40)
        #expect(log.end == LogPosition(40))
        await log.close()
    }

    private actor Caller {
        let log: IngestLog

        init(log: IngestLog) {
            self.log = log
        }

        func appendAll(batches: Int) async throws {
            var generator = SeededGenerator(seed: 9)
            let records = (0..<batches).map { LogRecord.readings(LogPosition(UInt64($0)), batch(1, &generator)) }
            // A record out of order would be refused.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for record in records {
                    group.addTask { try await self.append(record) }
                }
                try await group.waitForAll()
            }
        }

        private var next = 0
        private var waiting: [LogRecord] = []

        private func append(_ record: LogRecord) async throws {
            waiting.append(record)
            waiting.sort { $0.position < $1.position }
            while let first = waiting.first, first.position == LogPosition(UInt64(next)) {
                waiting.removeFirst()
                next += 1
                try await log.append([first], sync: false)
            }
        }
    }
}
