import Glibc
import IngestLog
import LogFormat
import Telemetry
import Testing

/// What bytes that changed behind the log's back cost.
@Suite struct DamageTests {
    let folder: TemporaryFolder
    var generator = SeededGenerator(seed: 2)

    init() throws {
        folder = try TemporaryFolder()
    }

    /// A closed log of records of these sizes in one segment; the end of each record's frame in the file.
    private mutating func makeLog(
        _ sizes: [Int]
    ) async throws -> (records: [LogRecord], ends: [Int], path: String, bytes: [UInt8]) {
        let (log, _) = try open(folder.sub())
        let records = try await fill(log, sizes, &generator, sync: true)
        await log.close()
        var writer = ByteWriter()
        let ends = try records.map { record in
            try record.encode(into: &writer, seal: FrameSeal(log: firstLog))
            return SegmentHeader.bytesCount + writer.count
        }
        let path = try #require(Files.segments(of: folder.sub()).first)
        return (records, ends, path, try Files.bytes(of: path))
    }

    @Test(arguments: [true, false]) mutating func tornAtEveryByteOfTheLastRecord(spaceStays: Bool) async throws {
        let (records, ends, path, bytes) = try await makeLog([2, 3, 1])
        for cut in ends[1]..<ends[2] {
            let rest = [UInt8](repeating: 0, count: spaceStays ? bytes.count - cut : 0)
            try Files.write(Array(bytes[..<cut]) + rest, to: path)
            let (log, recovery) = try open(folder.sub())
            // A cut that took only zeros took nothing.
            let isWhole = spaceStays && bytes[cut..<ends[2]].allSatisfy { $0 == 0 }
            let kept = isWhole ? records : Array(records[..<2])
            #expect(recovery.records == kept.count && recovery.damagedSpans == 0 && recovery.missingReadings == 0)
            #expect((recovery.tornBytes > 0) == (cut > ends[1] && !isWhole), "cut at \(cut - ends[1])")
            #expect(log.end == LogPosition(isWhole ? 6 : 5))
            // The log goes on where it was cut, and what was cut never comes back.
            let more = LogRecord.readings(log.end, batch(1, &generator))
            try await log.append([more], sync: true)
            await log.close()
            let (again, after) = try open(folder.sub())
            #expect(after.isClean)
            #expect(try await contents(of: again).records == kept + [more])
            await again.close()
        }
    }

    @Test mutating func eachByteOfAMiddleRecordChanged() async throws {
        let (records, ends, path, bytes) = try await makeLog([2, 3, 1])
        for index in ends[0]..<ends[1] {
            var changed = bytes
            changed[index] ^= UInt8(1 + generator.draw(below: 255))
            try Files.write(changed, to: path)
            let (log, recovery) = try open(folder.sub())
            #expect(recovery.damagedSpans == 1 && recovery.damagedBytes == UInt64(ends[1] - ends[0]))
            #expect(recovery.missingReadings == 3 && recovery.tornBytes == 0)
            #expect(log.end == LogPosition(6))
            let found = try await contents(of: log)
            #expect(found == Contents(records: [records[0], records[2]], damagedSpans: 1, position: log.end))
            await log.close()
            #expect(try Files.bytes(of: path) == changed, "damage is left for a person to look at")
        }
    }

    /// The log's end is where the readings end or what verdicts are about, whichever is further: a damaged end whose
    /// verdicts follow is lost, but its positions are never given to others.
    @Test(arguments: 0..<30) func verdictsProveTheEnd(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        let (log, _) = try open(folder.sub())
        var records: [LogRecord] = []
        for _ in 0..<12 {
            if generator.draw(below: 3) == 0, let last = records.last(where: \.holdsReadings) {
                let back = generator.draw(below: last.count)
                let count = 1 + generator.draw(below: last.count - back)
                records.append(.verdicts(last.position + back, verdicts(count, &generator)))
            } else {
                let gap = generator.draw(below: 4) == 0 ? 7 : 0
                let end = records.last(where: \.holdsReadings)?.end ?? .start
                records.append(.readings(end + gap, batch(1 + generator.draw(below: 5), &generator)))
            }
        }
        try await log.append(records, sync: true)
        await log.close()
        var writer = ByteWriter()
        let path = try #require(Files.segments(of: folder.sub()).first)
        var bytes = try Files.bytes(of: path)
        var kept: [LogRecord] = []
        for record in records {
            let start = SegmentHeader.bytesCount + writer.count
            try record.encode(into: &writer, seal: FrameSeal(log: firstLog))
            let isHit = generator.draw(below: 3) == 0
            if isHit { bytes[start + 2] ^= 0xFF } else { kept.append(record) }
        }
        try Files.write(bytes, to: path)

        let end = kept.map(\.end).max() ?? .start
        let held = kept.filter(\.holdsReadings).reduce(0) { $0 + $1.count }
        let (damaged, recovery) = try open(folder.sub())
        #expect(damaged.end == end && recovery.missingReadings == end.readings - UInt64(held))
        #expect(try await contents(of: damaged).records == kept)
        let more = try await fill(damaged, [3], &generator, sync: true)
        #expect(more[0].position == end)
        await damaged.close()
        let (again, after) = try open(folder.sub())
        #expect(again.end == end + 3 && after.missingReadings == recovery.missingReadings)
        #expect(try await contents(of: again).records == kept + more)
        await again.close()
    }

    /// Likewise if a segment ends between the two, and if the next holds nothing else.
    @Test mutating func verdictsInALaterSegmentProveTheEnd() async throws {
        let (log, _) = try open(folder.sub())
        try await fill(log, .init(repeating: 60, count: 4), &generator, sync: true)
        while Files.segments(of: folder.sub()).count == 1 {
            let record = LogRecord.verdicts(LogPosition(200), verdicts(40, &generator))
            try await log.append([record], sync: true)
        }
        let segments = Files.segments(of: folder.sub())
        #expect(segments[1].hasSuffix("240.segment"))
        await log.close()
        // The last readings and all verdicts in the first segment.
        var writer = ByteWriter()
        for record in try await Self.records(in: folder.sub()).prefix(3) {
            try record.encode(into: &writer, seal: FrameSeal(log: firstLog))
        }
        let start = SegmentHeader.bytesCount + writer.count
        try Files.change(segments[0]) { bytes in for index in start..<bytes.count { bytes[index] = 0x11 } }
        for _ in 0..<2 {
            let (again, recovery) = try open(folder.sub())
            #expect(again.end == LogPosition(240) && recovery.missingReadings == 60 && recovery.tornBytes == 0)
            #expect(try await contents(of: again).position == LogPosition(240))
            await again.close()
        }
    }

    private static func records(in data: String) async throws -> [LogRecord] {
        let (log, _) = try open(data)
        let records = try await contents(of: log).records
        await log.close()
        return records
    }

    @Test mutating func damageThatComesWhileTheLogIsOpen() async throws {
        let (log, recovery) = try open(folder.sub())
        let records = try await fill(log, .init(repeating: 60, count: 20), &generator, sync: true)
        #expect(recovery.isClean)
        let segments = Files.segments(of: folder.sub())
        try #require(segments.count >= 3)
        // In place, as a disk does it.
        let file = Glibc.open(segments[0], O_RDWR)
        #expect(pwrite(file, [0xAA, 0xBB, 0xCC], 3, 1000) == 3)
        Glibc.close(file)
        let found = try await contents(of: log)
        #expect(found.damagedSpans == 1)
        #expect(found.records.count == records.count - 1)
        #expect(found.position == log.end)

        let taken = log.sizeBytes
        await log.trim(before: log.end, of: log.id)
        #expect(log.sizeBytes < taken)
        #expect(Files.segments(of: folder.sub()).count == 1)
        let kept = Files.names(in: folder.sub() + "/damaged")
        #expect(kept.count == 1 && kept.allSatisfy { $0.hasPrefix("\(firstLog)-") }, "the damaged one is kept aside")
        await log.close()
    }

    /// The last record of a segment that another follows was whole when that one was begun: damage, not a torn write.
    @Test mutating func aBadEndOfAnEarlierSegmentIsDamage() async throws {
        let (log, _) = try open(folder.sub())
        let records = try await fill(log, .init(repeating: 60, count: 12), &generator, sync: true)
        await log.close()
        let segments = Files.segments(of: folder.sub())
        try #require(segments.count >= 2)
        try Files.change(segments[0]) { bytes in
            // The last byte that is not 0 is in the last record.
            if let last = bytes.lastIndex(where: { $0 != 0 }) { bytes[last] ^= 0x40 }
        }
        for _ in 0..<2 {
            let (again, recovery) = try open(folder.sub())
            #expect(recovery.damagedSpans == 1 && recovery.missingReadings == 60 && recovery.tornBytes == 0)
            let found = try await contents(of: again)
            #expect(found.damagedSpans == 1 && found.records.count == records.count - 1)
            #expect(again.end == log.end)
            await again.close()
        }
    }

    @Test mutating func onlySoManyDamagedSegmentsAreKept() async throws {
        let settings = IngestLog.Settings(limitBytes: 1 << 20, segmentBytes: 4096)
        let (log, _) = try open(folder.sub(), settings)
        try await fill(log, .init(repeating: 80, count: 40), &generator)
        await log.close()
        let segments = Files.segments(of: folder.sub())
        try #require(segments.count > 10)
        for path in segments { try Files.change(path) { $0[300] ^= 1 } }
        let (again, recovery) = try open(folder.sub(), settings)
        #expect(recovery.damagedSpans >= segments.count - 1)
        await again.trim(before: again.end, of: again.id)
        #expect(Files.names(in: folder.sub() + "/damaged").count == 8)
        await again.close()
    }

    @Test mutating func aBadHeaderAmongGoodOnes() async throws {
        let (log, _) = try open(folder.sub())
        let records = try await fill(log, .init(repeating: 60, count: 20), &generator)
        await log.close()
        let segments = Files.segments(of: folder.sub())
        try #require(segments.count >= 3)
        for path in [segments[0], segments[segments.count - 1]] {
            try Files.change(path) { bytes in for index in 0..<40 { bytes[index] = 0xEE } }
        }
        let (again, recovery) = try open(folder.sub(), id: secondLog)
        #expect(again.id == firstLog && recovery.damagedSpans == 2 && recovery.missingReadings == 0)
        #expect(try await contents(of: again).records == records)
        await again.close()
    }

    @Test mutating func aSectorThatCannotBeRead() async throws {
        let settings = IngestLog.Settings(limitBytes: 1 << 20)
        let disk = Disk()
        let (log, _) = try open(folder.sub(), settings, disk: disk)
        let records = try await fill(log, .init(repeating: 60, count: 20), &generator)
        disk.set { $0.unreadable = 4096..<4100 }
        let found = try await contents(of: log)
        #expect(found.damagedSpans == 1 && found.position == log.end)
        #expect(found.records.count < records.count && found.records.count >= records.count * 2 / 3)
        #expect(found.records.allSatisfy { records.contains($0) })
        await log.close()
    }

    @Test mutating func anUnreadableEndStopsTheStart() async throws {
        _ = try await makeLog([40, 40])
        let disk = Disk()
        disk.set { $0.unreadable = 600..<700 }
        let error = #expect(throws: LogError.self) { _ = try open(folder.sub(), disk: disk) }
        #expect(error?.code == .unusable && error?.message.contains("move it away") == true)
        let (log, recovery) = try open(folder.sub())
        #expect(recovery.isClean && log.end == LogPosition(80), "and nothing was cut")
        await log.close()
    }
}
