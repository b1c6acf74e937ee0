import Glibc
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
            /// Files with writes that were not synced, as they are called within the folder.
            let unsynced: Set<String>
        }

        struct Write: Sendable {
            let path: String
            let bytes: Range<UInt64>
        }

        let data: String
        let copies: String
        let points = Mutex<[Point]>([])
        /// What was synced, so that every later copy must hold it.
        let promised = Mutex<[LogRecord]>([])
        /// Draws which of the writes not synced a copy loses; none without it.
        let losses: Mutex<SeededGenerator?>
        private let unsynced = Mutex<[Write]>([])

        init(data: String, copies: String, losses: SeededGenerator? = nil) {
            self.data = data
            self.copies = copies
            self.losses = Mutex(losses)
        }

        func before(_ event: Disk.Event) {
            guard event.call != .read else { return }
            points.withLock { points in
                let copy = "\(copies)-\(points.count)"
                Files.copy(data, to: copy)
                lose(from: copy)
                let names = unsynced.withLock { Set($0.map { String($0.path.dropFirst(data.count)) }) }
                points.append(
                    Point(call: event.call, copy: copy, promised: promised.withLock { $0 }, unsynced: names))
            }
            guard event.descriptor >= 0, let path = Files.path(of: event.descriptor) else { return }
            unsynced.withLock { unsynced in
                switch event.call {
                case .write: unsynced.append(Write(path: path, bytes: event.bytes))
                case .sync, .syncAll: unsynced.removeAll { $0.path == path }
                default: break
                }
            }
        }

        /// What was written to space set aside and never synced may be zeros after a crash, write by write.
        private func lose(from copy: String) {
            let lost = losses.withLock { generator in
                unsynced.withLock { $0 }.filter { _ in (generator?.draw(below: 2) ?? 1) == 0 }
            }
            for write in lost {
                try? Files.change(copy + write.path.dropFirst(data.count)) { bytes in
                    for index in write.bytes where index < UInt64(bytes.count) { bytes[Int(index)] = 0 }
                }
            }
        }
    }

    /// A disk that loses what was not synced: a promise covers every segment it went to, not only the last, and what
    /// follows a skip of positions too.
    @Test(arguments: 0..<4) func whatWasSyncedIsNeverLost(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        let crashes = Crashes(data: folder.sub(), copies: folder.sub("copy"), losses: generator)
        let disk = Disk { crashes.before($0) }
        let (log, _) = try open(folder.sub(), disk: disk)
        var written: [LogRecord] = []
        for _ in 0..<6 {
            var group: [LogRecord] = []
            var end = log.end
            for _ in 0..<(1 + generator.draw(below: 5)) {
                let skipped = max(0, generator.draw(below: 60) - 40)
                let record = LogRecord.readings(end + skipped, batch(100, &generator))
                group.append(record)
                end = record.end
            }
            let isSynced = generator.draw(below: 3) > 0
            try await log.append(group, sync: isSynced)
            written += group
            if isSynced {
                let promise = written
                crashes.promised.withLock { $0 = promise }
            }
        }
        await log.close()
        for (index, point) in crashes.points.withLock({ $0 }).enumerated() {
            let (copy, _) = try open(point.copy)
            let found = try await contents(of: copy)
            #expect(found.records.starts(with: point.promised), "crash \(index), before a \(point.call)")
            #expect(found.records.allSatisfy { written.contains($0) })
            await copy.close()
        }
    }

    @Test(arguments: 0..<2) func atEveryCallOfAppending(seed: UInt64) async throws {
        let crashes = Crashes(data: folder.sub(), copies: folder.sub("copy"))
        let disk = Disk { crashes.before($0) }
        // Writes come in pieces, so that some crashes are in the middle of a record.
        disk.set { $0.writeBytesMax = 3000 }
        var generator = SeededGenerator(seed: seed)
        let (log, _) = try open(folder.sub(), disk: disk)
        var written: [LogRecord] = []
        for round in 0..<5 {
            var group: [LogRecord] = []
            var end = log.end
            for _ in 0..<(round % 2 == 0 ? 2 : 7) {
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

    /// A process that is killed leaves records that it wrote and did not sync: whoever opens the log reads them, and may
    /// count on them only once they are synced.
    @Test func whatIsFoundIsSyncedBeforeItIsUsed() async throws {
        let crashes = Crashes(data: folder.sub(), copies: folder.sub("copy"))
        let disk = Disk { crashes.before($0) }
        disk.set { $0.writeBytesMax = 3000 }
        var generator = SeededGenerator(seed: 5)
        let (log, _) = try open(folder.sub(), disk: disk)
        for round in 0..<4 {
            var group: [LogRecord] = []
            for _ in 0..<(round % 2 == 0 ? 2 : 7) {
                group.append(.readings(group.last?.end ?? log.end, batch(100, &generator)))
            }
            try await log.append(group, sync: round != 2)
        }
        await log.close()

        var checked = 0
        for (index, point) in crashes.points.withLock({ $0 }).enumerated() where !point.unsynced.isEmpty {
            let synced = Mutex<Set<String>>([])
            let second = Disk { event in
                guard event.call == .sync || event.call == .syncAll else { return }
                if let path = Files.path(of: event.descriptor) { synced.withLock { _ = $0.insert(path) } }
            }
            let (copy, _) = try open(point.copy, disk: second)
            let names = Set(Files.segments(of: point.copy).map { String($0.dropFirst(point.copy.count)) })
            for name in point.unsynced.intersection(names) {
                #expect(synced.withLock { $0.contains(point.copy + name) }, "crash \(index), before a \(point.call)")
                checked += 1
            }
            await copy.close()
        }
        #expect(checked > 10)
    }

    @Test func aLogThatCannotBeSyncedIsNotOpened() async throws {
        var generator = SeededGenerator(seed: 6)
        let (log, _) = try open(folder.sub())
        try await fill(log, [10], &generator)
        await log.close()
        let disk = Disk()
        disk.set { $0.next[.sync] = [EIO] }
        let error = #expect(throws: LogError.self) { try open(folder.sub(), disk: disk) }
        #expect(error?.code == .folder && error?.message.contains("Check the disk") == true)
    }

    @Test func atEveryCallOfRetiring() async throws {
        let crashes = Crashes(data: folder.sub(), copies: folder.sub("copy"))
        let disk = Disk { crashes.before($0) }
        var generator = SeededGenerator(seed: 11)
        let (log, _) = try open(folder.sub())
        var records = try await fill(log, .init(repeating: 70, count: 8), &generator, sync: true)
        // A hole, and verdicts on readings before and after the one and the other.
        records.append(.readings(log.end + 30, batch(70, &generator)))
        records.append(.verdicts(LogPosition(100), verdicts(500, &generator)))
        try await log.append(Array(records.suffix(2)), sync: true)
        records += try await fill(log, .init(repeating: 70, count: 7), &generator, sync: true)
        await log.trim(before: LogPosition(500), of: log.id)
        await log.close()
        let (retiring, _) = try open(folder.sub(), disk: disk)
        crashes.points.withLock { $0 = [] }
        let before = try await contents(of: retiring)
        #expect(before.records.count < records.count, "some were trimmed")
        try await retiring.retire(newID: secondLog)
        let after = try await contents(of: retiring)
        await retiring.close()
        #expect(after.batches == before.batches && after.records.count == before.records.count)

        let points = crashes.points.withLock { $0 }
        #expect(points.count > 12)
        var ids: Set<LogID> = []
        for (index, point) in points.enumerated() {
            let what = "crash \(index), before a \(point.call)"
            for _ in 0..<2 {
                let (copy, recovery) = try open(point.copy, id: LogID(high: 9, low: 9))
                #expect(recovery.damagedSpans == 0 && recovery.missingReadings == 30 && !recovery.isNew, "\(what)")
                #expect(copy.replaces == (copy.id == secondLog ? firstLog : nil), "\(what)")
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
