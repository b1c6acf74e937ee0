import Glibc
import IngestLog
import LogFormat
import Synchronization
import Telemetry
import Testing

/// A log at its limit, and a disk without room.
@Suite struct LimitTests {
    let folder: TemporaryFolder
    var generator = SeededGenerator(seed: 4)

    init() throws {
        folder = try TemporaryFolder()
    }

    /// Appends until the log refuses.
    private mutating func fillUp(_ log: IngestLog, count: Int = 100) async throws -> LogError {
        for _ in 0..<10_000 {
            do throws(LogError) {
                try await log.append([.readings(log.end, batch(count, &generator))], sync: false)
            } catch {
                return error
            }
        }
        throw LogError(.failed, "the log never refused")
    }

    @Test(arguments: [64 << 10, 100_000, 200_000] as [UInt64])
    mutating func fullThenTrimmedGoesOn(limit: UInt64) async throws {
        let settings = IngestLog.Settings(limitBytes: limit)
        let (log, _) = try open(folder.sub(), settings)
        for _ in 0..<3 {
            let error = try await fillUp(log)
            #expect(error.code == .full && error.message.contains("--log-limit"))
            #expect(log.sizeBytes <= limit)
            #expect(log.sizeBytes >= limit * 3 / 4)
            let (base, end) = (log.base, log.end)
            await log.trim(before: LogPosition((base.readings + end.readings) / 2), of: log.id)
            #expect(log.base > base && log.end == end)
            #expect(log.sizeBytes <= limit * 3 / 4)
            try await fill(log, [100], &generator, sync: true)
        }
        await log.trim(before: log.end, of: log.id)
        #expect(Files.segments(of: folder.sub()).count == 1, "the last is never deleted")
        let held = try await contents(of: log)
        #expect(held.damagedSpans == 0 && held.position == log.end)
        let end = log.end
        await log.close()
        let (again, recovery) = try open(folder.sub(), settings)
        #expect(recovery.isClean && again.end == end)
        await again.close()
    }

    @Test mutating func verdictsMayOvershootABit() async throws {
        let (log, _) = try open(folder.sub())
        #expect(try await fillUp(log).code == .full)
        var appended = 0
        var refusal: LogError?
        while refusal == nil, appended < 1000 {
            do throws(LogError) {
                let record = LogRecord.verdicts(.start, verdicts(100, &generator))
                try await log.append([record], sync: false)
                appended += 1
            } catch {
                refusal = error
            }
        }
        #expect(appended >= 5 && refusal?.code == .full)
        #expect(log.sizeBytes > smallest.limitBytes)
        #expect(log.sizeBytes <= smallest.limitBytes + smallest.verdictsOvershootBytes)
        await log.trim(before: log.end, of: log.id)
        try await fill(log, [100], &generator)
        await log.close()
        let (again, recovery) = try open(folder.sub())
        #expect(recovery.isClean)
        await again.close()
    }

    @Test mutating func aFullDiskIsAnAnswer() async throws {
        let disk = Disk()
        let (log, _) = try open(folder.sub(), disk: disk)
        let records = try await fill(log, [100, 100], &generator, sync: true)
        disk.set { $0.always[.allocate] = ENOSPC }
        for _ in 0..<3 {
            let error = try await fillUp(log)
            #expect(error.code == .diskFull && error.message.contains("Free space"))
        }
        let end = log.end
        let names = Files.names(in: folder.sub() + "/log")
        #expect(names.allSatisfy { $0.hasSuffix(".segment") || $0 == "lives" }, "nothing half made")
        let found = try await contents(of: log)
        #expect(Array(found.records.prefix(2)) == records && found.position == end)
        disk.set { $0.always = [:] }
        try await fill(log, [100, 100, 100], &generator, sync: true)
        #expect(log.end == end + 300)
        let all = try await contents(of: log)
        await log.close()
        let (again, recovery) = try open(folder.sub())
        #expect(recovery.isClean)
        #expect(try await contents(of: again) == all)
        await again.close()
    }

    /// Some file systems notice only while writing. The whole records of such an append must not stand behind the
    /// shorter one that is written next.
    @Test mutating func aDiskThatFillsWhileWriting() async throws {
        let disk = Disk()
        let (log, _) = try open(folder.sub(), disk: disk)
        let first = try await fill(log, [5], &generator)
        let one = LogRecord.readings(LogPosition(5), batch(2, &generator))
        let two = LogRecord.readings(LogPosition(7), batch(2, &generator))
        let three = LogRecord.readings(LogPosition(9), batch(2, &generator))
        var writer = ByteWriter()
        for record in [one, two] { try record.encode(into: &writer, seal: FrameSeal(log: firstLog)) }
        let whole = writer.count
        disk.set { faults in
            faults.writeBytesMax = whole
            faults.next[.write] = [0, ENOSPC]
        }
        let error = await #expect(throws: LogError.self) { try await log.append([one, two, three], sync: true) }
        #expect(error?.code == .diskFull && log.end == LogPosition(5))
        disk.set { $0 = Disk.Faults() }
        try await log.append([one], sync: true)
        await log.close()
        let (again, recovery) = try open(folder.sub())
        #expect(recovery.isClean && again.end == LogPosition(7))
        #expect(try await contents(of: again).records == first + [one])
        await again.close()
    }

    @Test mutating func aDiskThatFillsInTheSecondSegment() async throws {
        let disk = Disk()
        let (log, _) = try open(folder.sub(), disk: disk)
        let first = try await fill(log, [100], &generator, sync: true)
        var group: [LogRecord] = []
        for index in 0..<10 { group.append(.readings(LogPosition(UInt64(100 + index * 150)), batch(150, &generator))) }
        // Two segments' headers and the first two parts are written; the third part is not.
        let writes = disk.counts.withLock { $0[.write, default: 0] }
        disk.set { $0.next[.write] = [0, 0, 0, 0, 0, ENOSPC] }
        let error = await #expect(throws: LogError.self) { try await log.append(group, sync: true) }
        #expect(error?.code == .diskFull && log.end == LogPosition(100))
        #expect(disk.counts.withLock { $0[.write, default: 0] } == writes + 6)
        #expect(Files.segments(of: folder.sub()).count == 1)
        #expect(try await contents(of: log).records == first)
        try await log.append(group, sync: true)
        #expect(try await contents(of: log).records == first + group)
        await log.close()
        let (again, recovery) = try open(folder.sub())
        #expect(recovery.isClean)
        #expect(try await contents(of: again).records == first + group)
        await again.close()
    }

    @Test(arguments: [Disk.Call.sync, .write, .syncAll, .rename, .allocate])
    mutating func aFailureClosesTheLogForGood(call: Disk.Call) async throws {
        let disk = Disk()
        let (log, _) = try open(folder.sub(), disk: disk)
        let records = try await fill(log, [100], &generator, sync: true)
        disk.set { $0.next[call] = [EIO] }
        // Enough to need a new segment, so that every kind of call is made.
        var group: [LogRecord] = []
        for index in 0..<6 { group.append(.readings(LogPosition(UInt64(100 + index * 150)), batch(150, &generator))) }
        let error = await #expect(throws: LogError.self) { try await log.append(group, sync: true) }
        #expect(error?.code == .failed && error?.message.contains("start the node again") == true)
        let made = disk.counts.withLock { $0 }
        for sync in [true, false] {
            let again = await #expect(throws: LogError.self) { try await log.append([], sync: sync) }
            #expect(again == error)
        }
        let onRetiring = await #expect(throws: LogError.self) { try await log.retire(newID: secondLog) }
        #expect(onRetiring == error)
        #expect(disk.counts.withLock { $0 } == made, "never retried")
        await log.close()
        let (opened, _) = try open(folder.sub())
        #expect(try await contents(of: opened).records.starts(with: records))
        await opened.close()
    }

    @Test mutating func tooManyOpenFilesPass() async throws {
        let disk = Disk()
        let (log, _) = try open(folder.sub(), disk: disk)
        disk.set { $0.next[.rename] = [ENFILE] }
        let error = try await fillUp(log)
        #expect(error.code == .busy)
        #expect(try await fillUp(log).code == .full)
        await log.close()
    }
}
