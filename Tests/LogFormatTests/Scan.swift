import LogFormat

/// What a scan over a whole segment's bytes (without its header) found.
struct Scan: Equatable {
    var records: [LogRecord] = []
    var damage: [Range<UInt64>] = []
    var torn: Range<UInt64>?
    var undecodable = 0
}

/// - Parameter windowBytes: how much the scanner sees at a time; nil for everything at once.
func scan(_ bytes: [UInt8], seal: FrameSeal = sampleSeal, windowBytes: Int? = nil) -> Scan {
    var scan = Scan()
    var scanner = SegmentScanner(seal: seal, offset: 0)
    let size = windowBytes ?? bytes.count
    var start = 0
    bytes.withUnsafeBytes { all in
        while true {
            let end = min(bytes.count, start + size)
            let window = UnsafeRawBufferPointer(rebasing: all[start..<end])
            switch scanner.next(in: window, startingAt: UInt64(start), isLast: end == bytes.count) {
            case .record(let frame, at: let offset):
                let payload = frame.payload(in: window, at: Int(offset) - start)
                if let record = try? LogRecord(frame: frame, payload: payload) {
                    scan.records.append(record)
                } else {
                    scan.undecodable += 1
                }
            case .damage(let range): scan.damage.append(range)
            case .needsMore: start = Int(scanner.offset)
            case .end(let torn):
                scan.torn = torn
                return
            }
        }
    }
    return scan
}
