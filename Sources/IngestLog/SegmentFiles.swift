import Glibc
import LogFormat
import Telemetry

/// Making, reserving and cutting segment files, shared by appending and retiring.
extension DataFolder {
    private static let unfinishedName = "new.tmp"

    /// Makes the file of a segment with its header, with `bytes` set aside; it appears under its name when it is whole
    /// and durable, or not at all.
    /// - Throws: `.diskFull` if there is no room, `.failed` if the disk refuses.
    func makeSegment(
        _ header: SegmentHeader, in folder: String, bytes: ClosedRange<UInt64>
    ) throws(LogError) -> (file: OpenFile, segment: Segment) {
        let unfinished = folder + "/" + Self.unfinishedName
        do throws(LogError) {
            let file = try open(unfinished, flags: O_RDWR | O_CREAT | O_TRUNC)
            let allocated = try reserve(file, from: 0, bytes: bytes)
            var writer = ByteWriter(reserving: SegmentHeader.bytesCount)
            header.encode(into: &writer)
            var number = writer.withUnsafeBytes { calls.writeAll($0, to: file, at: 0) }
            if number == 0 { number = calls.uninterrupted { calls.syncAll(file.descriptor) } }
            if number == 0 { number = calls.rename(unfinished, folder + "/" + Segment.name(of: header.base)) }
            guard number == 0 else { throw failure("cannot make a log segment in \(folder)", number) }
            try syncFolder(folder)
            let written = UInt64(SegmentHeader.bytesCount)
            return (file, Segment(base: header.base, writtenBytes: written, allocatedBytes: allocated))
        } catch {
            _ = calls.unlink(unfinished)
            throw error.closesLog
        }
    }

    /// Lengthens a file to the upper bound of `bytes`, or to the lower where there is no room for more.
    /// - Returns: the file's length.
    func reserve(_ file: OpenFile, from length: UInt64, bytes: ClosedRange<UInt64>) throws(LogError) -> UInt64 {
        for target in [bytes.upperBound, bytes.lowerBound] {
            if target <= length { return length }
            let number = calls.uninterrupted { calls.allocate(file.descriptor, length, target - length) }
            if number == 0 { return target }
            _ = calls.truncate(file.descriptor, length)  // gives back what a failed call may have got
            let isLast = target == bytes.lowerBound
            if isLast || !FileCalls.isNoSpace(number) {
                throw failure("cannot set \(target - length) bytes aside for the log", number)
            }
        }
        return length
    }

    func removeUnfinishedSegment(in folder: String) {
        _ = calls.unlink(folder + "/" + Self.unfinishedName)
    }
}
