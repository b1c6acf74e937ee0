import Glibc
import LogFormat
import Synchronization
package import Telemetry

extension IngestLog {
    /// Copies every valid record under a new id, and goes on as that log. For a log whose id the store knows as another
    /// (a restored disk or store), or has never heard of.
    ///
    /// Positions are counted from the old base, so that the new log begins at 0: each is less by that, readings, verdicts
    /// and the end alike, and holes stay holes. Verdicts come along, since what was scored and shown is not scored again.
    ///
    /// The copy is made in `log.new`; then `log` becomes `log.old`, `log.new` becomes `log`, and `log.old` is removed.
    /// Each step is durable before the next, and opening finishes or undoes what a crash leaves, so that there is one
    /// log with all readings at any time.
    /// - Returns: the old base. What stood at a position stands at the position less this now.
    /// - Throws: `.diskFull` (there must be room for a second copy) or `.folder` with the old log still in use;
    ///   `.failed`, `.closed`.
    @discardableResult
    package func retire(newID: LogID) async throws(LogError) -> LogPosition {
        try beginCall()
        let result = await writing.run { () -> Result<LogPosition, LogError> in
            self.endCall()
            // Nothing is read meanwhile: the files change under their names.
            return self.reading.runBlocking { self.retireNow(newID: newID) }
        }
        return try result.get()
    }

    private func retireNow(newID: LogID) -> Result<LogPosition, LogError> {
        let (id, segments, end, failure) = state.withLock { ($0.id, $0.segments, $0.end, $0.failure) }
        if let failure { return .failure(failure) }
        let base = segments[0].base
        // Where the disk lost the end since the log was opened, memory may still know those readings.
        let newEnd = LogPosition(end - base)
        do throws(LogError) {
            let copy = try copyRecords(of: segments, from: id, to: newID)
            try swapLogs()
            writer.withLock { writer in
                writer = LogWriter(
                    folder: folder, settings: settings, id: newID, replaces: id, current: copy.current,
                    file: copy.file, end: newEnd)
            }
            state.withLock { state in
                state.id = newID
                state.replaces = id
                state.lives = []
                state.segments = copy.segments + [copy.current]
                state.end = newEnd
            }
        } catch {
            if error.code == .failed {
                state.withLock { $0.failure = error }
            } else {
                folder.remove(folder: folder.newLog)
            }
            return .failure(error)
        }
        reader.withLock { $0.forget() }
        for segment in segments where segment.isDamaged {
            folder.setAside(folder.oldLog + "/" + segment.name, log: id, base: segment.base)
        }
        folder.remove(folder: folder.oldLog)
        return .success(base)
    }

    private func copyRecords(
        of segments: [Segment], from id: LogID, to newID: LogID
    ) throws(LogError) -> RetirementCopy {
        for leftover in [folder.newLog, folder.oldLog] { folder.remove(folder: leftover) }
        try DataFolder.make(folder.newLog)
        var copy = try RetirementCopy(
            folder: folder, settings: settings, id: newID, replaces: id, base: segments[0].base)
        for segment in segments {
            let file = try folder.open(folder.log + "/" + segment.name, flags: O_RDONLY)
            var walker = SegmentWalker(
                file: file, from: UInt64(SegmentHeader.bytesCount), to: segment.writtenBytes, seal: FrameSeal(log: id),
                calls: folder.calls)
            walk: while true {
                switch walker.next() {
                case .record(let frame, at: let offset):
                    try copy.append(frame, of: walker, at: offset)
                case .damage: continue
                case .end: break walk
                }
            }
        }
        try folder.write([LogLife(writer: life, start: .start)], of: newID, in: folder.newLog)
        try copy.finish()
        return copy
    }

    /// - Throws: `.failed` if `log` is no longer the old log for certain: opening settles which it is then. The copy
    ///   must stay as it is in that case, since it may be the one that opening takes.
    private func swapLogs() throws(LogError) {
        try folder.syncFolder(folder.newLog)
        do throws(LogError) {
            try folder.move(folder.log, to: folder.oldLog)
            try folder.move(folder.newLog, to: folder.log)
        } catch {
            do throws(LogError) {
                if !DataFolder.isFolder(folder.log) { try folder.move(folder.oldLog, to: folder.log) }
                try folder.syncFolder(folder.path)
            } catch {
                throw LogError(.failed, error.message)
            }
            if !DataFolder.isFolder(folder.newLog) { throw LogError(.failed, error.message) }
            throw error
        }
    }
}

/// The log that `retire` makes: full segments and the one being filled, in `log.new`.
private struct RetirementCopy {
    private static let bufferBytesMax = 4 << 20

    private let folder: DataFolder
    private let settings: IngestLog.Settings
    private let id: LogID
    private let replaces: LogID
    private let seal: FrameSeal
    /// Of the log being copied: what its positions are counted from here.
    private let base: LogPosition
    private var buffer = ByteWriter()
    private(set) var segments: [Segment] = []
    private(set) var current: Segment
    private(set) var file: OpenFile
    /// After the last reading copied.
    private var end = LogPosition.start

    init(
        folder: DataFolder, settings: IngestLog.Settings, id: LogID, replaces: LogID, base: LogPosition
    ) throws(LogError) {
        self.folder = folder
        self.settings = settings
        self.id = id
        self.replaces = replaces
        seal = FrameSeal(log: id)
        self.base = base
        (file, current) = try folder.makeSegment(of: id, replaces: replaces, base: .start)
    }

    /// Takes over a record with its payload as it is; only position and checksum are new. Of one that reaches before
    /// the base (verdicts on readings that were trimmed), the rest is written anew.
    mutating func append(_ frame: RecordFrame, of walker: SegmentWalker, at offset: UInt64) throws(LogError) {
        guard frame.end > base else { return }
        let bytesAfter = current.writtenBytes + UInt64(buffer.count + frame.totalBytes)
        if bytesAfter > settings.segmentBytes, end > current.base {
            try finish()
            segments.append(current)
            (file, current) = try folder.makeSegment(of: id, replaces: replaces, base: end)
        } else if buffer.count + frame.totalBytes > Self.bufferBytesMax {
            try flush()
        }
        let isWritten = walker.withPayload(of: frame, at: offset) { payload -> Bool in
            do throws(FormatError) {
                if frame.position < base { try writeRest(of: frame, payload) } else { try write(frame, payload) }
                return true
            } catch {
                return false  // as good as damaged: what it held is a gap between positions
            }
        }
        if isWritten, frame.kind == .readings { end = max(end, LogPosition(frame.end - base)) }
    }

    private mutating func write(_ frame: RecordFrame, _ payload: UnsafeRawBufferPointer) throws(FormatError) {
        try RecordFrame.write(
            kind: frame.kind, count: frame.count, position: LogPosition(frame.position - base), seal: seal,
            into: &buffer
        ) { (writer) throws(FormatError) in writer.write(bytes: payload) }
    }

    private mutating func writeRest(of frame: RecordFrame, _ payload: UnsafeRawBufferPointer) throws(FormatError) {
        let record = try LogRecord(frame: frame, payload: payload)
        let rest = Int(base - frame.position)..<record.count
        let moved: LogRecord =
            switch record {
            case .readings(_, let batch): .readings(.start, batch.slice(rest))
            case .verdicts(_, let batch): .verdicts(.start, batch.slice(rest))
            }
        try moved.encode(into: &buffer, seal: seal)
    }

    mutating func finish() throws(LogError) {
        try flush()
        let number = folder.calls.uninterrupted { folder.calls.syncAll(file.descriptor) }
        guard number == 0 else { throw folder.failure("cannot sync the copy of the log", number) }
    }

    private mutating func flush() throws(LogError) {
        let length = current.writtenBytes + UInt64(buffer.count)
        current.allocatedBytes = try folder.reserve(file, from: current.allocatedBytes, bytes: length...length)
        let number = buffer.withUnsafeBytes { folder.calls.writeAll($0, to: file, at: current.writtenBytes) }
        guard number == 0 else { throw folder.failure("cannot write the copy of the log", number) }
        current.writtenBytes = length
        buffer.clear()
    }
}

extension DataFolder {
    fileprivate func makeSegment(
        of log: LogID, replaces: LogID, base: LogPosition
    ) throws(LogError) -> (file: OpenFile, segment: Segment) {
        let bytes = UInt64(SegmentHeader.bytesCount)
        return try makeSegment(
            SegmentHeader(log: log, base: base, replaces: replaces), in: newLog, bytes: bytes...bytes)
    }
}
