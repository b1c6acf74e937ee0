import ClusterActors
package import LogFormat
package import Ports
import Telemetry

/// What a node that is watched asks its peers, a few times a second.
package struct LiveCall: Hashable, Sendable, WireValue {
    /// Of the last answer; nil for the first question.
    package let cursor: UInt64?

    package init(cursor: UInt64?) {
        self.cursor = cursor
    }

    package func encode(into writer: inout ByteWriter) throws(FormatError) {
        try writer.write(optional: cursor) { (writer, cursor) throws(FormatError) in writer.writeVarint(cursor) }
    }

    package init(decoding reader: inout ByteReader) throws(FormatError) {
        cursor = try reader.readOptional { (reader) throws(FormatError) in try reader.readVarint() }
    }
}

package struct LiveReply: Hashable, Sendable, WireValue {
    package let cursor: UInt64
    /// In the order in which they were judged.
    package let readings: [LiveReading]

    package init(cursor: UInt64, readings: [LiveReading]) {
        self.cursor = cursor
        self.readings = readings
    }

    package func encode(into writer: inout ByteWriter) throws(FormatError) {
        writer.writeVarint(cursor)
        writer.writeVarint(readings.count)
        for reading in readings {
            writer.write(string: reading.device.text)
            LatestReply.write(reading.metric, into: &writer)
        }
        for reading in readings { writer.write(reading.metric.expected) }
    }

    package init(decoding reader: inout ByteReader) throws(FormatError) {
        cursor = try reader.readVarint()
        var readings: [LiveReading] = []
        for _ in 0..<(try reader.readCount(of: "live readings", max: 2 * LiveFeed.keptMax)) {
            let device = try DeviceID(decoding: &reader)
            readings.append(LiveReading(device: device, metric: try LatestReply.readMetric(&reader)))
        }
        if !reader.isAtEnd {
            for index in readings.indices { readings[index].metric.expected = try reader.readRange() }
        }
        self.readings = readings
    }
}
