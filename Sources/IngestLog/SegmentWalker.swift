import Glibc
import LogFormat

/// Reads a segment file window by window and hands its records on; the driver of a `SegmentScanner`.
///
/// Files are read, not mapped: a mapped page that the disk cannot give ends the process. A page that cannot be read
/// counts as zeros, so that a bad sector costs the records it held and not the log.
struct SegmentWalker {
    enum Step {
        /// `withPayload` has its bytes until the next step.
        case record(RecordFrame, at: UInt64)
        case damage(Range<UInt64>)
        case end(torn: Range<UInt64>?)
    }

    /// What opening reads at a time.
    static let windowBytesDefault = 4 << 20

    private let calls: FileCalls
    private let file: OpenFile
    /// Where the segment's bytes end.
    private let endBytes: UInt64
    private var scanner: SegmentScanner
    /// The window: `buffer[..<filled]` are the segment's bytes from `start` on.
    private(set) var buffer: [UInt8]
    private var start: UInt64
    private var filled = 0
    private var windowBytes: Int
    private(set) var unreadableBytes: UInt64 = 0

    /// - Parameters:
    ///   - offset: where a frame starts, or the header ends.
    ///   - windowBytes: how much to read at a time; more where one record needs it.
    ///   - buffer: taken over, to save making one.
    init(
        file: OpenFile, from offset: UInt64, to endBytes: UInt64, seal: FrameSeal, calls: FileCalls,
        windowBytes: Int = windowBytesDefault, buffer: [UInt8] = []
    ) {
        self.calls = calls
        self.file = file
        self.endBytes = max(offset, endBytes)
        self.windowBytes = max(RecordFrame.headerBytes, windowBytes)
        self.buffer = buffer
        start = offset
        scanner = SegmentScanner(seal: seal, offset: offset)
    }

    /// The first byte not yet decided on.
    var offset: UInt64 { scanner.offset }

    mutating func next() -> Step {
        while true {
            let isLast = start + UInt64(filled) >= endBytes
            let step = buffer.withUnsafeBytes { all in
                scanner.next(
                    in: UnsafeRawBufferPointer(rebasing: all[..<filled]), startingAt: start, isLast: isLast)
            }
            switch step {
            case .record(let frame, at: let offset): return .record(frame, at: offset)
            case .damage(let range): return .damage(range)
            case .end(let torn): return .end(torn: torn)
            case .needsMore: refill()
            }
        }
    }

    func withPayload<Value>(
        of frame: RecordFrame, at offset: UInt64, _ body: (UnsafeRawBufferPointer) -> Value
    ) -> Value {
        buffer.withUnsafeBytes { body(frame.payload(in: $0, at: Int(offset - start))) }
    }

    // MARK: Window

    /// Moves the window to the scanner; makes it large enough for any frame if moving alone did not help.
    private mutating func refill() {
        if scanner.offset == start, filled == windowBytes { windowBytes = max(windowBytes, RecordFrame.bytesMax) }
        let left = endBytes - min(endBytes, scanner.offset)
        let wanted = Int(min(UInt64(windowBytes), left))
        if buffer.count < wanted { buffer = [UInt8](repeating: 0, count: max(wanted, min(windowBytes, 64 << 10))) }
        start = scanner.offset
        filled = wanted
        let (calls, file, start) = (calls, file, start)
        unreadableBytes += buffer.withUnsafeMutableBytes { all in
            Self.fill(UnsafeMutableRawBufferPointer(rebasing: all[..<wanted]), from: file, at: start, calls: calls)
        }
    }

    /// - Returns: how many bytes could not be read and are zeros now.
    private static func fill(
        _ target: UnsafeMutableRawBufferPointer, from file: OpenFile, at offset: UInt64, calls: FileCalls
    ) -> UInt64 {
        let page = Int(IngestLog.Settings.pageBytes)
        var done = 0
        var unreadable = 0
        var isPiecewise = false
        var interrupts = 0
        while done < target.count {
            let place = offset + UInt64(done)
            let toPageEnd = page - Int(place % UInt64(page))
            let wanted = isPiecewise ? min(toPageEnd, target.count - done) : target.count - done
            let piece = UnsafeMutableRawBufferPointer(rebasing: target[done..<(done + wanted)])
            let read = calls.read(file.descriptor, piece, place)
            if read > 0 {
                done += min(read, wanted)
                isPiecewise = false
            } else if read == -Int(EINTR), interrupts < FileCalls.interruptsMax {
                interrupts += 1
            } else if read == 0 || isPiecewise {
                for index in piece.indices { piece[index] = 0 }
                unreadable += wanted
                done += wanted
            } else {
                isPiecewise = true  // look at it page by page: only the bad one is lost
            }
        }
        return UInt64(unreadable)
    }
}
