import ClusterActors
package import HashRing
package import LogFormat
package import Ports
import Telemetry

/// What a node asks its peers for `GET /latest`.
package struct LatestCall: Hashable, Sendable, WireValue {
    package let query: LatestQuery

    package init(query: LatestQuery) {
        self.query = query
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
        self.query = query
    }
}

/// What an owner knows: devices by id as bytes, and of which slots that is everything.
package struct LatestReply: Hashable, Sendable, WireValue {
    package let devices: [LatestDevice]
    package let warm: SlotSet

    /// Devices and metrics of a device in one reply; a node that knows more is asked page by page.
    package static let devicesMax = 1 << 20
    package static let metricsMax = 1 << 16

    package init(devices: [LatestDevice], warm: SlotSet) {
        self.devices = devices
        self.warm = warm
    }

    package func encode(into writer: inout ByteWriter) throws(FormatError) {
        try warm.encode(into: &writer)
        writer.writeVarint(devices.count)
        for row in devices {
            writer.write(string: row.device.text)
            writer.write(row.time.microseconds)
            writer.write(row.isSilent)
            writer.writeVarint(row.metrics.count)
            for metric in row.metrics { Self.write(metric, into: &writer) }
        }
    }

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
        self.devices = devices
    }
}
