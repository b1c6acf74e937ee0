package import Telemetry

/// `receivedAt` (8 bytes) · count · number of series · series · indices · times · values.
///
/// - A series is one varint — bit 0: the device is the one before; the rest: 0 = a new metric, else the metric's
///   ordinal among those seen, from 1 — then the new names it announced.
/// - Indices: one byte 0 if reading i is of series i (a flock's tick), else one byte 1 and a varint each.
/// - Times: the difference to the time before, the first to `receivedAt`, as signed varints.
/// - Values: 8 bytes each; they hardly repeat.
extension ReadingBatch {
    /// A metric is looked for among this many of the newest; beyond, it is written again. Keeps the search linear.
    private static let metricsSearchedMax = 64

    /// - Throws: if the batch is beyond `LogLimits`, or holds a name or value that a decoder would refuse. What was
    ///   written by then is left behind `writer.count`; the caller truncates.
    package func encode(into writer: inout ByteWriter) throws(FormatError) {
        guard count <= LogLimits.readingsCountMax else {
            throw .tooMany(what: "readings", count: UInt64(count), max: LogLimits.readingsCountMax)
        }
        guard series.count <= LogLimits.seriesCountMax else {
            throw .tooMany(what: "series", count: UInt64(series.count), max: LogLimits.seriesCountMax)
        }
        writer.write(receivedAt.microseconds)
        writer.writeVarint(count)
        writer.writeVarint(series.count)
        try encodeSeries(into: &writer)
        encodeIndices(into: &writer)
        encodeTimes(into: &writer)
        try encodeValues(into: &writer)
    }

    private func encodeSeries(into writer: inout ByteWriter) throws(FormatError) {
        var metrics: [WrittenName] = []
        var lastOrdinal = 0
        var previous: WrittenName?
        for one in series {
            var device = one.device.text
            var metric = one.metric.text
            let areGood = device.withUTF8 { device in
                metric.withUTF8 { metric -> Bool in
                    let device = UnsafeRawBufferPointer(device)
                    let metric = UnsafeRawBufferPointer(metric)
                    let isSameDevice = previous.map { writer.holds(device, at: $0) } ?? false
                    var ordinal = Self.ordinal(of: metric, in: metrics, lastOrdinal: lastOrdinal, of: writer)
                    writer.writeVarint((ordinal << 1) | (isSameDevice ? 1 : 0))
                    if ordinal == 0 {
                        guard let name = NameBytes.write(metric, as: Metric.self, into: &writer) else { return false }
                        metrics.append(name)
                        ordinal = metrics.count
                    }
                    lastOrdinal = ordinal
                    if isSameDevice { return true }
                    previous = NameBytes.write(device, as: DeviceID.self, into: &writer)
                    return previous != nil
                }
            }
            guard areGood else { throw .invalid(what: "device id or metric") }
        }
    }

    /// From 1; 0 if the metric is not among the newest. Tries the one used last and the one after it first: devices
    /// send either one metric or the same few in the same order.
    private static func ordinal(
        of metric: UnsafeRawBufferPointer, in metrics: [WrittenName], lastOrdinal: Int, of writer: ByteWriter
    ) -> Int {
        if lastOrdinal > 0, writer.holds(metric, at: metrics[lastOrdinal - 1]) { return lastOrdinal }
        if lastOrdinal < metrics.count, writer.holds(metric, at: metrics[lastOrdinal]) { return lastOrdinal + 1 }
        let oldest = max(0, metrics.count - metricsSearchedMax)
        return metrics[oldest...].lastIndex { writer.holds(metric, at: $0) }.map { $0 + 1 } ?? 0
    }

    private func encodeIndices(into writer: inout ByteWriter) {
        let areOrdinals =
            seriesIndices.count == series.count
            && seriesIndices.indices.allSatisfy { index in
                Int(seriesIndices[index]) == index
            }
        writer.write(UInt8(areOrdinals ? 0 : 1))
        if areOrdinals { return }
        writer.withRoom(count * ByteWriter.varintBytesMax) { room in
            var filled = 0
            for index in seriesIndices { filled += ByteWriter.storeVarint(UInt64(index), at: room + filled) }
            return filled
        }
    }

    private func encodeTimes(into writer: inout ByteWriter) {
        writer.withRoom(count * ByteWriter.varintBytesMax) { room in
            var previous = receivedAt.microseconds
            var filled = 0
            for time in times {
                let difference = time.microseconds &- previous
                filled += ByteWriter.storeVarint(ByteWriter.zigzag(difference), at: room + filled)
                previous = time.microseconds
            }
            return filled
        }
    }

    private func encodeValues(into writer: inout ByteWriter) throws(FormatError) {
        var areGood = true
        writer.withRoom(count * 8) { room in
            var filled = 0
            for value in values {
                areGood = areGood && Self.isStorable(value)
                room.storeBytes(of: value.bitPattern.littleEndian, toByteOffset: filled, as: UInt64.self)
                filled += 8
            }
            return filled
        }
        guard areGood else { throw .invalid(what: "value: not finite, or -0") }
    }

    private static func isStorable(_ value: Double) -> Bool {
        value.isFinite && value.bitPattern != (-0.0).bitPattern
    }

    // MARK: Decoding

    package init(decoding reader: inout ByteReader) throws(FormatError) {
        let receivedAt = Instant(microseconds: try reader.readInt64())
        let count = try reader.readCount(of: "readings", max: LogLimits.readingsCountMax)
        let seriesCount = try reader.readCount(of: "series", max: LogLimits.seriesCountMax)
        let series = try Self.decodeSeries(count: seriesCount, from: &reader)
        let indices = try Self.decodeIndices(count: count, seriesCount: seriesCount, from: &reader)
        let times = try Self.decodeTimes(count: count, after: receivedAt, from: &reader)
        let values = try Self.decodeValues(count: count, from: &reader)
        self.init(receivedAt: receivedAt, series: series, seriesIndices: indices, times: times, values: values)
    }

    private static func decodeSeries(count: Int, from reader: inout ByteReader) throws(FormatError) -> [Series] {
        var series: [Series] = []
        series.reserveCapacity(count)
        var metrics: [Metric] = []
        for _ in 0..<count {
            let head = try reader.readVarint()
            let ordinal = head >> 1
            guard ordinal <= UInt64(metrics.count) else { throw .invalid(what: "metric ordinal \(ordinal)") }
            if ordinal == 0 { metrics.append(try NameBytes.read("metric", from: &reader)) }
            let metric = ordinal == 0 ? metrics[metrics.count - 1] : metrics[Int(ordinal) - 1]
            if head & 1 == 0 {
                series.append(Series(device: try NameBytes.read("device id", from: &reader), metric: metric))
            } else {
                guard let previous = series.last else { throw .invalid(what: "repeated device before the first") }
                series.append(Series(device: previous.device, metric: metric))
            }
        }
        return series
    }

    private static func decodeIndices(
        count: Int, seriesCount: Int, from reader: inout ByteReader
    ) throws(FormatError) -> [UInt32] {
        switch try reader.readUInt8() {
        case 0:
            guard count == seriesCount else { throw .invalid(what: "omission of the series indices") }
            return (0..<UInt32(count)).map { $0 }
        case 1:
            var indices: [UInt32] = []
            indices.reserveCapacity(count)
            for _ in 0..<count {
                let index = try reader.readVarint()
                guard index < UInt64(seriesCount) else { throw .invalid(what: "series index \(index)") }
                indices.append(UInt32(index))
            }
            return indices
        case let form:
            throw .invalid(what: "form \(form) of the series indices")
        }
    }

    private static func decodeTimes(
        count: Int, after receivedAt: Instant, from reader: inout ByteReader
    ) throws(FormatError) -> [Instant] {
        var times: [Instant] = []
        times.reserveCapacity(count)
        var previous = receivedAt.microseconds
        for _ in 0..<count {
            previous = previous &+ (try reader.readSignedVarint())
            times.append(Instant(microseconds: previous))
        }
        return times
    }

    private static func decodeValues(count: Int, from reader: inout ByteReader) throws(FormatError) -> [Double] {
        let bytes = try reader.readBytes(count: count * 8)
        var areGood = true
        let values = [Double](unsafeUninitializedCapacity: count) { values, filled in
            for index in 0..<count {
                let bits = bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
                let value = Double(bitPattern: UInt64(littleEndian: bits))
                areGood = areGood && isStorable(value)
                values.initializeElement(at: index, to: value)
            }
            filled = count
        }
        guard areGood else { throw .invalid(what: "value: not finite, or -0") }
        return values
    }
}
