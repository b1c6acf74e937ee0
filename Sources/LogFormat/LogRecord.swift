package import Telemetry

/// One entry of a log. Records hold names, never the ids of a store, so that any store can take them.
package enum LogRecord: Hashable, Sendable {
    /// Readings as they were received together; the position is the ordinal of the first. It is the end of the record
    /// before, or beyond it where readings were lost.
    case readings(LogPosition, ReadingBatch)
    /// Verdicts on the readings from the position on, which may be those of several neighbouring records. Written
    /// without a sync, on readings that were synced: after a crash some are missing and their readings are scored
    /// again, while those that are there prove how far the log reached.
    case verdicts(LogPosition, VerdictBatch)

    package var position: LogPosition {
        switch self {
        case .readings(let position, _), .verdicts(let position, _): position
        }
    }

    package var count: Int {
        switch self {
        case .readings(_, let batch): batch.count
        case .verdicts(_, let batch): batch.count
        }
    }

    /// After the last reading that the record holds or is about.
    package var end: LogPosition { position + count }

    package var holdsReadings: Bool {
        if case .readings = self { true } else { false }
    }

    /// Appends the record's frame; on an error the writer is as before.
    package func encode(into writer: inout ByteWriter, seal: FrameSeal) throws(FormatError) {
        let kind: RecordFrame.Kind = holdsReadings ? .readings : .verdicts
        try RecordFrame.write(kind: kind, count: count, position: position, seal: seal, into: &writer) {
            (writer) throws(FormatError) in
            switch self {
            case .readings(_, let batch): try batch.encode(into: &writer)
            case .verdicts(_, let batch): try batch.encode(into: &writer)
            }
        }
    }

    /// - Parameter payload: the payload of `frame`, whose checksum was checked; it is decoded as if it was not.
    package init(frame: RecordFrame, payload: UnsafeRawBufferPointer) throws(FormatError) {
        switch frame.kind {
        case .readings:
            let batch = try ByteReader.read(all: payload) { (reader) throws(FormatError) in
                try ReadingBatch(decoding: &reader)
            }
            self = .readings(frame.position, batch)
        case .verdicts:
            let batch = try ByteReader.read(all: payload) { (reader) throws(FormatError) in
                try VerdictBatch(decoding: &reader)
            }
            self = .verdicts(frame.position, batch)
        }
        guard count == frame.count else { throw .invalid(what: "count: \(count) in a frame of \(frame.count)") }
    }
}
