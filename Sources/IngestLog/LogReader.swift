import Glibc
import LogFormat
import Telemetry

/// Reads segments; keeps the file it read last and the buffer. Confined to the log's reading queue.
struct LogReader {
    let calls: FileCalls
    private var file: OpenFile?
    private var path = ""
    private var buffer: [UInt8] = []

    init(calls: FileCalls) {
        self.calls = calls
    }

    mutating func forget() {
        file = nil
        path = ""
        buffer = []
    }

    /// What one segment gave.
    struct Part {
        var records: [LogRecord] = []
        var damagedSpans = 0
        /// Where in the segment to go on.
        var offset: UInt64
        /// After the last reading read.
        var position: LogPosition
        var isAtEnd = false
    }

    /// Reads records of a segment from `offset` on, about `bytesMax` of them and at least one, to `segment.writtenBytes`.
    mutating func read(
        _ segment: Segment, at path: String, from offset: UInt64, bytesMax: Int, seal: FrameSeal, folder: DataFolder
    ) throws(LogError) -> Part {
        let file = try open(path, folder: folder)
        var walker = SegmentWalker(
            file: file, from: offset, to: segment.writtenBytes, seal: seal, calls: calls, windowBytes: bytesMax,
            buffer: buffer)
        buffer = []
        var part = Part(offset: offset, position: segment.base)
        // A damaged run is walked to its end at once, so that it counts once.
        walk: while part.records.isEmpty || walker.offset - offset < UInt64(bytesMax) {
            switch walker.next() {
            case .record(let frame, let place):
                let record = walker.withPayload(of: frame, at: place) { try? LogRecord(frame: frame, payload: $0) }
                if let record {
                    part.records.append(record)
                    if record.holdsReadings { part.position = max(part.position, record.end) }
                } else {
                    part.damagedSpans += 1
                }
                part.offset = walker.offset
            case .damage(let range):
                part.damagedSpans += 1
                part.offset = range.upperBound
            case .end(let torn):
                // Nothing written may be missing here: bytes beyond the last record were records once.
                if torn != nil || segment.writtenBytes > part.offset { part.damagedSpans += 1 }
                part.offset = max(part.offset, segment.writtenBytes)
                break walk
            }
        }
        part.isAtEnd = part.offset >= segment.writtenBytes
        buffer = walker.buffer
        return part
    }

    private mutating func open(_ path: String, folder: DataFolder) throws(LogError) -> OpenFile {
        if let file, self.path == path { return file }
        let opened = try folder.open(path, flags: O_RDONLY)
        file = opened
        self.path = path
        return opened
    }
}
