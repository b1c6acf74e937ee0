import Glibc
import LogFormat
import Synchronization
package import Telemetry

extension IngestLog {
    /// Re-appends every valid reading record under a new id, from position 0, and goes on as that log. For a log whose
    /// checkpoint lies beyond its end (a restored disk), or that the store has never heard of. Verdicts are left
    /// behind: their readings are scored again.
    ///
    /// The copy is made in `log.new`; then `log` becomes `log.old`, `log.new` becomes `log`, and `log.old` is removed.
    /// Each step is durable before the next, and opening finishes or undoes what a crash leaves, so that there is one
    /// log with all readings at any time.
    /// - Throws: `.diskFull` (there must be room for a second copy) or `.folder` with the old log still in use;
    ///   `.failed`, `.closed`.
    package func retire(newID: LogID) async throws(LogError) {
        try beginCall()
        let result = await writing.run { () -> Result<Void, LogError> in
            self.endCall()
            // Nothing is read meanwhile: the files change under their names.
            return self.reading.runBlocking { self.retireNow(newID: newID) }
        }
        try result.get()
    }

    private func retireNow(newID: LogID) -> Result<Void, LogError> {
        let (id, segments, failure) = state.withLock { ($0.id, $0.segments, $0.failure) }
        if let failure { return .failure(failure) }
        do throws(LogError) {
            let copy = try copyReadings(of: segments, from: id, to: newID)
            try swapLogs()
            writer.withLock { writer in
                writer = LogWriter(
                    folder: folder, settings: settings, id: newID, replaces: id, current: copy.current,
                    file: copy.file, end: copy.end)
            }
            state.withLock { state in
                state.id = newID
                state.replaces = id
                state.segments = copy.segments + [copy.current]
                state.end = copy.end
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
        return .success(())
    }

    private func copyReadings(
        of segments: [Segment], from id: LogID, to newID: LogID
    ) throws(LogError) -> RetirementCopy {
        for leftover in [folder.newLog, folder.oldLog] { folder.remove(folder: leftover) }
        try DataFolder.make(folder.newLog)
        var copy = try RetirementCopy(folder: folder, settings: settings, id: newID, replaces: id)
        for segment in segments {
            let file = try folder.open(folder.log + "/" + segment.name, flags: O_RDONLY)
            var walker = SegmentWalker(
                file: file, from: UInt64(SegmentHeader.bytesCount), to: segment.writtenBytes, seal: FrameSeal(log: id),
                calls: folder.calls)
            walk: while true {
                switch walker.next() {
                case .record(let frame, at: let offset):
                    if frame.kind == .readings { try copy.append(frame, of: walker, at: offset) }
                case .damage: continue
                case .end: break walk
                }
            }
        }
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
    private var buffer = ByteWriter()
    private(set) var segments: [Segment] = []
    private(set) var current: Segment
    private(set) var file: OpenFile
    private(set) var end = LogPosition.start

    init(folder: DataFolder, settings: IngestLog.Settings, id: LogID, replaces: LogID) throws(LogError) {
        self.folder = folder
        self.settings = settings
        self.id = id
        self.replaces = replaces
        seal = FrameSeal(log: id)
        (file, current) = try folder.makeSegment(of: id, replaces: replaces, base: .start)
    }

    /// Takes over a record with its payload as it is; only position and checksum are new.
    mutating func append(_ frame: RecordFrame, of walker: SegmentWalker, at offset: UInt64) throws(LogError) {
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
                try RecordFrame.write(
                    kind: frame.kind, count: frame.count, position: end, seal: seal, into: &buffer
                ) { (writer) throws(FormatError) in writer.write(bytes: payload) }
                return true
            } catch {
                return false
            }
        }
        if isWritten { end = end + frame.count }
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
