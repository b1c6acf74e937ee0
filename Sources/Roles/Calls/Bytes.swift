import ClusterActors
package import HashRing
package import LogFormat
import Telemetry

/// How parts of answers stand on the wire.

extension SlotSet: WireValue {
    package func encode(into writer: inout ByteWriter) throws(FormatError) {
        for word in words { writer.write(word) }
    }

    package init(decoding reader: inout ByteReader) throws(FormatError) {
        var words: [UInt64] = []
        for _ in 0..<Self.wordsCount { words.append(try reader.readUInt64()) }
        guard let set = SlotSet(words: words) else { throw .invalid(what: "slots") }
        self = set
    }
}

extension ByteWriter {
    mutating func write(_ flag: Bool) { write(UInt8(flag ? 1 : 0)) }

    /// 0, or 1 and the value.
    mutating func write<Value>(
        optional value: Value?, _ body: (inout ByteWriter, Value) throws(FormatError) -> Void
    ) throws(FormatError) {
        write(value != nil)
        if let value { try body(&self, value) }
    }

    mutating func write(_ range: ClosedRange<Double>?) {
        write(range != nil)
        guard let range else { return }
        write(range.lowerBound)
        write(range.upperBound)
    }

    mutating func write(_ verdict: Verdict) {
        write(verdict.result.rawValue)
        write(verdict.score)
        write(string: verdict.model.name)
        writeVarint(UInt64(verdict.model.version))
        write(verdict.isLate)
        write(verdict.reason != nil)
        if let reason = verdict.reason { write(string: reason) }
    }
}

extension ByteReader {
    mutating func readFlag() throws(FormatError) -> Bool {
        switch try readUInt8() {
        case 0: false
        case 1: true
        case let other: throw .invalid(what: "flag \(other)")
        }
    }

    mutating func readOptional<Value>(
        _ body: (inout ByteReader) throws(FormatError) -> Value
    ) throws(FormatError) -> Value? {
        try readFlag() ? try body(&self) : nil
    }

    mutating func readVerdict() throws(FormatError) -> Verdict {
        guard let result = ScoreResult(rawValue: try readUInt8()) else { throw .invalid(what: "result") }
        let score = try readDouble()
        guard score >= 0, score <= 1 else { throw .invalid(what: "score") }
        let name = try readString("model name", utf8CountMax: LogLimits.modelNameUTF8CountMax)
        guard let version = UInt32(exactly: try readVarint()) else { throw .invalid(what: "model version") }
        let isLate = try readFlag()
        let reason = try readFlag() ? try readString("reason", utf8CountMax: Verdict.reasonUTF8CountMax) : nil
        return Verdict(
            result: result, score: score, model: ModelID(name: name, version: version), isLate: isLate, reason: reason)
    }

    mutating func readRange() throws(FormatError) -> ClosedRange<Double>? {
        guard try readFlag() else { return nil }
        let (lower, upper) = (try readDouble(), try readDouble())
        guard lower.isFinite, upper.isFinite, lower <= upper else { throw .invalid(what: "range") }
        return lower...upper
    }

    mutating func readMetric() throws(FormatError) -> Metric {
        guard let metric = Metric(try readString("metric", utf8CountMax: Metric.utf8CountMax)) else {
            throw .invalid(what: "metric")
        }
        return metric
    }
}
