import DataPlane
import LogFormat
import Telemetry

/// A data folder on a disk that loses, tears and flips: segments of bytes in the real record format, of which only what
/// was synced survives a loss of power.
struct VirtualFolder {
    struct Segment {
        let base: LogPosition
        var bytes: [UInt8]
        var syncedCount: Int
        /// After the last position that the segment proves.
        var end: LogPosition
    }

    private(set) var id: LogID
    private(set) var replaces: LogID?
    /// Who wrote the log under its name, oldest first, the one that writes now last.
    private(set) var lives: [LogLife] = []
    private(set) var segments: [Segment]
    let segmentBytes: Int
    var limitBytes: Int

    init(id: LogID, segmentBytes: Int, limitBytes: Int) {
        self.id = id
        self.segmentBytes = segmentBytes
        self.limitBytes = limitBytes
        segments = []
        roll(at: .start)
    }

    var base: LogPosition { segments[0].base }
    var end: LogPosition { segments.reduce(.start) { max($0, $1.end) } }
    /// As the last life found it.
    var opened: IngestCore.OpenLog {
        .init(id: id, base: base, end: end, replaces: replaces, lives: Array(lives.dropLast()))
    }
    var bytesCount: Int { segments.reduce(0) { $0 + $1.bytes.count } }

    /// Room for verdicts beyond the limit, so that what was accepted can be finished.
    static let verdictsOvershoot = 1.5

    /// Begins a segment; the one before it is synced then, as the real log does.
    private mutating func roll(at position: LogPosition) {
        sync()
        var header = ByteWriter()
        SegmentHeader(log: id, base: position, replaces: replaces).encode(into: &header)
        segments.append(
            Segment(base: position, bytes: header.bytes, syncedCount: header.count, end: position))
    }

    // MARK: Writing

    /// Writes the records, not synced; nil if they are in.
    mutating func append(_ records: [LogRecord]) -> IngestCore.AppendFailure? {
        var next = end
        var encoded: [(record: LogRecord, bytes: [UInt8])] = []
        for record in records {
            guard record.holdsReadings ? record.position >= next : record.end <= next else {
                return .refused("\(record.position)..<\(record.end) after \(next)")
            }
            next = max(next, record.end)
            var writer = ByteWriter()
            do throws(FormatError) {
                try record.encode(into: &writer, seal: FrameSeal(log: id))
            } catch {
                return .refused("\(error)")
            }
            encoded.append((record, writer.bytes))
        }
        let added = encoded.reduce(0) { $0 + $1.bytes.count }
        let limit =
            records.contains(where: \.holdsReadings) ? limitBytes : Int(Double(limitBytes) * Self.verdictsOvershoot)
        guard bytesCount + added <= limit else { return .full("\(bytesCount) bytes") }
        for (record, bytes) in encoded {
            let last = segments.count - 1
            if segments[last].bytes.count + bytes.count > segmentBytes, end > segments[last].base { roll(at: end) }
            let current = segments.count - 1
            segments[current].bytes += bytes
            segments[current].end = max(segments[current].end, record.end)
        }
        return nil
    }

    mutating func sync() {
        for index in segments.indices { segments[index].syncedCount = segments[index].bytes.count }
    }

    mutating func trim(before position: LogPosition) {
        while segments.count > 1, segments[1].base <= position { segments.removeFirst() }
    }

    /// All that is left, under another name; positions begin at 0, holes stay holes.
    mutating func retire(newID: LogID) {
        let shift = base
        let records = segments.indices.flatMap { self.records(of: $0).map(\.record) }
        let oldEnd = end
        replaces = id
        id = newID
        lives = lives.suffix(1).map { LogLife(writer: $0.writer, start: .start) }
        segments = []
        roll(at: .start)
        for record in records {
            switch record {
            case .readings(let position, let batch):
                _ = append([.readings(LogPosition(position - shift), batch)])
            case .verdicts(let position, let verdicts):
                guard record.end > shift else { continue }
                let cut = Int(shift - position)
                let from = max(position, shift)
                _ = append([.verdicts(LogPosition(from - shift), verdicts.slice(cut..<verdicts.count))])
            }
        }
        let last = segments.count - 1
        segments[last].end = max(segments[last].end, LogPosition(oldEnd - shift))
        sync()
    }

    // MARK: Reading

    struct Found {
        let record: LogRecord
        /// Where its frame starts and ends in the segment.
        let bytes: Range<Int>
    }

    /// The valid records of a segment from a byte on.
    func records(of segment: Int, from offset: Int = SegmentHeader.bytesCount) -> [Found] {
        let seal = FrameSeal(log: id)
        return segments[segment].bytes.withUnsafeBytes { window in
            var scanner = SegmentScanner(seal: seal, offset: UInt64(offset))
            var found: [Found] = []
            while true {
                switch scanner.next(in: window, startingAt: 0, isLast: true) {
                case .record(let frame, at: let start):
                    let payload = frame.payload(in: window, at: Int(start))
                    guard let record = try? LogRecord(frame: frame, payload: payload) else { continue }
                    found.append(Found(record: record, bytes: Int(start)..<(Int(start) + frame.totalBytes)))
                case .damage: continue
                case .needsMore, .end: return found
                }
            }
        }
    }

    /// As the real log reads: some records from a place on.
    func read(
        from start: IngestCore.ReadStart, recordsMax: Int
    ) -> (records: [LogRecord], next: LogCursor, isAtEnd: Bool) {
        var segment: Int
        var offset = SegmentHeader.bytesCount
        switch start {
        case .position(let position):
            segment = segments.lastIndex { $0.base <= position } ?? 0
        case .cursor(let cursor):
            segment = segments.firstIndex { $0.base >= cursor.segment } ?? segments.count - 1
            if segments[segment].base == cursor.segment { offset = Int(cursor.offset) }
        }
        while true {
            let found = records(of: segment, from: offset)
            let taken = found.prefix(recordsMax)
            let isWhole = taken.count == found.count
            let next = isWhole ? segments[segment].bytes.count : taken.last?.bytes.upperBound ?? offset
            let isLast = segment == segments.count - 1
            if taken.isEmpty, isWhole, !isLast {
                segment += 1
                offset = SegmentHeader.bytesCount
                continue
            }
            return (
                taken.map(\.record), LogCursor(log: id, segment: segments[segment].base, offset: UInt64(next)),
                isWhole && isLast
            )
        }
    }

    // MARK: Disasters

    /// The power fails: of what was not synced a random part stays, perhaps with wrong bytes.
    /// - Returns: true if bytes before the last of them are wrong: later pages may reach a disk before earlier ones, and
    ///   what follows them makes damage of what nobody was promised.
    mutating func losePower(_ random: inout SeededGenerator) -> Bool {
        var isHoled = false
        for index in segments.indices {
            let synced = segments[index].syncedCount
            let unsynced = segments[index].bytes.count - synced
            guard unsynced > 0 else { continue }
            segments[index].bytes.removeLast(random.draw(below: unsynced + 1))
            let left = segments[index].bytes.count - synced
            if left > 0, random.draw(below: 3) == 0 {
                let from = synced + random.draw(below: left)
                for place in from..<min(from + 64, segments[index].bytes.count) { segments[index].bytes[place] = 0 }
                isHoled = true
            }
        }
        return isHoled
    }

    /// One bit of the records changes.
    mutating func flipBit(_ random: inout SeededGenerator) -> Bool {
        let segment = random.draw(below: segments.count)
        let room = segments[segment].bytes.count - SegmentHeader.bytesCount
        guard room > 0 else { return false }
        let place = SegmentHeader.bytesCount + random.draw(below: room)
        segments[segment].bytes[place] ^= 1 << UInt8(random.draw(below: 8))
        return true
    }

    /// A process opens the folder: the torn end is cut, what is found is the log.
    mutating func open(by writer: WriterID) {
        for index in segments.indices {
            let found = records(of: index)
            segments[index].end = found.reduce(segments[index].base) { max($0, $1.record.end) }
            if index == segments.count - 1 {
                let written = found.last?.bytes.upperBound ?? SegmentHeader.bytesCount
                segments[index].bytes.removeLast(segments[index].bytes.count - written)
            }
        }
        sync()
        lives = Array((lives + [LogLife(writer: writer, start: end)]).suffix(LogLife.countMax))
    }
}
