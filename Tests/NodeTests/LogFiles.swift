import Foundation
import LogFormat
import NodeHarness
import Telemetry

/// The segments of a node's ingest log on disk, read with the format alone: what is in it is told by its bytes.
struct LogFile {
    struct Record {
        let frame: RecordFrame
        let offset: Int

        var isReadings: Bool { frame.kind == .readings }
        var end: Int { offset + frame.totalBytes }
    }

    let path: String
    private(set) var bytes: [UInt8]
    let records: [Record]
    let seal: FrameSeal

    /// The newest segment of the log in a data folder.
    init(newestIn dataFolder: String) throws {
        let paths = try FileManager.default.subpathsOfDirectory(atPath: dataFolder).map { dataFolder + "/" + $0 }
        var newest: (path: String, bytes: [UInt8], header: SegmentHeader)?
        for path in paths {
            guard let bytes = FileManager.default.contents(atPath: path).map({ [UInt8]($0) }) else { continue }
            guard case .valid(let header) = bytes.withUnsafeBytes({ SegmentHeader.check($0) }) else { continue }
            if newest.map({ $0.header.base < header.base }) ?? true { newest = (path, bytes, header) }
        }
        guard let newest else { throw HarnessError("no log segment in \(dataFolder)") }
        path = newest.path
        bytes = newest.bytes
        seal = FrameSeal(log: newest.header.log)
        records = Self.records(in: newest.bytes, seal: seal)
    }

    static func contents(of path: String) -> [UInt8]? {
        FileManager.default.contents(atPath: path).map { [UInt8]($0) }
    }

    /// The segment in a file; nil if it is none.
    init?(path: String) {
        guard let bytes = Self.contents(of: path),
            case .valid(let header) = bytes.withUnsafeBytes({ SegmentHeader.check($0) })
        else { return nil }
        self.path = path
        self.bytes = bytes
        seal = FrameSeal(log: header.log)
        records = Self.records(in: bytes, seal: seal)
    }

    /// Every reading that the log in a data folder holds.
    static func readings(in dataFolder: String) throws -> [Reading] {
        var readings: [Reading] = []
        for name in try FileManager.default.contentsOfDirectory(atPath: dataFolder + "/log").sorted() {
            guard let segment = LogFile(path: dataFolder + "/log/" + name) else { continue }
            for record in segment.records where record.isReadings {
                let batch = try segment.readings(of: record)
                readings += (0..<batch.count).map { batch[$0] }
            }
        }
        return readings
    }

    private static func records(in bytes: [UInt8], seal: FrameSeal) -> [Record] {
        var scanner = SegmentScanner(seal: seal, offset: UInt64(SegmentHeader.bytesCount))
        var records: [Record] = []
        while case .record(let frame, let offset) = bytes.withUnsafeBytes({
            scanner.next(in: $0, startingAt: 0, isLast: true)
        }) {
            records.append(Record(frame: frame, offset: Int(offset)))
        }
        return records
    }

    func readings(of record: Record) throws -> ReadingBatch {
        try bytes.withUnsafeBytes { all in
            let decoded = try LogRecord(frame: record.frame, payload: record.frame.payload(in: all, at: record.offset))
            guard case .readings(_, let batch) = decoded else { throw HarnessError("no readings at \(record.offset)") }
            return batch
        }
    }

    /// Where what was written ends.
    var writtenEnd: Int { records.last?.end ?? SegmentHeader.bytesCount }

    mutating func write(_ new: some Collection<UInt8>, at offset: Int) throws {
        if bytes.count < offset + new.count {
            bytes += [UInt8](repeating: 0, count: offset + new.count - bytes.count)
        }
        bytes.replaceSubrange(offset..<offset + new.count, with: new)
        try save()
    }

    mutating func truncate(to count: Int) throws {
        bytes.removeLast(bytes.count - count)
        try save()
    }

    private func save() throws {
        // In place: a new file would not be the log's.
        let file = try FileHandle(forWritingTo: URL(filePath: path))
        try file.truncate(atOffset: 0)
        try file.write(contentsOf: Data(bytes))
        try file.close()
    }
}
