import Glibc
import LogFormat
import Telemetry

/// Appends to the last segment and begins new ones. Confined to the log's own queue.
///
/// One append is all or nothing as far as room goes: every byte it needs is set aside before the first is written, so
/// a full disk is an answer (`.diskFull`), not an accident, and the positions stay where they were.
struct LogWriter {
    /// A larger buffer is given back after use.
    private static let bufferKeptBytesMax = 4 << 20

    let folder: DataFolder
    let settings: IngestLog.Settings
    let id: LogID
    let replaces: LogID?
    let seal: FrameSeal
    /// The segment being written, and its file.
    private(set) var current: Segment
    private(set) var file: OpenFile
    private(set) var end: LogPosition
    private var buffer = ByteWriter(reserving: 64 << 10)

    init(
        folder: DataFolder, settings: IngestLog.Settings, id: LogID, replaces: LogID?, current: Segment,
        file: OpenFile, end: LogPosition
    ) {
        self.folder = folder
        self.settings = settings
        self.id = id
        self.replaces = replaces
        self.seal = FrameSeal(log: id)
        self.current = current
        self.file = file
        self.end = end
    }

    /// A run of encoded records that goes into one segment.
    private struct Part {
        /// The segment's base: the one being written, or one to be made.
        var base: LogPosition
        /// Where in the segment the run starts.
        var start: UInt64
        /// The run within `buffer`.
        var bytes: Range<Int>

        var end: UInt64 { start + UInt64(bytes.count) }
    }

    /// A segment that this append made.
    private typealias Made = (file: OpenFile, segment: Segment)

    private var calls: FileCalls { folder.calls }

    /// Writes `records`, without a sync of the last segment. Readings may begin beyond the end, never before it.
    /// - Parameter otherBytes: disk space of all segments but the one being written.
    /// - Returns: the segments that were written to, the one being written now last; the first is what `current` was.
    /// - Throws: `.full`, `.diskFull`, `.invalidRecords` with nothing written; `.failed` with anything written.
    mutating func append(_ records: [LogRecord], otherBytes: UInt64) throws(LogError) -> [Segment] {
        defer { if buffer.count > Self.bufferKeptBytesMax { buffer = ByteWriter() } }
        let (parts, newEnd) = try encode(records)
        let holdsReadings = records.contains(where: \.holdsReadings)
        let lastBytes = try room(for: parts, holdsReadings: holdsReadings, otherBytes: otherBytes)
        let made = try reserve(parts, lastBytes: lastBytes)
        try write(parts, made: made)
        let segments = finish(parts, made: made)
        end = newEnd
        return segments
    }

    /// Makes what was written to the last segment durable.
    /// - Throws: `.failed`: the system reports such an error once and then forgets it, so that a second call would lie.
    func sync() throws(LogError) {
        try sync(file)
    }

    private func sync(_ file: OpenFile) throws(LogError) {
        let number = calls.uninterrupted { calls.sync(file.descriptor) }
        guard number == 0 else { throw failed("a sync", number) }
    }

    private func failed(_ what: String, _ number: Int32) -> LogError {
        LogError(
            .failed,
            "\(what) of the log in \(folder.path) failed: \(FileCalls.text(of: number)). The log takes nothing more; "
                + "check the disk, then start the node again.")
    }

    // MARK: Steps

    private mutating func encode(_ records: [LogRecord]) throws(LogError) -> (parts: [Part], end: LogPosition) {
        buffer.clear()
        var end = self.end
        var last = Part(base: current.base, start: current.writtenBytes, bytes: 0..<0)
        var parts: [Part] = []
        for record in records {
            try check(record, end: end)
            let start = buffer.count
            do throws(FormatError) { try record.encode(into: &buffer, seal: seal) } catch {
                throw LogError(.invalidRecords, "a record at \(record.position) cannot be written: \(error)")
            }
            guard buffer.count <= IngestLog.appendBytesMax else {
                throw LogError(.invalidRecords, "more than \(IngestLog.appendBytesMax) bytes in one append; split it")
            }
            // Segments are named by their base, so one without readings cannot end: the next would have its name.
            if last.start + UInt64(buffer.count - last.bytes.lowerBound) > settings.segmentBytes, end > last.base {
                parts.append(last)
                last = Part(base: end, start: UInt64(SegmentHeader.bytesCount), bytes: start..<start)
            }
            last.bytes = last.bytes.lowerBound..<buffer.count
            if record.holdsReadings { end = record.end }
        }
        return (parts + [last], end)
    }

    private func check(_ record: LogRecord, end: LogPosition) throws(LogError) {
        switch record {
        case .readings(let position, _):
            guard position >= end else {
                throw LogError(.invalidRecords, "readings at \(position), but the log already ends at \(end)")
            }
        case .verdicts(let position, _):
            guard record.end <= end else {
                throw LogError(.invalidRecords, "verdicts on \(position)..<\(record.end), but the log ends at \(end)")
            }
        }
    }

    /// Compares with the limit.
    /// - Returns: how long the last part's segment must become, and how long it may become.
    private func room(
        for parts: [Part], holdsReadings: Bool, otherBytes: UInt64
    ) throws(LogError) -> ClosedRange<UInt64> {
        let lastEnd = Self.roundedUp(parts[parts.count - 1].end, to: IngestLog.Settings.pageBytes)
        let least = parts.count == 1 ? max(lastEnd, current.allocatedBytes) : lastEnd
        let total = parts.dropLast().reduce(otherBytes) { $0 + $1.end } + least
        let grows = parts.count > 1 || least > current.allocatedBytes
        let limit = settings.limitBytes + (holdsReadings ? 0 : settings.verdictsOvershootBytes)
        guard !grows || total <= limit else {
            throw LogError(
                .full,
                "the log in \(folder.path) has reached its limit of \(settings.limitBytes) bytes. It empties when the "
                    + "store takes its readings; raise --log-limit to hold more.")
        }
        let step = min(Self.roundedUp(lastEnd, to: settings.extentBytes), max(settings.segmentBytes, lastEnd))
        let free = settings.limitBytes - min(settings.limitBytes, total)
        let most = min(max(step, least), least + free)
        return least...max(least, most & ~(IngestLog.Settings.pageBytes - 1))
    }

    /// Sets aside all that `parts` need, making the segments that do not exist yet.
    private mutating func reserve(_ parts: [Part], lastBytes: ClosedRange<UInt64>) throws(LogError) -> [Made] {
        let currentBytes = parts.count == 1 ? lastBytes : parts[0].end...parts[0].end
        var made: [Made] = []
        do throws(LogError) {
            current.allocatedBytes = try folder.reserve(file, from: current.allocatedBytes, bytes: currentBytes)
            for (index, part) in parts.enumerated().dropFirst() {
                let bytes = index == parts.count - 1 ? lastBytes : part.end...part.end
                let header = SegmentHeader(log: id, base: part.base, replaces: replaces)
                made.append(try folder.makeSegment(header, in: folder.log, bytes: bytes))
            }
        } catch {
            remove(made)
            throw error.closesLog
        }
        return made
    }

    private mutating func write(_ parts: [Part], made: [Made]) throws(LogError) {
        let files = [file] + made.map(\.file)
        for (index, part) in parts.enumerated() {
            let number = buffer.withUnsafeBytes { all in
                calls.writeAll(UnsafeRawBufferPointer(rebasing: all[part.bytes]), to: files[index], at: part.start)
            }
            // Some file systems find out only now. What was written must go: half a record is harmless, but a whole
            // one would stand behind whatever is written next.
            if FileCalls.isNoSpace(number) {
                guard calls.truncate(file.descriptor, current.writtenBytes) == 0 else {
                    throw failed("a write", number)
                }
                current.allocatedBytes = current.writtenBytes
                remove(made)
                throw folder.failure("cannot write to the log", number)
            }
            guard number == 0 else { throw failed("a write", number) }
            if index < parts.count - 1 {
                // Before anything is written behind it: what is bad in a segment that is not the last is damage.
                _ = calls.truncate(files[index].descriptor, part.end)
                try sync(files[index])
            }
        }
    }

    private mutating func finish(_ parts: [Part], made: [Made]) -> [Segment] {
        var segments: [Segment] = []
        for (index, part) in parts.enumerated() {
            var segment = index == 0 ? current : made[index - 1].segment
            segment.writtenBytes = part.end
            if index < parts.count - 1 { segment.allocatedBytes = part.end }
            segments.append(segment)
        }
        if let last = made.last { file = last.file }
        current = segments[segments.count - 1]
        return segments
    }

    private func remove(_ made: [Made]) {
        for one in made { _ = calls.unlink(folder.log + "/" + one.segment.name) }
    }

    static func roundedUp(_ bytes: UInt64, to unit: UInt64) -> UInt64 {
        (bytes + unit - 1) / unit * unit
    }
}
