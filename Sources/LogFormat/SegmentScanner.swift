/// Walks over the bytes of a segment and tells records, damage, the torn tail and room never used apart.
///
/// Bad bytes that a valid record follows are *damage*: something happened to bytes that were once whole. Bad bytes
/// that nothing follows are *torn*: the write that a crash cut off. Zeros up to the end are neither: space is set
/// aside before it is used.
///
/// The segment need not be in memory: the driver hands windows of it, each starting where the scanner stands, until a
/// step is not `.needsMore`. A window of `RecordFrame.bytesMax` bytes, or one that reaches the end, always decides.
package struct SegmentScanner: Sendable {
    package enum Step: Hashable, Sendable {
        /// A valid record, and where in the segment its frame starts.
        case record(RecordFrame, at: UInt64)
        /// Bytes of the segment that are no record; one follows.
        case damage(Range<UInt64>)
        /// The window ends too early to say. Go on with one that starts at `offset`.
        case needsMore
        /// Nothing valid is left; bytes that are not 0 end with `torn`.
        case end(torn: Range<UInt64>?)
    }

    private let seal: FrameSeal
    /// The first byte of the segment not yet decided on; moves by multiples of the frames' alignment.
    package private(set) var offset: UInt64
    /// Where the bad bytes began that the scanner is in.
    private var badStart: UInt64?
    /// After the last of them that is not 0.
    private var badEnd: UInt64 = 0

    package init(seal: FrameSeal, offset: UInt64) {
        self.seal = seal
        self.offset = offset
    }

    /// True while it is unknown whether the bytes before `offset` are damage or a torn tail.
    package var isInBadBytes: Bool { badStart != nil }

    /// - Parameters:
    ///   - window: bytes of the segment from `windowStart` on.
    ///   - isLast: the window reaches the end of the segment.
    package mutating func next(in window: UnsafeRawBufferPointer, startingAt windowStart: UInt64, isLast: Bool) -> Step
    {
        while true {
            guard offset >= windowStart, offset - windowStart <= UInt64(window.count) else { return .needsMore }
            let index = Int(offset - windowStart)
            if index == window.count { return isLast ? end() : .needsMore }
            switch RecordFrame.check(window, at: index, seal: seal) {
            case .valid(let frame):
                if let start = badStart {
                    badStart = nil
                    return .damage(start..<offset)
                }
                defer { offset += UInt64(frame.totalBytes) }
                return .record(frame, at: offset)
            case .incomplete where !isLast:
                return .needsMore
            case .incomplete, .invalid:
                skipBadBytes(in: window, from: index, isLast: isLast)
            }
        }
    }

    private func end() -> Step {
        guard let start = badStart, badEnd > start else { return .end(torn: nil) }
        return .end(torn: start..<badEnd)
    }

    /// Moves to the next place where a frame may start, at least one step on, or to the end of the window.
    private mutating func skipBadBytes(in window: UnsafeRawBufferPointer, from start: Int, isLast: Bool) {
        if badStart == nil {
            badStart = offset
            badEnd = offset
        }
        let step = RecordFrame.alignment
        let windowStart = offset - UInt64(start)
        var index = start
        repeat {
            guard index + step <= window.count else {
                guard isLast else { break }  // a part of a step: the next window has it whole
                if window[index...].contains(where: { $0 != 0 }) { badEnd = windowStart + UInt64(window.count) }
                index = window.count
                break
            }
            if window.loadUnaligned(fromByteOffset: index, as: UInt64.self) != 0 {
                badEnd = windowStart + UInt64(index + step)
            }
            index += step
        } while !mayStartFrame(window, at: index)
        offset = windowStart + UInt64(index)
    }

    private func mayStartFrame(_ window: UnsafeRawBufferPointer, at index: Int) -> Bool {
        guard index + 4 <= window.count else { return index >= window.count }
        return UInt32(littleEndian: window.loadUnaligned(fromByteOffset: index, as: UInt32.self)) == seal.marker
    }
}
