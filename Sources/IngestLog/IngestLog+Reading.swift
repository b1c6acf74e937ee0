package import LogFormat
import Synchronization
package import Telemetry

extension IngestLog {
    /// Where to read from to see every record that holds or is about readings from `position` on. Earlier records
    /// come along: the caller skips them.
    package func cursor(at position: LogPosition) -> LogCursor {
        state.withLock { state in
            let segment = state.segments.last { $0.base <= position } ?? state.segments[0]
            return Self.start(of: segment, id: state.id)
        }
    }

    private static func start(of segment: Segment, id: LogID) -> LogCursor {
        LogCursor(log: id, segment: segment.base, offset: UInt64(SegmentHeader.bytesCount))
    }

    /// Records from `cursor` on, about `bytesMax` bytes of them and at least one if there is one, of what is written
    /// now, synced or not. A cursor into a segment that was trimmed goes on at the first that is held.
    ///
    /// Bad bytes are skipped and counted; the readings lost are the gaps between positions.
    /// - Throws: `.staleCursor`, `.closed`, `.busy`, `.folder` (the file cannot be opened; try again or give up).
    package func read(from cursor: LogCursor, bytesMax: Int) async throws(LogError) -> LogChunk {
        try beginCall()
        let result = await reading.run { () -> Result<LogChunk, LogError> in
            self.endCall()
            do throws(LogError) {
                return .success(try self.readNow(from: cursor, bytesMax: bytesMax))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func readNow(from cursor: LogCursor, bytesMax: Int) throws(LogError) -> LogChunk {
        let (id, segments, end, failure) = state.withLock { ($0.id, $0.segments, $0.end, $0.failure) }
        if let failure, failure.code == .closed { throw failure }
        guard cursor.log == id, var index = segments.firstIndex(where: { $0.base >= cursor.segment }) else {
            throw LogError(.staleCursor, "no place to read from in log \(id): \(cursor); take a new cursor")
        }
        let seal = FrameSeal(log: id)
        let bytesMax = min(max(bytesMax, 1), Self.readBytesMax)
        var next = segments[index].base == cursor.segment ? cursor : Self.start(of: segments[index], id: id)
        var records: [LogRecord] = []
        var damagedSpans = 0
        var position = segments[index].base
        var bytesLeft = bytesMax
        while true {
            let segment = segments[index]
            let offset = Self.place(next.offset, in: segment)
            let path = folder.log + "/" + segment.name
            let part = try reader.withLock { (reader) throws(LogError) in
                try reader.read(segment, at: path, from: offset, bytesMax: bytesLeft, seal: seal, folder: folder)
            }
            records += part.records
            damagedSpans += part.damagedSpans
            if part.damagedSpans > 0 { markDamaged(segment.base) }
            position = max(position, part.position)
            next = LogCursor(log: id, segment: segment.base, offset: part.offset)
            bytesLeft -= Int(clamping: part.offset - offset)
            guard part.isAtEnd else { break }
            if index == segments.count - 1 {
                return LogChunk(
                    records: records, next: next, isAtEnd: true, damagedSpans: damagedSpans,
                    position: max(position, end))
            }
            index += 1
            position = max(position, segments[index].base)
            next = Self.start(of: segments[index], id: id)
            if bytesLeft <= 0 { break }
        }
        return LogChunk(
            records: records, next: next, isAtEnd: false, damagedSpans: damagedSpans, position: position)
    }

    /// A cursor's offset, if it can be one: where a frame may start.
    private static func place(_ offset: UInt64, in segment: Segment) -> UInt64 {
        let first = UInt64(SegmentHeader.bytesCount)
        guard offset >= first, offset % UInt64(RecordFrame.alignment) == 0 else { return first }
        return min(offset, max(first, segment.writtenBytes))
    }

    /// Keeps the segment from being deleted when it is trimmed.
    private func markDamaged(_ base: LogPosition) {
        state.withLock { state in
            guard let index = state.segments.firstIndex(where: { $0.base == base }) else { return }
            state.segments[index].isDamaged = true
        }
    }

    /// Deletes the segments all of whose readings lie before `position` of the log `id`; never the last. Damaged ones are
    /// moved to `damaged/`, where `DataFolder.damagedCountMax` are kept.
    ///
    /// A log that has another id by now stays as it is: the position means other readings there.
    package func trim(before position: LogPosition, of id: LogID) async {
        await reading.run { self.trimNow(before: position, of: id) }
    }

    private func trimNow(before position: LogPosition, of id: LogID) {
        let trimmed = state.withLock { state -> [Segment] in
            if state.id != id || state.failure?.code == .closed { return [] }
            let kept = state.segments.indices.dropFirst().last { state.segments[$0].base <= position } ?? 0
            let trimmed = Array(state.segments[..<kept])
            state.segments.removeFirst(kept)
            return trimmed
        }
        guard !trimmed.isEmpty else { return }
        reader.withLock { $0.forget() }
        // Oldest first: whatever a crash leaves is the end of the log without a hole.
        for segment in trimmed {
            let path = folder.log + "/" + segment.name
            if segment.isDamaged {
                folder.setAside(path, log: id, base: segment.base)
            } else {
                _ = folder.calls.unlink(path)
            }
        }
    }
}
