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
        try await log.retire(newID: secondLog)

        #expect(log.id == secondLog && log.base == .start && log.end == LogPosition(15 * 90))
        #expect(try await contents(of: log).batches == old.batches)
        #expect(try await contents(of: log).records.count == records.count, "verdicts are left behind")
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

    /// Positions start again at 0 without the holes; the damaged segment is kept.
    @Test mutating func damageIsLeftBehindAndKept() async throws {
        let (log, _) = try open(folder.sub())
        let records = try await fill(log, .init(repeating: 90, count: 9), &generator)
        await log.close()
        try Files.change(Files.segments(of: folder.sub())[0]) { $0[500] ^= 1 }
        let (again, recovery) = try open(folder.sub())
        #expect(recovery.missingReadings == 90)
        try await again.retire(newID: secondLog)
        #expect(again.end == LogPosition(8 * 90))
        let found = try await contents(of: again)
        #expect(found.damagedSpans == 0 && found.records.count == records.count - 1)
        #expect(Files.names(in: folder.sub() + "/damaged").count == 1)
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
        await log.trim(before: log.end)
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
            #expect(try await contents(of: again).batches == before.batches)
            if wasDone { #expect(again.id == secondLog) }
            await again.close()
        }
    }
}
