import ClusterActors
package import HashRing
package import LogFormat
package import Ports
import Telemetry

/// What a node asks its peers for `GET /latest`.
package struct LatestCall: Hashable, Sendable, WireValue {
    package let query: LatestQuery
    /// The version of an answer that the asker still has.
    package let known: UInt64?

    package init(query: LatestQuery, known: UInt64? = nil) {
        self.query = query
        self.known = known
    }

    package func encode(into writer: inout ByteWriter) throws(FormatError) {
        writer.write(query.all)
        try writer.write(optional: query.device) { (writer, device) throws(FormatError) in
            try device.encode(into: &writer)
        }
        try writer.write(optional: query.metric) { (writer, metric) throws(FormatError) in
            writer.write(string: metric.text)
        }
        try writer.write(optional: query.result) { (writer, result) throws(FormatError) in
            writer.write(result.rawValue)
        }
        try writer.write(optional: query.limit) { (writer, limit) throws(FormatError) in
            writer.writeVarint(UInt64(max(0, limit)))
        }
        try writer.write(optional: query.after) { (writer, device) throws(FormatError) in
            try device.encode(into: &writer)
        }
        try writer.write(optional: query.since) { (writer, time) throws(FormatError) in try time.encode(into: &writer) }
        try writer.write(optional: known) { (writer, version) throws(FormatError) in writer.write(version) }
    }

    package init(decoding reader: inout ByteReader) throws(FormatError) {
        var query = LatestQuery()
        query.all = try reader.readFlag()
        query.device = try reader.readOptional { (reader) throws(FormatError) in try DeviceID(decoding: &reader) }
        query.metric = try reader.readOptional { (reader) throws(FormatError) in try reader.readMetric() }
        query.result = try reader.readOptional { (reader) throws(FormatError) in
            guard let result = ScoreResult(rawValue: try reader.readUInt8()) else { throw .invalid(what: "result") }
            return result
        }
        query.limit = try reader.readOptional { (reader) throws(FormatError) in
            Int(clamping: try reader.readVarint())
        }
        query.after = try reader.readOptional { (reader) throws(FormatError) in try DeviceID(decoding: &reader) }
        query.since = try reader.readOptional { (reader) throws(FormatError) in try Instant(decoding: &reader) }
        known = try reader.readOptional { (reader) throws(FormatError) in try reader.readUInt64() }
        self.query = query
    }
}

/// What an owner knows: devices by id as bytes, and of which slots that is everything.
package struct LatestReply: Hashable, Sendable, WireValue {
    package var devices: [LatestDevice]
    package var warm: SlotSet
    /// There are more devices after the last: ask for those.
    package var isCut: Bool
    /// Grows with everything that may change the answer.
    package var version: UInt64
    /// How long it stays right if the version stays: microseconds.
    package var validFor: Int64
    /// It is what the asker has; the rest is empty.
    package var isUnchanged = false

    /// Devices and metrics of a device in one reply.
    package static let devicesMax = 1 << 20
    package static let metricsMax = 1 << 16
    /// Bytes, about, after which a reply ends: with the longest device behind it, it still fits into one message.
    package static let pageBytes = 2 << 20
    /// Replies that one question gathers from one owner: some ten million metrics.
    package static let pagesMax = 256

    /// Clocks that are set, and limits that nobody thought of, are noticed after so many microseconds.
    package static let validMax: Int64 = 5_000_000

    package init(devices: [LatestDevice], warm: SlotSet, isCut: Bool = false, version: UInt64, validFor: Int64) {
        self.devices = devices
        self.warm = warm
        self.isCut = isCut
        self.version = version
        self.validFor = validFor
    }

    package static func unchanged(version: UInt64) -> LatestReply {
        var reply = LatestReply(devices: [], warm: SlotSet(), version: version, validFor: 0)
        reply.isUnchanged = true
        return reply
    }

    /// Adds the page behind it. The version stays that of the first page: what changed since is asked for again.
    package mutating func append(_ page: LatestReply) {
        devices += page.devices
        // A slot that went away in between is not known whole.
        warm.formIntersection(page.warm)
        isCut = page.isCut
        validFor = min(validFor, page.validFor)
    }

    /// As many of its devices as fit into one reply.
    var page: LatestReply {
        var bytes = 0
        let end = devices.firstIndex { device in
            defer { bytes += Self.bytes(of: device) }
            return bytes >= Self.pageBytes
        }
        guard let end else { return self }
        var page = self
        page.devices.removeSubrange(end...)
        page.isCut = true
        return page
    }

    /// Not less than it takes on the wire.
    private static func bytes(of device: LatestDevice) -> Int {
        device.metrics.reduce(64 + device.device.text.utf8.count) { bytes, metric in
            bytes + 64 + metric.metric.text.utf8.count + metric.verdict.model.name.utf8.count
                + (metric.verdict.reason?.utf8.count ?? 0)
        }
    }

    package func encode(into writer: inout ByteWriter) throws(FormatError) {
        try warm.encode(into: &writer)
        writer.write(isCut)
        writer.write(version)
        writer.write(validFor)
        writer.write(isUnchanged)
        writer.writeVarint(devices.count)
        for row in devices {
            writer.write(string: row.device.text)
            writer.write(row.time.microseconds)
            writer.write(row.isSilent)
            writer.writeVarint(row.metrics.count)
            for metric in row.metrics { Self.write(metric, into: &writer) }
        }
        for row in devices { for metric in row.metrics { writer.write(metric.expected) } }
    }

    /// `expected` is not in it: it came later, so it stands behind all rows, where a reader of an earlier version has
    /// stopped, and a writer of one ends.
    static func write(_ metric: LatestMetric, into writer: inout ByteWriter) {
        writer.write(string: metric.metric.text)
        writer.write(metric.value)
        writer.write(metric.time.microseconds)
        writer.write(metric.isSilent)
        writer.write(metric.verdict)
    }

    static func readMetric(_ reader: inout ByteReader) throws(FormatError) -> LatestMetric {
        let metric = try reader.readMetric()
        let value = try reader.readDouble()
        guard value.isFinite else { throw .invalid(what: "value") }
        let time = Instant(microseconds: try reader.readInt64())
        let isSilent = try reader.readFlag()
        return LatestMetric(
            metric: metric, value: value, verdict: try reader.readVerdict(), time: time, isSilent: isSilent)
    }

    package init(decoding reader: inout ByteReader) throws(FormatError) {
        warm = try SlotSet(decoding: &reader)
        isCut = try reader.readFlag()
        version = try reader.readUInt64()
        validFor = max(0, min(Self.validMax, try reader.readInt64()))
        isUnchanged = try reader.readFlag()
        var devices: [LatestDevice] = []
        for _ in 0..<(try reader.readCount(of: "devices", max: Self.devicesMax)) {
            let device = try DeviceID(decoding: &reader)
            let time = Instant(microseconds: try reader.readInt64())
            let isSilent = try reader.readFlag()
            var metrics: [LatestMetric] = []
            for _ in 0..<(try reader.readCount(of: "metrics", max: Self.metricsMax)) {
                metrics.append(try Self.readMetric(&reader))
            }
            devices.append(LatestDevice(device: device, time: time, isSilent: isSilent, metrics: metrics))
        }
        if !reader.isAtEnd {
            for row in devices.indices {
                for place in devices[row].metrics.indices {
                    devices[row].metrics[place].expected = try reader.readRange()
                }
            }
        }
        self.devices = devices
    }
}
