import ClusterActors
package import DataPlane
import HashRing
package import LogFormat
import Ports
package import Telemetry

/// origin, writer, number, series (names), then a row a reading: slot, series, time, value, receipt time, position; at last
/// the slots that were sent on, and how often.
extension ScoreCall: WireValue {
    package static let readingsCountMax = 16_384

    package func encode(into writer: inout ByteWriter) throws(FormatError) {
        guard count <= Self.readingsCountMax, series.count <= Self.readingsCountMax else {
            throw .tooMany(what: "readings in a call", count: UInt64(count), max: Self.readingsCountMax)
        }
        writer.write(origin.high)
        writer.write(origin.low)
        writer.write(self.writer.number)
        writer.write(number.number)
        writer.writeVarint(series.count)
        for series in series {
            writer.write(string: series.device.text)
            writer.write(string: series.metric.text)
        }
        writer.writeVarint(count)
        for part in parts {
            for index in part.readings {
                writer.write(part.slot.number)
                writer.writeVarint(UInt64(seriesIndices[index]))
                writer.write(times[index].microseconds)
                writer.write(values[index])
                writer.write(receivedAt[index].microseconds)
                writer.write(positions[index].readings)
            }
        }
        writer.writeVarint(moves.count)
        for (slot, count) in moves.sorted(by: { $0.key < $1.key }) {
            writer.write(slot.number)
            writer.write(count)
        }
    }

    package init(decoding reader: inout ByteReader) throws(FormatError) {
        let origin = LogID(high: try reader.readUInt64(), low: try reader.readUInt64())
        let life = WriterID(try reader.readUInt64())
        self.init(origin: origin, writer: life, number: CallNumber(try reader.readUInt64()))
        let seriesCount = try reader.readCount(of: "series in a call", max: Self.readingsCountMax)
        var known: [Series] = []
        for _ in 0..<seriesCount {
            let device = try reader.readString("device id", utf8CountMax: DeviceID.utf8CountMax)
            let metric = try reader.readString("metric", utf8CountMax: Metric.utf8CountMax)
            guard let device = DeviceID(device), let metric = Metric(metric) else { throw .invalid(what: "name") }
            known.append(Series(device: device, metric: metric))
        }
        _ = add(series: known)
        var last: UInt16 = 0
        for _ in 0..<(try reader.readCount(of: "readings in a call", max: Self.readingsCountMax)) {
            let slot = try reader.readUInt16()
            guard slot < Slot.count, slot >= last else { throw .invalid(what: "slot") }
            last = slot
            let series = try reader.readVarint()
            guard series < known.count else { throw .invalid(what: "series index") }
            let time = Instant(microseconds: try reader.readInt64())
            let value = try reader.readDouble()
            guard value.isFinite else { throw .invalid(what: "value") }
            append(
                slot: Slot(slot), series: UInt32(series), time: time, value: value,
                receivedAt: Instant(microseconds: try reader.readInt64()),
                position: LogPosition(try reader.readUInt64()))
        }
        for _ in 0..<(try reader.readCount(of: "moved slots in a call", max: Slot.count)) {
            let slot = try reader.readUInt16()
            guard slot < Slot.count else { throw .invalid(what: "slot") }
            note(moves: try reader.readUInt8(), of: Slot(slot))
        }
    }
}

extension DeviceID: WireValue {
    package func encode(into writer: inout ByteWriter) throws(FormatError) {
        writer.write(string: text)
    }

    package init(decoding reader: inout ByteReader) throws(FormatError) {
        let text = try reader.readString("device id", utf8CountMax: Self.utf8CountMax)
        guard let device = DeviceID(text) else { throw .invalid(what: "device id") }
        self = device
    }
}

extension Instant: WireValue {
    package func encode(into writer: inout ByteWriter) throws(FormatError) {
        writer.write(microseconds)
    }

    package init(decoding reader: inout ByteReader) throws(FormatError) {
        self.init(microseconds: try reader.readInt64())
    }
}
