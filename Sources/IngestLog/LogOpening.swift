import Glibc
import LogFormat
import Telemetry

/// Finds out what a folder holds, and settles what a crash left. Runs once, before anything else touches the log.
struct LogOpening {
    /// What was found, or made.
    struct Opened {
        var id: LogID
        var replaces: LogID?
        var life: WriterID
        /// Those before it.
        var lives: [LogLife]
        var segments: [Segment]
        /// The last segment's file.
        var file: OpenFile
        var end: LogPosition
        var recovery: LogRecovery
    }

    /// What a segment's bytes say.
    private struct Found {
        var segment: Segment
        var isHeaderGood = true
        var records = 0
        var damagedSpans = 0
        var damagedBytes: UInt64 = 0
        var torn: Range<UInt64>?
        var unreadableBytes: UInt64 = 0
        /// After the last reading, or the base.
        var end: LogPosition
        /// After the last reading that a verdict here is about: it was there once, whether it is still or not.
        var judgedEnd = LogPosition.start
        /// Readings that the positions within the segment leave out.
        var missing: UInt64 = 0

        var isEmpty: Bool { records == 0 && torn == nil && damagedSpans == 0 }
    }

    let folder: DataFolder
    let settings: IngestLog.Settings
    private var recovery = LogRecovery()

    init(folder: DataFolder, settings: IngestLog.Settings) {
        self.folder = folder
        self.settings = settings
    }

    /// - Parameters:
    ///   - newID: the id of the log if there is none yet.
    ///   - writer: the life that opens it.
    mutating func run(newID: LogID, writer: WriterID) throws(LogError) -> Opened {
        try settleRetirement()
        try DataFolder.make(folder.log)
        folder.removeUnfinishedSegment(in: folder.log)
        let bases = try folder.segmentBases(in: folder.log)
        guard let (id, replaces) = try identity(of: bases) else { return try makeFirst(id: newID, writer: writer) }
        var found: [Found] = []
        for base in bases { found.append(try scan(base, in: folder.log, seal: FrameSeal(log: id))) }
        dropUnused(&found)
        let file = try folder.open(folder.log + "/" + found[found.count - 1].segment.name, flags: O_RDWR)
        try settleTail(of: &found[found.count - 1], file: file)
        try syncTail(of: found)
        let (segments, end) = sum(found)
        let lives = folder.lives(of: id, in: folder.log)
        try folder.write(lives + [LogLife(writer: writer, start: end)], of: id, in: folder.log)
        return Opened(
            id: id, replaces: replaces, life: writer, lives: lives, segments: segments, file: file, end: end,
            recovery: recovery)
    }

    private mutating func makeFirst(id: LogID, writer: WriterID) throws(LogError) -> Opened {
        let first = UInt64(SegmentHeader.bytesCount)
        let header = SegmentHeader(log: id, base: .start)
        let (file, segment) = try folder.makeSegment(header, in: folder.log, bytes: first...settings.extentBytes)
        try folder.syncFolder(folder.path)
        try folder.write([LogLife(writer: writer, start: .start)], of: id, in: folder.log)
        recovery.isNew = true
        recovery.segments = 1
        return Opened(
            id: id, replaces: nil, life: writer, lives: [], segments: [segment], file: file, end: .start,
            recovery: recovery)
    }

    // MARK: Identity

    /// The id that all readable headers agree on, and the log that it replaced; nil if there are no segments.
    private func identity(of bases: [LogPosition]) throws(LogError) -> (id: LogID, replaces: LogID?)? {
        var id: LogID?
        var replaces: LogID?
        for base in bases {
            let path = folder.log + "/" + Segment.name(of: base)
            switch try header(of: path) {
            case .valid(let header):
                guard header.base == base else {
                    throw LogError(.unusable, "\(path) was renamed: it begins at \(header.base). Name it so again.")
                }
                guard header.log == id ?? header.log else {
                    throw LogError(
                        .unusable, "\(path) is of another log than the segments before it. Move the stray ones away.")
                }
                id = header.log
                replaces = replaces ?? header.replaces
            case .otherVersion(let version):
                throw LogError(
                    .unusable,
                    "\(path) has format \(version), this program reads \(SegmentHeader.formatVersion). Start the "
                        + "program that wrote it, or drain the log with that one first.")
            case .damaged: continue
            }
        }
        if id == nil, let first = bases.first {
            throw LogError(
                .unusable,
                "no segment in \(folder.log) has a readable header (first: \(Segment.name(of: first))). Restore the "
                    + "folder, or move it away to start an empty log: what it held and was not stored is lost then.")
        }
        return id.map { ($0, replaces) }
    }

    private func header(of path: String) throws(LogError) -> SegmentHeader.Check {
        let file = try folder.open(path, flags: O_RDONLY)
        var bytes = [UInt8](repeating: 0, count: SegmentHeader.bytesCount)
        let read = bytes.withUnsafeMutableBytes { folder.calls.read(file.descriptor, $0, 0) }
        guard read == bytes.count else { return .damaged }
        return bytes.withUnsafeBytes { SegmentHeader.check($0) }
    }

    // MARK: Segments

    private mutating func scan(
        _ base: LogPosition, in directory: String, seal: FrameSeal
    ) throws(LogError) -> Found {
        let path = directory + "/" + Segment.name(of: base)
        let isHeaderGood = if case .valid = try header(of: path) { true } else { false }
        let file = try folder.open(path, flags: O_RDONLY)
        let size = file.bytesCount
        let first = UInt64(SegmentHeader.bytesCount)
        var found = Found(segment: Segment(base: base, writtenBytes: first, allocatedBytes: size), end: base)
        found.isHeaderGood = isHeaderGood
        var walker = SegmentWalker(
            file: file, from: first, to: size, seal: seal, calls: folder.calls,
            windowBytes: Int(min(size, UInt64(SegmentWalker.windowBytesDefault))))
        walk: while true {
            switch walker.next() {
            case .record(let frame, _):
                found.records += 1
                found.segment.writtenBytes = walker.offset
                switch frame.kind {
                case .readings:
                    found.missing += frame.position - found.end
                    found.end = max(found.end, frame.end)
                case .verdicts:
                    found.judgedEnd = max(found.judgedEnd, frame.end)
                }
            case .damage(let range):
                found.damagedSpans += 1
                found.damagedBytes += UInt64(range.count)
            case .end(let torn):
                found.torn = torn
                break walk
            }
        }
        found.unreadableBytes = walker.unreadableBytes
        recovery.checkedBytes += size
        return found
    }

    /// Removes segments at the end that were made for an append which a crash kept from writing: empty, and beginning
    /// where the readings before them do not end. (Room is made before anything is written.)
    private func dropUnused(_ found: inout [Found]) {
        while found.count > 1, let last = found.last, last.isEmpty, last.isHeaderGood, last.unreadableBytes == 0,
            last.segment.base > found[found.count - 2].end
        {
            _ = folder.calls.unlink(folder.log + "/" + last.segment.name)
            found.removeLast()
        }
    }

    /// Cuts a torn write off the last segment.
    private mutating func settleTail(of last: inout Found, file: OpenFile) throws(LogError) {
        guard last.unreadableBytes == 0 else {
            throw LogError(
                .unusable,
                "the disk cannot read \(last.unreadableBytes) bytes of \(folder.log)/\(last.segment.name). Check the "
                    + "disk; restore the file, or move it away to go on without what it held.")
        }
        guard let torn = last.torn else { return }
        let written = last.segment.writtenBytes
        var number = folder.calls.truncate(file.descriptor, written)
        if number == 0 { number = folder.calls.uninterrupted { folder.calls.syncAll(file.descriptor) } }
        guard number == 0 else { throw folder.failure("cannot cut the torn end of the log", number) }
        last.segment.allocatedBytes = written
        last.torn = nil
        recovery.tornBytes = UInt64(torn.count)
    }

    /// Makes durable what was found: a process that was killed may have written records that it never synced, and what
    /// this one reads it sends on and counts on. A segment was synced before anything was written behind it, so it is the
    /// last with records, and the empty ones after it.
    private func syncTail(of found: [Found]) throws(LogError) {
        for one in found[(found.lastIndex { !$0.isEmpty } ?? 0)...] {
            let file = try folder.open(folder.log + "/" + one.segment.name, flags: O_RDWR)
            let number = folder.calls.uninterrupted { folder.calls.sync(file.descriptor) }
            guard number == 0 else { throw folder.failure("cannot sync the log", number) }
        }
    }

    /// Verdicts prove the end as readings do: were the positions of a damaged end given again, the verdicts behind it
    /// would pass for those of other readings, and the store's row for these.
    private mutating func sum(_ found: [Found]) -> (segments: [Segment], end: LogPosition) {
        var expected = found[0].segment.base
        var judgedEnd = expected
        var segments: [Segment] = []
        for one in found {
            // Bytes that are torn in a segment which another follows were whole when that one was begun.
            let spans = one.damagedSpans + (one.torn == nil ? 0 : 1) + (one.isHeaderGood ? 0 : 1)
            recovery.damagedSpans += spans
            recovery.damagedBytes += one.damagedBytes + UInt64(one.torn?.count ?? 0)
            recovery.damagedBytes += one.isHeaderGood ? 0 : UInt64(SegmentHeader.bytesCount)
            recovery.missingReadings += (one.segment.base - expected) + one.missing
            recovery.records += one.records
            expected = max(expected, one.end)
            judgedEnd = max(judgedEnd, one.judgedEnd)
            var segment = one.segment
            segment.isDamaged = spans > 0 || one.unreadableBytes > 0
            if one.torn != nil { segment.writtenBytes = segment.allocatedBytes }
            segments.append(segment)
        }
        recovery.missingReadings += judgedEnd - expected
        recovery.segments = segments.count
        return (segments, max(expected, judgedEnd))
    }

    // MARK: Retirement

    /// Finishes or undoes a change of the log's id that a crash interrupted; see `IngestLog.retire`.
    private mutating func settleRetirement() throws(LogError) {
        let hasNew = DataFolder.isFolder(folder.newLog)
        guard hasNew || DataFolder.isFolder(folder.oldLog) else { return }
        try folder.syncFolder(folder.path)  // so that what is decided on is what the disk has
        if DataFolder.isFolder(folder.log) {
            if hasNew {
                folder.remove(folder: folder.newLog)  // may be half a copy; the log itself is whole
                recovery.settledRetirement = true
            }
        } else if hasNew {
            try folder.move(folder.newLog, to: folder.log)
            recovery.settledRetirement = true
        } else if DataFolder.isFolder(folder.oldLog) {
            try folder.move(folder.oldLog, to: folder.log)
            recovery.settledRetirement = true
        }
        if DataFolder.isFolder(folder.oldLog) {
            try discardOldLog()
            recovery.settledRetirement = true
        }
    }

    /// Removes the log that a new one replaced; its damaged segments are kept.
    private mutating func discardOldLog() throws(LogError) {
        for base in try folder.segmentBases(in: folder.oldLog) {
            let path = folder.oldLog + "/" + Segment.name(of: base)
            guard case .valid(let header) = try header(of: path) else { continue }
            let found = try scan(base, in: folder.oldLog, seal: FrameSeal(log: header.log))
            if found.damagedSpans > 0 { folder.setAside(path, log: header.log, base: base) }
        }
        folder.remove(folder: folder.oldLog)
    }
}
