package import Telemetry

/// count · number of models · models (name, version) · one byte a verdict · model indices · scores · reasons.
///
/// - The byte: bits 0–1 the result, bit 2 late, bit 3 a score follows (a score of 0, as of `learning`, is left out), bit 4 a
///   reason follows.
/// - Indices are left out if there is one model, else a varint each.
/// - Scores: 8 bytes each. They are kept whole, since a replay must repeat a verdict to the bit.
extension VerdictBatch {
    private static let lateBit: UInt8 = 4
    private static let scoreBit: UInt8 = 8
    private static let reasonBit: UInt8 = 16

    /// - Throws: if the batch is beyond `LogLimits`, or holds a score or name that a decoder would refuse. What was
    ///   written by then is left behind `writer.count`; the caller truncates.
    package func encode(into writer: inout ByteWriter) throws(FormatError) {
        guard count <= LogLimits.verdictsCountMax else {
            throw .tooMany(what: "verdicts", count: UInt64(count), max: LogLimits.verdictsCountMax)
        }
        guard models.count <= LogLimits.modelsCountMax else {
            throw .tooMany(what: "models", count: UInt64(models.count), max: LogLimits.modelsCountMax)
        }
        guard reasons.count <= LogLimits.reasonsCountMax else {
            throw .tooMany(what: "reasons", count: UInt64(reasons.count), max: LogLimits.reasonsCountMax)
        }
        guard scores.allSatisfy(Self.isScore) else { throw .invalid(what: "score: not in 0...1") }
        writer.writeVarint(count)
        writer.writeVarint(models.count)
        for model in models {
            guard Self.isName(model.name) else { throw .invalid(what: "model name") }
            writer.write(string: model.name)
            writer.writeVarint(UInt64(model.version))
        }
        encodeResults(into: &writer)
        encodeIndices(into: &writer)
        encodeScores(into: &writer)
        for index in reasons.keys.sorted() { writer.write(string: reasons[index] ?? "") }
    }

    private func encodeResults(into writer: inout ByteWriter) {
        writer.withRoom(count) { room in
            for index in results.indices {
                var byte =
                    results[index].rawValue | (isLate[index] ? Self.lateBit : 0)
                    | (scores[index].bitPattern == 0 ? 0 : Self.scoreBit)
                if !reasons.isEmpty, reasons[index] != nil { byte |= Self.reasonBit }
                room.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
            }
            return results.count
        }
    }

    private func encodeIndices(into writer: inout ByteWriter) {
        if models.count == 1 { return }
        writer.withRoom(count * ByteWriter.varintBytesMax) { room in
            var filled = 0
            for index in modelIndices { filled += ByteWriter.storeVarint(UInt64(index), at: room + filled) }
            return filled
        }
    }

    private func encodeScores(into writer: inout ByteWriter) {
        writer.withRoom(count * 8) { room in
            var filled = 0
            for score in scores where score.bitPattern != 0 {
                room.storeBytes(of: score.bitPattern.littleEndian, toByteOffset: filled, as: UInt64.self)
                filled += 8
            }
            return filled
        }
    }

    private static func isScore(_ score: Double) -> Bool {
        score >= 0 && score <= 1 && score.bitPattern != (-0.0).bitPattern
    }

    private static func isName(_ name: String) -> Bool {
        (1...LogLimits.modelNameUTF8CountMax).contains(name.utf8.count)
    }

    // MARK: Decoding

    package init(decoding reader: inout ByteReader) throws(FormatError) {
        let count = try reader.readCount(of: "verdicts", max: LogLimits.verdictsCountMax)
        let modelsCount = try reader.readCount(of: "models", max: LogLimits.modelsCountMax)
        let models = try Self.decodeModels(count: modelsCount, from: &reader)
        let bytes = try reader.readBytes(count: count)
        var results: [ScoreResult] = []
        results.reserveCapacity(count)
        for byte in bytes {
            guard byte < 32, let result = ScoreResult(rawValue: byte & 3) else {
                throw .invalid(what: "verdict byte \(byte)")
            }
            results.append(result)
        }
        let indices = try Self.decodeIndices(count: count, modelsCount: modelsCount, from: &reader)
        let scores = try Self.decodeScores(flags: bytes, from: &reader)
        var reasons: [Int: String] = [:]
        for (index, byte) in bytes.enumerated() where byte & Self.reasonBit != 0 {
            reasons[index] = try reader.readString("reason", utf8CountMax: Verdict.reasonUTF8CountMax)
        }
        self.init(
            results: results, scores: scores, isLate: bytes.map { $0 & Self.lateBit != 0 }, modelIndices: indices,
            models: models, reasons: reasons)
    }

    private static func decodeModels(count: Int, from reader: inout ByteReader) throws(FormatError) -> [ModelID] {
        var models: [ModelID] = []
        models.reserveCapacity(count)
        for _ in 0..<count {
            let name = try reader.readString("model name", utf8CountMax: LogLimits.modelNameUTF8CountMax)
            guard isName(name) else { throw .invalid(what: "model name") }
            let version = try reader.readVarint()
            guard let version = UInt32(exactly: version) else { throw .invalid(what: "model version \(version)") }
            models.append(ModelID(name: name, version: version))
        }
        return models
    }

    private static func decodeIndices(
        count: Int, modelsCount: Int, from reader: inout ByteReader
    ) throws(FormatError) -> [UInt16] {
        if modelsCount == 1 { return [UInt16](repeating: 0, count: count) }
        var indices: [UInt16] = []
        indices.reserveCapacity(count)
        for _ in 0..<count {
            let index = try reader.readVarint()
            guard index < UInt64(modelsCount) else { throw .invalid(what: "model index \(index)") }
            indices.append(UInt16(index))
        }
        return indices
    }

    private static func decodeScores(
        flags: UnsafeRawBufferPointer, from reader: inout ByteReader
    ) throws(FormatError) -> [Double] {
        var scores: [Double] = []
        scores.reserveCapacity(flags.count)
        for flag in flags {
            if flag & scoreBit == 0 {
                scores.append(0)
                continue
            }
            let score = try reader.readDouble()
            guard isScore(score), score.bitPattern != 0 else { throw .invalid(what: "score: not in 0...1") }
            scores.append(score)
        }
        return scores
    }
}
