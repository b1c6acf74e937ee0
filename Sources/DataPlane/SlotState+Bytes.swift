import Detection
package import LogFormat
import Telemetry

/// version · flags · tombstones · series · replies. A table's count comes first, names are strings, times 8 bytes.
///
/// - A series: names, time, value, verdict, last heard, whether the store is to be told of that, usual interval, and the
///   detector's state with its length first.
/// - Replies by origin: its log, then position, names, time, value and verdict each.
/// - A verdict: one byte for result, lateness and whether a reason follows; the score, the model, the reason.
extension SlotState {
    /// Never renumber: nodes of different age read each other's states.
    private static let version: UInt8 = 3
    private static let awaitsRowsBit: UInt8 = 1
    private static let lateBit: UInt8 = 4
    private static let reasonBit: UInt8 = 8

    /// What one piece may hold at most, of each table: as many as fit into its bytes.
    static let rowsMax = pieceBytesMax / 16
    static let detectorBytesMax = SeriesState.bytesMax
    static let headerBytesMax = 64
    static let originBytes = 32

    /// - Throws: if a name or a number is one that a decoder would refuse. It is then not sent: the next owner asks the
    ///   store.
    package func encode(into writer: inout ByteWriter) throws(FormatError) {
        writer.write(Self.version)
        writer.write(awaitsRows ? Self.awaitsRowsBit : 0)
        writer.writeVarint(tombstones.count)
        for (device, time) in tombstones.sorted(by: { $0.key < $1.key }) {
            writer.write(string: device.text)
            writer.write(time.microseconds)
        }
        writer.writeVarint(series.count)
        for (name, state) in series.sorted(by: { $0.key < $1.key }) { try Self.encode(name, state, into: &writer) }
        writer.writeVarint(replies.count)
        for (origin, given) in replies.sorted(by: { $0.key < $1.key }) {
            writer.write(origin.high)
            writer.write(origin.low)
            writer.writeVarint(given.count)
            for one in given {
                writer.write(one.position.readings)
                Self.encode(one.reading.series, into: &writer)
                writer.write(one.reading.time.microseconds)
                writer.write(one.reading.value)
                try Self.encode(one.verdict, into: &writer)
            }
        }
    }

    private static func encode(_ name: Series, into writer: inout ByteWriter) {
        writer.write(string: name.device.text)
        writer.write(string: name.metric.text)
    }

    private static func encode(
        _ name: Series, _ state: SeriesState, into writer: inout ByteWriter
    ) throws(FormatError) {
        encode(name, into: &writer)
        writer.write((state.time ?? .distantPast).microseconds)
        writer.write(state.value)
        try encode(state.verdict, into: &writer)
        writer.write(state.lastHeard.microseconds)
        writer.write(state.isHeard ? 1 : 0 as UInt8)
        writer.writeVarint(UInt64(max(0, state.usualInterval)))
        let detector = state.encoded
        guard detector.count <= detectorBytesMax else {
            throw .tooMany(what: "bytes of a detector", count: UInt64(detector.count), max: detectorBytesMax)
        }
        writer.writeVarint(detector.count)
        writer.write(bytes: detector)
    }

    private static func encode(_ verdict: Verdict, into writer: inout ByteWriter) throws(FormatError) {
        let nameCounts = 1...LogLimits.modelNameUTF8CountMax
        guard (0...1).contains(verdict.score), nameCounts.contains(verdict.model.name.utf8.count) else {
            throw .invalid(what: "verdict \(verdict)")
        }
        let flags = (verdict.isLate ? lateBit : 0) | (verdict.reason == nil ? 0 : reasonBit)
        writer.write(verdict.result.rawValue | flags)
        writer.write(verdict.score)
        writer.write(string: verdict.model.name)
        writer.writeVarint(UInt64(verdict.model.version))
        if let reason = verdict.reason { writer.write(string: reason) }
    }

    // MARK: Sizes

    static func bytes(of device: DeviceID) -> Int { device.text.utf8.count + 16 }

    /// An upper bound of the bytes of what was learned, with its length.
    static func bytes(of state: SeriesState) -> Int { state.encodedCountMax + 8 }

    /// An upper bound of the bytes of a row: names, five numbers, a verdict.
    static func bytes(of name: Series, judgedBy verdict: Verdict) -> Int {
        name.device.text.utf8.count + name.metric.text.utf8.count + verdict.model.name.utf8.count
            + (verdict.reason?.utf8.count ?? 0) + 80
    }

    // MARK: Decoding

    /// A series whose detector is of a version not known here is left out: the slot asks the store for its row.
    package init(decoding reader: inout ByteReader) throws(FormatError) {
        let version = try reader.readUInt8()
        guard version == Self.version else { throw .invalid(what: "version \(version) of a slot's state") }
        let flags = try reader.readUInt8()
        guard flags & ~Self.awaitsRowsBit == 0 else { throw .invalid(what: "flags of a slot's state") }
        self.init(awaitsRows: flags & Self.awaitsRowsBit != 0)
        for _ in 0..<(try reader.readCount(of: "tombstones", max: SlotCore.tombstonesMax)) {
            let device = try Self.readDevice(&reader)
            tombstones[device] = Instant(microseconds: try reader.readInt64())
        }
        for _ in 0..<(try reader.readCount(of: "series", max: Self.rowsMax)) { try readSeries(&reader) }
        for _ in 0..<(try reader.readCount(of: "origins", max: Self.rowsMax)) {
            let origin = LogID(high: try reader.readUInt64(), low: try reader.readUInt64())
            var given: [SlotCore.Given] = []
            for _ in 0..<(try reader.readCount(of: "replies", max: Self.rowsMax)) {
                given.append(try Self.readGiven(&reader))
            }
            replies[origin] = given
        }
    }

    private mutating func readSeries(_ reader: inout ByteReader) throws(FormatError) {
        let name = try Self.readName(&reader)
        let time = Instant(microseconds: try reader.readInt64())
        let value = try Self.readValue(&reader)
        let verdict = try Self.readVerdict(&reader)
        let lastHeard = Instant(microseconds: try reader.readInt64())
        let isHeard = try reader.readUInt8()
        guard isHeard <= 1 else { throw .invalid(what: "flag") }
        let usualInterval = Int64(clamping: try reader.readVarint())
        let count = try reader.readCount(of: "bytes of a detector", max: Self.detectorBytesMax)
        let known = SeriesState.decoded(Array(try reader.readBytes(count: count)))
        guard let detector = known.detector else {
            awaitsRows = true
            return
        }
        series[name] = SeriesState(
            time: time == .distantPast ? nil : time, value: value, verdict: verdict, lastHeard: lastHeard,
            usualInterval: usualInterval, detector: detector, panel: known.panel, isHeard: isHeard == 1)
    }

    private static func readGiven(_ reader: inout ByteReader) throws(FormatError) -> SlotCore.Given {
        let position = LogPosition(try reader.readUInt64())
        let name = try readName(&reader)
        let time = Instant(microseconds: try reader.readInt64())
        let value = try readValue(&reader)
        return SlotCore.Given(
            position: position, reading: Reading(series: name, time: time, value: value),
            verdict: try readVerdict(&reader))
    }

    private static func readDevice(_ reader: inout ByteReader) throws(FormatError) -> DeviceID {
        let text = try reader.readString("device id", utf8CountMax: DeviceID.utf8CountMax)
        guard let device = DeviceID(text) else { throw .invalid(what: "device id") }
        return device
    }

    private static func readName(_ reader: inout ByteReader) throws(FormatError) -> Series {
        let device = try readDevice(&reader)
        let text = try reader.readString("metric", utf8CountMax: Metric.utf8CountMax)
        guard let metric = Metric(text) else { throw .invalid(what: "metric") }
        return Series(device: device, metric: metric)
    }

    private static func readValue(_ reader: inout ByteReader) throws(FormatError) -> Double {
        let value = try reader.readDouble()
        guard value.isFinite else { throw .invalid(what: "value") }
        return value
    }

    private static func readVerdict(_ reader: inout ByteReader) throws(FormatError) -> Verdict {
        let byte = try reader.readUInt8()
        guard byte & ~(3 | lateBit | reasonBit) == 0, let result = ScoreResult(rawValue: byte & 3) else {
            throw .invalid(what: "verdict byte \(byte)")
        }
        let score = try reader.readDouble()
        guard (0...1).contains(score) else { throw .invalid(what: "score: not in 0...1") }
        let name = try reader.readString("model name", utf8CountMax: LogLimits.modelNameUTF8CountMax)
        let version = try reader.readVarint()
        guard !name.isEmpty, let version = UInt32(exactly: version) else { throw .invalid(what: "model") }
        let hasReason = byte & reasonBit != 0
        let reason = hasReason ? try reader.readString("reason", utf8CountMax: Verdict.reasonUTF8CountMax) : nil
        return Verdict(
            result: result, score: score, model: ModelID(name: name, version: version), isLate: byte & lateBit != 0,
            reason: reason)
    }
}
