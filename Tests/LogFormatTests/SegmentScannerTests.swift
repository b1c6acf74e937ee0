import LogFormat
import Telemetry
import Testing

@Suite struct SegmentScannerTests {
    /// Records one after the other with the offset at which each ends.
    private func segment(seed: UInt64, records count: Int) throws -> (records: [LogRecord], ends: [Int], bytes: [UInt8])
    {
        var samples = Samples(seed: seed)
        var writer = ByteWriter()
        var records: [LogRecord] = []
        var ends: [Int] = []
        var position = LogPosition.start
        for _ in 0..<count {
            let record = samples.record(at: position, countMax: 5)
            if record.holdsReadings { position = record.end }
            try record.encode(into: &writer, seal: sampleSeal)
            records.append(record)
            ends.append(writer.count)
        }
        return (records, ends, writer.bytes)
    }

    @Test(arguments: 0..<10) func wholeSegments(seed: UInt64) throws {
        let (records, _, bytes) = try segment(seed: seed, records: 20)
        let whole = Scan(records: records)
        #expect(scan(bytes) == whole)
        #expect(scan(bytes + [UInt8](repeating: 0, count: 5000)) == whole, "room set aside is no damage")
        #expect(scan([]) == Scan())
        #expect(scan([UInt8](repeating: 0, count: 77)) == Scan())
    }

    @Test func windowsOfAnySizeFindTheSame() throws {
        var (_, ends, bytes) = try segment(seed: 4, records: 12)
        bytes[ends[3] + 5] ^= 1
        bytes[ends[7] + 30] ^= 1
        bytes += [UInt8](repeating: 0, count: 300) + [1, 2, 3, 4, 5]
        let whole = scan(bytes)
        #expect(whole.records.count == 10 && whole.damage.count == 2 && whole.torn != nil)
        let longest = zip(ends, [0] + ends).map { $0 - $1 }.max() ?? 0
        for size in [longest, longest + 1, longest + 7, longest + 13, 4096] {
            #expect(scan(bytes, windowBytes: size) == whole, "windows of \(size)")
        }
    }

    @Test func tornAtEveryByteOfTheLastRecord() throws {
        let (records, ends, bytes) = try segment(seed: 5, records: 4)
        let start = ends[2]
        for cut in start..<bytes.count {
            let torn = cut == start ? nil : UInt64(start)..<UInt64(cut)
            let found = scan(Array(bytes[..<cut]))
            #expect(found.records == Array(records[..<3]))
            #expect(found.damage.isEmpty)
            // Zeros at the end of the torn part cannot be told from room never used.
            #expect(found.torn?.lowerBound == torn?.lowerBound)
            let inRoom = scan(Array(bytes[..<cut]) + [UInt8](repeating: 0, count: 4096))
            #expect(inRoom.records == Array(records[..<3]) || cut >= bytes.count - 8)
            #expect(inRoom.damage.isEmpty)
        }
    }

    @Test func eachByteOfAMiddleRecordChanged() throws {
        let (records, ends, bytes) = try segment(seed: 6, records: 5)
        var samples = Samples(seed: 60)
        for index in ends[1]..<ends[2] {
            var changed = bytes
            changed[index] ^= UInt8(1 + samples.generator.draw(below: 255))
            let found = scan(changed)
            #expect(found.records == Array(records[..<2] + records[3...]), "byte \(index - ends[1])")
            #expect(found.damage == [UInt64(ends[1])..<UInt64(ends[2])])
            #expect(found.torn == nil && found.undecodable == 0)
        }
    }

    @Test func aZeroedPageIsDamage() throws {
        let (records, ends, bytes) = try segment(seed: 7, records: 6)
        var changed = bytes
        for index in ends[1]..<ends[3] { changed[index] = 0 }
        let found = scan(changed)
        #expect(found.records == Array(records[..<2] + records[4...]))
        #expect(found.damage == [UInt64(ends[1])..<UInt64(ends[3])])
    }

    @Test func aForeignRecordIsDamage() throws {
        let other = FrameSeal(log: LogID(high: sampleLog.high, low: sampleLog.low ^ 1))
        let mine = try encoded([.readings(.start, flock(of: 3))])
        let foreign = try encoded([.readings(LogPosition(3), flock(of: 3))], seal: other)
        let found = scan(mine + foreign + mine)
        #expect(found.records.count == 2)
        #expect(found.damage == [UInt64(mine.count)..<UInt64(mine.count + foreign.count)])
        // Even with this log's marker: the checksum goes on from the id.
        var disguised = foreign
        withUnsafeBytes(of: sampleSeal.marker.littleEndian) { marker in
            for index in 0..<4 { disguised[index] = marker[index] }
        }
        #expect(scan(disguised).records.isEmpty)
    }

    @Test(arguments: 0..<20) func damageCostsOnlyWhatItHits(seed: UInt64) throws {
        let (records, ends, bytes) = try segment(seed: seed, records: 30)
        var samples = Samples(seed: seed &+ 1000)
        var changed = bytes
        var hit: Set<Int> = []
        for _ in 0..<(1 + samples.generator.draw(below: 6)) {
            let index = samples.generator.draw(below: bytes.count)
            changed[index] ^= UInt8(1 + samples.generator.draw(below: 255))
            if changed[index] != bytes[index], let record = ends.firstIndex(where: { index < $0 }) {
                hit.insert(record)
            }
        }
        let kept = records.indices.filter { !hit.contains($0) }.map { records[$0] }
        #expect(scan(changed).records == kept)
    }

    /// 100,000 segments: pure noise, noise that starts like a frame, and good records with a few bytes changed.
    @Test func noiseNeverTraps() throws {
        var samples = Samples(seed: 8)
        let good = try segment(seed: 8, records: 3).bytes
        let marker = withUnsafeBytes(of: sampleSeal.marker.littleEndian) { Array($0) }
        for round in 0..<100_000 {
            var bytes: [UInt8]
            switch round % 4 {
            case 0: bytes = samples.bytes(count: samples.generator.draw(below: 64))
            case 1:
                bytes = marker + samples.bytes(count: 4)
                bytes += [UInt8(samples.generator.draw(below: 64)), 0, 0, UInt8(samples.generator.draw(below: 2))]
                bytes += [UInt8(samples.generator.draw(below: 4)), 0, 1, 0]
                bytes += samples.bytes(count: samples.generator.draw(below: 80))
            default:
                bytes = Array(good.prefix(160))
                bytes[samples.generator.draw(below: bytes.count)] = UInt8(truncatingIfNeeded: samples.generator.next())
                bytes.removeLast(samples.generator.draw(below: 24))
            }
            let found = scan(bytes)
            #expect(found.undecodable == 0)
            for span in found.damage { #expect(span.upperBound <= UInt64(bytes.count) && !span.isEmpty) }
        }
    }
}

@Suite struct SegmentHeaderTests {
    private let header = SegmentHeader(log: sampleLog, base: LogPosition(123_456))

    private func bytes(of header: SegmentHeader? = nil) -> [UInt8] {
        var writer = ByteWriter()
        (header ?? self.header).encode(into: &writer)
        return writer.bytes
    }

    private func check(_ bytes: [UInt8]) -> SegmentHeader.Check {
        bytes.withUnsafeBytes { SegmentHeader.check($0) }
    }

    @Test func comesBack() {
        #expect(bytes().count == SegmentHeader.bytesCount)
        #expect(check(bytes()) == .valid(header))
        #expect(check(bytes() + [9]) == .valid(header))
    }

    @Test func theLogReplacedStandsInBytesThatWereZero() {
        let replaced = LogID(high: 0x0102_0304_0506_0708, low: 0x1112_1314_1516_1718)
        let heir = SegmentHeader(log: sampleLog, base: LogPosition(123_456), replaces: replaced)
        #expect(check(bytes(of: heir)) == .valid(heir) && heir != header)
        #expect(bytes(of: heir)[40..<48].elementsEqual((1...8).reversed()))
        #expect(bytes(of: heir)[48..<56].elementsEqual((0x11...0x18).reversed()))
        // A header without one is what it was before there was such a field.
        #expect(header.replaces == nil && bytes()[40..<60].allSatisfy { $0 == 0 })
        #expect(Array(bytes(of: heir)[..<40]) == Array(bytes()[..<40]))
        let none = SegmentHeader(log: sampleLog, base: LogPosition(123_456), replaces: LogID(high: 0, low: 0))
        #expect(none == header)
    }

    @Test func anyChangedByteShows() {
        for index in 0..<SegmentHeader.bytesCount {
            var changed = bytes()
            changed[index] ^= 0x10
            #expect(check(changed) == .damaged, "byte \(index)")
            #expect(check(Array(changed[..<index])) == .damaged)
        }
    }

    @Test func anotherVersionIsNamed() {
        var changed = bytes()
        changed[8] = 2
        let checksum = CRC32C.checksum(of: Array(changed[..<60]))
        withUnsafeBytes(of: checksum.littleEndian) { for index in 0..<4 { changed[60 + index] = $0[index] } }
        #expect(check(changed) == .otherVersion(2))
    }
}
