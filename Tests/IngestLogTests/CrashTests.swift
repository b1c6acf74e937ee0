import IngestLog
import LogFormat
import Synchronization
import Telemetry
import Testing

/// The process dies at any system call: the folder as it is then is copied, and opened.
@Suite struct CrashTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// Copies the data folder before each call that changes something.
    private final class Crashes: Sendable {
        struct Point: Sendable {
            let call: Disk.Call
            let copy: String
            let promised: [LogRecord]
        }

        let data: String
        let copies: String
        let points = Mutex<[Point]>([])
        /// What was synced, so that every later copy must hold it.
        let promised = Mutex<[LogRecord]>([])

        init(data: String, copies: String) {
            self.data = data
            self.copies = copies
        }

        func before(_ call: Disk.Call) {
            guard call != .read else { return }
            points.withLock { points in
                let copy = "\(copies)-\(points.count)"
                Files.copy(data, to: copy)
                points.append(Point(call: call, copy: copy, promised: promised.withLock { $0 }))
            }
        }
    }

    @Test(arguments: 0..<3) func atEveryCallOfAppending(seed: UInt64) async throws {
        let crashes = Crashes(data: folder.sub(), copies: folder.sub("copy"))
        let disk = Disk { crashes.before($0) }
        // Writes come in pieces, so that some crashes are in the middle of a record.
        disk.set { $0.writeBytesMax = 3000 }
        var generator = SeededGenerator(seed: seed)
        let (log, _) = try open(folder.sub(), disk: disk)
        var written: [LogRecord] = []
        for round in 0..<6 {
            var group: [LogRecord] = []
            var end = log.end
            for _ in 0..<(round % 2 == 0 ? 2 : 9) {
                let record = LogRecord.readings(end, batch(100, &generator))
                group.append(record)
                end = record.end
            }
            let isSynced = round != 2
            try await log.append(group, sync: isSynced)
            written += group
            if isSynced {
                let promise = written
                crashes.promised.withLock { $0 = promise }
            }
        }
        await log.close()

        let points = crashes.points.withLock { $0 }
        #expect(points.count > 40)
        for (index, point) in points.enumerated() {
            let (copy, recovery) = try open(point.copy)
            let what = "crash \(index), before a \(point.call)"
            #expect(recovery.damagedSpans == 0 && recovery.missingReadings == 0, "\(what)")
            let found = try await contents(of: copy)
            #expect(found.records.starts(with: point.promised), "\(what)")
            #expect(written.starts(with: found.records), "\(what)")
            #expect(found.position == copy.end)
            let more = LogRecord.readings(copy.end, batch(3, &generator))
            try await copy.append([more], sync: true)
            await copy.close()
            let (again, after) = try open(point.copy)
            #expect(after.isClean && !after.isNew, "\(what)")
            #expect(try await contents(of: again).records == found.records + [more], "\(what)")
            await again.close()
        }
    }

    @Test func atEveryCallOfRetiring() async throws {
        let crashes = Crashes(data: folder.sub(), copies: folder.sub("copy"))
        let disk = Disk { crashes.before($0) }
        var generator = SeededGenerator(seed: 11)
        let (log, _) = try open(folder.sub())
        let records = try await fill(log, .init(repeating: 70, count: 16), &generator, sync: true)
        await log.trim(before: LogPosition(500))
        await log.close()
        let (retiring, _) = try open(folder.sub(), disk: disk)
        crashes.points.withLock { $0 = [] }
        let before = try await contents(of: retiring)
        #expect(before.records.count < records.count, "some were trimmed")
        try await retiring.retire(newID: secondLog)
        let after = try await contents(of: retiring)
        await retiring.close()
        #expect(after.batches == before.batches)

        let points = crashes.points.withLock { $0 }
        #expect(points.count > 12)
        var ids: Set<LogID> = []
        for (index, point) in points.enumerated() {
            let what = "crash \(index), before a \(point.call)"
            for _ in 0..<2 {
                let (copy, recovery) = try open(point.copy, id: LogID(high: 9, low: 9))
                #expect(recovery.damagedSpans == 0 && recovery.missingReadings == 0 && !recovery.isNew, "\(what)")
                #expect(copy.id == firstLog || copy.id == secondLog, "\(what)")
                #expect(try await contents(of: copy) == (copy.id == firstLog ? before : after), "\(what)")
                ids.insert(copy.id)
                await copy.close()
                let kept = Files.names(in: point.copy)
                #expect(kept == ["lock", "log"], "exactly one log is left: \(what)")
            }
        }
        #expect(ids == [firstLog, secondLog], "crashes before and after the change")
    }
}
