import FuzzKit
import LogFormat
import Telemetry

// What a disk may say: a segment behind its header, the payloads of records, a header, the file of a log's lives; the first
// byte says which. Where a checksum would keep every changed byte out, it is made good first, since a disk that lies may as
// well lie in the checksum.

let log = LogID(high: 1, low: 2)
let seal = FrameSeal(log: log)

func encoded(_ record: LogRecord) -> [UInt8] {
    var writer = ByteWriter()
    do throws(FormatError) {
        try record.encode(into: &writer, seal: seal)
    } catch {
        preconditionFailure("read \(record), which cannot be written: \(error)")
    }
    return writer.bytes
}

// MARK: Segments

struct Scan: Equatable {
    var records: [LogRecord] = []
    var undecodable = 0
    var damage: [Range<UInt64>] = []
    var torn: Range<UInt64>?
}

/// As a driver reads it, in windows.
func scan(_ all: UnsafeRawBufferPointer, windowBytes: Int) -> Scan {
    var scan = Scan()
    var scanner = SegmentScanner(seal: seal, offset: 0)
    var start = 0
    var size = windowBytes
    while true {
        let end = min(all.count, start + size)
        let window = UnsafeRawBufferPointer(rebasing: all[start..<end])
        let before = scanner.offset
        switch scanner.next(in: window, startingAt: UInt64(start), isLast: end == all.count) {
        case .record(let frame, at: let offset):
            let payload = frame.payload(in: window, at: Int(offset) - start)
            if let record = try? LogRecord(frame: frame, payload: payload) {
                scan.records.append(record)
            } else {
                scan.undecodable += 1
            }
        case .damage(let range): scan.damage.append(range)
        case .needsMore:
            // A window as large as a frame may be always decides.
            if scanner.offset == before { size *= 2 } else { size = windowBytes }
            precondition(size <= 4 * RecordFrame.bytesMax, "a window of \(size) bytes does not decide")
            start = Int(scanner.offset)
        case .end(let torn):
            scan.torn = torn
            return scan
        }
    }
}

func checkSegment(_ bytes: UnsafeRawBufferPointer, windowBytes: Int) {
    let whole = scan(bytes, windowBytes: max(1, bytes.count))
    let inWindows = scan(bytes, windowBytes: windowBytes)
    precondition(whole == inWindows, "whole \(whole), in windows of \(windowBytes) \(inWindows)")
    var end: UInt64 = 0
    for range in whole.damage + (whole.torn.map { [$0] } ?? []) {
        precondition(range.lowerBound >= end && !range.isEmpty, "\(whole)")
        end = range.upperBound
    }
    precondition(end <= UInt64(bytes.count), "\(whole)")
    for record in whole.records { checkRecord(record) }
}

/// The segment with the checksum of every frame that has the marker made good.
func mended(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    var bytes = Array(bytes)
    var offset = 0
    while offset + RecordFrame.headerBytes <= bytes.count {
        let payload = bytes[(offset + 8)..<(offset + 12)].reversed().reduce(0) { $0 << 8 | Int($1) }
        let end = (offset + RecordFrame.headerBytes + payload + 7) & ~7
        guard payload <= LogLimits.payloadBytesMax, end <= bytes.count else { break }
        withUnsafeBytes(of: seal.marker.littleEndian) { bytes.replaceSubrange(offset..<(offset + 4), with: $0) }
        let checksum = bytes.withUnsafeBytes {
            CRC32C.checksum(of: UnsafeRawBufferPointer(rebasing: $0[(offset + 8)..<end]), seed: seal.checksumSeed)
        }
        withUnsafeBytes(of: checksum.littleEndian) { bytes.replaceSubrange((offset + 4)..<(offset + 8), with: $0) }
        offset = end
    }
    return bytes
}

// MARK: Records

func checkRecord(_ record: LogRecord) {
    let bytes = encoded(record)
    let again = bytes.withUnsafeBytes { scan($0, windowBytes: $0.count) }
    precondition(again == Scan(records: [record]), "read \(record), then \(again)")
}

func checkReadings(_ bytes: UnsafeRawBufferPointer) {
    let batch = try? ByteReader.read(all: bytes) { reader throws(FormatError) in try ReadingBatch(decoding: &reader) }
    guard let batch, !batch.isEmpty else { return }
    checkRecord(.readings(LogPosition(7), batch))
    let middle = batch.count / 2
    let halves = [batch.slice(0..<middle), batch.slice(middle..<batch.count)]
    let readings = halves.flatMap { half in (0..<half.count).map { half[$0] } }
    precondition(readings == (0..<batch.count).map { batch[$0] }, "sliced \(batch)")
}

func checkVerdicts(_ bytes: UnsafeRawBufferPointer) {
    let batch = try? ByteReader.read(all: bytes) { reader throws(FormatError) in try VerdictBatch(decoding: &reader) }
    guard let batch, batch.count > 0 else { return }
    checkRecord(.verdicts(LogPosition(7), batch))
}

// MARK: Headers and lives

/// With the last four bytes of the first `count` as their checksum.
func sealed(_ bytes: UnsafeRawBufferPointer, count: Int) -> [UInt8]? {
    guard bytes.count >= count else { return nil }
    var bytes = Array(bytes.prefix(count))
    let checksum = CRC32C.checksum(of: Array(bytes[..<(count - 4)]))
    withUnsafeBytes(of: checksum.littleEndian) { bytes.replaceSubrange((count - 4)..<count, with: $0) }
    return bytes
}

func checkHeader(_ bytes: UnsafeRawBufferPointer) {
    _ = SegmentHeader.check(bytes)
    guard let sealed = sealed(bytes, count: SegmentHeader.bytesCount) else { return }
    guard case .valid(let header) = sealed.withUnsafeBytes(SegmentHeader.check) else { return }
    var writer = ByteWriter()
    header.encode(into: &writer)
    precondition(writer.withUnsafeBytes(SegmentHeader.check) == .valid(header), "read \(header)")
}

func checkLives(_ bytes: UnsafeRawBufferPointer) {
    _ = LogLife.decode(bytes, of: log)
    guard let sealed = sealed(bytes, count: LogLife.bytesCount) else { return }
    let lives = sealed.withUnsafeBytes { LogLife.decode($0, of: log) }
    precondition(lives.count <= LogLife.countMax, "\(lives.count) lives")
    let again = LogLife.encode(lives, of: log).withUnsafeBytes { LogLife.decode($0, of: log) }
    precondition(again == lives, "read \(lives), then \(again)")
}

try Fuzzer.run(seeds: Seeds.all) { bytes in
    guard let (first, rest) = bytes.divided() else { return }
    switch first % 6 {
    case 0: checkSegment(rest, windowBytes: 8 + Int(first))
    case 1: mended(rest).withUnsafeBytes { checkSegment($0, windowBytes: 8 + Int(first)) }
    case 2: checkReadings(rest)
    case 3: checkVerdicts(rest)
    case 4: checkHeader(rest)
    default: checkLives(rest)
    }
}
