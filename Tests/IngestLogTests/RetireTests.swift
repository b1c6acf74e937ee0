import Glibc
import IngestLog
import LogFormat
import Telemetry
import Testing

@Suite struct RetireTests {
    let folder: TemporaryFolder
    var generator = SeededGenerator(seed: 6)

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test mutating func readingsMoveToTheNewLog() async throws {
        let (log, _) = try open(folder.sub())
        let records = try await fill(log, .init(repeating: 90, count: 15), &generator)
        try await log.append([.verdicts(.start, verdicts(400, &generator))], sync: false)
        let old = try await contents(of: log)
        let stale = log.cursor(at: .start)
        #expect(try await log.retire(newID: secondLog) == .start)

        #expect(log.id == secondLog && log.base == .start && log.end == LogPosition(15 * 90))
        #expect(try await contents(of: log) == old && old.records.count == records.count + 1)
        let error = await #expect(throws: LogError.self) { _ = try await log.read(from: stale, bytesMax: 100) }
        #expect(error?.code == .staleCursor)
        let more = try await fill(log, .init(repeating: 90, count: 15), &generator, sync: true)
        let all = try await contents(of: log)
        #expect(Array(all.records.suffix(15)) == more)
        #expect(Files.names(in: folder.sub()) == ["lock", "log"])
        await log.close()
        let (again, recovery) = try open(folder.sub())
        #expect(recovery.isClean && again.id == secondLog)
        #expect(try await contents(of: again) == all)
        await again.close()
    }

    /// A hole stays one; the damaged segment is kept.
    @Test mutating func damageIsLeftBehindAndKept() async throws {
        let (log, _) = try open(folder.sub())
        let records = try await fill(log, .init(repeating: 90, count: 9), &generator)
        await log.close()
        try Files.change(Files.segments(of: folder.sub())[0]) { $0[500] ^= 1 }
        let (again, recovery) = try open(folder.sub())
        #expect(recovery.missingReadings == 90)
        try await again.retire(newID: secondLog)
        #expect(again.end == LogPosition(9 * 90))
        let found = try await contents(of: again)
        #expect(found == Contents(records: Array(records.dropFirst()), damagedSpans: 0, position: again.end))
        #expect(Files.names(in: folder.sub() + "/damaged").count == 1)
        await again.close()
        let (third, after) = try open(folder.sub())
        #expect(after.missingReadings == 90 && after.damagedSpans == 0 && third.end == LogPosition(9 * 90))
        await third.close()
    }

    /// What a log says of each position, however its records are cut.
    private struct Statements: Equatable {
        var readings: [UInt64: Reading] = [:]
        var receipts: [UInt64: Instant] = [:]
        var verdicts: [UInt64: [Verdict]] = [:]

        /// - Parameter base: what positions are counted from; what lies before it is left out.
        init(_ records: [LogRecord], from base: LogPosition) {
            for record in records {
                for index in 0..<record.count where record.position + index >= base {
                    let place = (record.position + index) - base
                    switch record {
                    case .readings(_, let batch):
                        readings[place] = batch[index]
                        receipts[place] = batch.receivedAt
                    case .verdicts(_, let batch): verdicts[place, default: []].append(batch[index])
                    }
                }
            }
        }
    }

    /// Trimmed logs with holes, skips and damage: every reading keeps its content, and every verdict its reading, at
    /// the position less the old base.
    @Test(arguments: 0..<12) func verdictsStayOnTheirReadings(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        let settings = IngestLog.Settings(limitBytes: 1 << 20, segmentBytes: 4096)
        let (log, _) = try open(folder.sub(), settings)
        for _ in 0..<40 {
            let skipped = max(0, generator.draw(below: 60) - 50)
            let readings = LogRecord.readings(log.end + skipped, batch(1 + generator.draw(below: 60), &generator))
            try await log.append([readings], sync: true)
            // On any part of the newest readings, lost ones and trimmed ones included.
            let count = 1 + generator.draw(below: min(Int(log.end.readings), 200))
            let back = generator.draw(below: Int(log.end.readings) - count + 1) % 50
            let start = LogPosition(log.end.readings - UInt64(back + count))
            try await log.append([.verdicts(start, verdicts(count, &generator))], sync: false)
        }
        await log.trim(before: LogPosition(UInt64(generator.draw(below: Int(log.end.readings)))), of: log.id)
        let base = log.base
        await log.close()
        for (index, path) in Files.segments(of: folder.sub()).enumerated() {
            guard index == 0 || generator.draw(below: 3) == 0 else { continue }
            try Files.change(path) { $0[100 + generator.draw(below: 2500)] ^= 1 }
        }

        let (retiring, recovery) = try open(folder.sub(), settings)
        let (old, oldEnd) = (try await contents(of: retiring), retiring.end)
        #expect(retiring.base == base && !recovery.isClean)
        #expect(try await retiring.retire(newID: secondLog) == base)
        let new = try await contents(of: retiring)
        #expect(retiring.base == .start && retiring.end == LogPosition(oldEnd - base))
        #expect(Statements(new.records, from: .start) == Statements(old.records, from: base))
        #expect(new.batches == old.batches && new.damagedSpans == 0)
        await retiring.close()
        let (again, after) = try open(folder.sub(), settings)
        #expect(again.end == LogPosition(oldEnd - base) && after.missingReadings == recovery.missingReadings)
        #expect(try await contents(of: again) == new)
        await again.close()
    }

    /// The disk lost the end while the log was open: nobody else gets its positions, since memory may still know it.
    @Test mutating func anEndLostMeanwhileKeepsItsPositions() async throws {
        let (log, _) = try open(folder.sub())
        let records = try await fill(log, [20, 20, 20], &generator, sync: true)
        let path = try #require(Files.segments(of: folder.sub()).first)
        var writer = ByteWriter()
        for record in records.prefix(2) { try record.encode(into: &writer, seal: FrameSeal(log: firstLog)) }
        let file = Glibc.open(path, O_RDWR)
        #expect(pwrite(file, [0xAA], 1, SegmentHeader.bytesCount + writer.count) == 1)
        Glibc.close(file)
        try await log.retire(newID: secondLog)
        #expect(log.end == LogPosition(60))
        let more = try await fill(log, [5], &generator, sync: true)
        #expect(try await contents(of: log).records == records.prefix(2) + more)
        await log.close()
        let (again, recovery) = try open(folder.sub())
        #expect(again.end == LogPosition(65) && recovery.missingReadings == 20)
        await again.close()
    }

    /// The log that was replaced is named in every segment, whoever makes it and whichever are left.
    @Test mutating func aLogRemembersWhatItReplaced() async throws {
        let (log, _) = try open(folder.sub())
        try await fill(log, .init(repeating: 90, count: 15), &generator)
        #expect(log.replaces == nil)
        try await log.retire(newID: secondLog)
        #expect(log.replaces == firstLog)
        try await fill(log, .init(repeating: 90, count: 15), &generator)
        await log.trim(before: log.end, of: log.id)
        #expect(Files.segments(of: folder.sub()).count == 1)
        await log.close()
        let (again, _) = try open(folder.sub())
        #expect(again.replaces == firstLog)
        try await fill(again, .init(repeating: 90, count: 15), &generator)
        for path in Files.segments(of: folder.sub()) {
            let bytes = try Files.bytes(of: path)
            guard case .valid(let header) = bytes.withUnsafeBytes({ SegmentHeader.check($0) }) else {
                Issue.record("no header in \(path)")
                continue
            }
            #expect(header.replaces == firstLog)
        }
        let third = LogID(high: 5, low: 6)
        try await again.retire(newID: third)
        #expect(again.replaces == secondLog, "the last one, not the first")
        await again.close()
    }

    @Test mutating func whatWasToBeTrimmedUnderTheOldIdStays() async throws {
        let (log, _) = try open(folder.sub())
        let records = try await fill(log, .init(repeating: 70, count: 12), &generator)
        let end = log.end
        try await log.retire(newID: secondLog)
        await log.trim(before: end, of: firstLog)
        #expect(try await contents(of: log).records == records)
        await log.trim(before: end, of: secondLog)
        #expect(log.base > .start)
        await log.close()
    }

    @Test mutating func anEmptyLogRetiresToo() async throws {
        let (log, _) = try open(folder.sub())
        try await log.retire(newID: secondLog)
        #expect(log.id == secondLog && log.end == .start)
        let records = try await fill(log, [4], &generator, sync: true)
        #expect(try await contents(of: log).records == records)
        await log.close()
    }

    /// Each call of the retirement fails in turn: the log goes on as the old one, or says that it is closed; opening
    /// it again finds every reading either way.
    @Test(arguments: [Disk.Call.write, .sync, .syncAll, .allocate, .rename, .truncate], [ENOSPC, EIO])
    mutating func anyFailureLeavesOneWholeLog(call: Disk.Call, number: Int32) async throws {
        for nth in 0..<8 {
            let data = folder.sub("data-\(nth)")
            let disk = Disk()
            let (log, _) = try open(data, disk: disk)
            try await fill(log, .init(repeating: 90, count: 9), &generator, sync: true)
            try await log.append([.verdicts(LogPosition(50), verdicts(300, &generator))], sync: false)
            let before = try await contents(of: log)
            disk.set { $0.next[call] = [Int32](repeating: 0, count: nth) + [number] }
            let wasDone: Bool
            do throws(LogError) {
                try await log.retire(newID: secondLog)
                wasDone = true
            } catch {
                wasDone = false
                #expect([.failed, .diskFull, .folder].contains(error.code))
                if error.code != .failed {
                    disk.set { $0 = Disk.Faults() }
                    #expect(log.id == firstLog)
                    #expect(try await contents(of: log) == before)
                    try await log.retire(newID: secondLog)
                }
            }
            await log.close()
            let (again, recovery) = try open(data)
            #expect(recovery.damagedSpans == 0 && recovery.missingReadings == 0)
            #expect(try await contents(of: again).records == before.records)
            if wasDone { #expect(again.id == secondLog) }
            await again.close()
        }
    }
}
