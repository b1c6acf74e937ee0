package import Detection

/// An exported scikit-learn isolation forest, with rows and what scikit-learn itself says of them.
package struct ForestDocument: Sendable {
    package static let format = "isolation-forest-trees/1"
    /// A forest of 100 trees over 256 rows takes 0.4 MB.
    package static let bytesCountMax = 64 << 20

    package let forest: IsolationForest
    /// Row-major, n × `forest.features`; NaN where the document has null.
    package let rows: [Double]
    /// scikit-learn's answers, one a row.
    package let scoreSamples: [Double]
    package let decisionFunction: [Double]
    /// −1 for an outlier, 1 else.
    package let predict: [Int]

    /// Reads `isolation-forest-trees/1`. Everything is checked: the document may come from anywhere.
    package init(decoding bytes: [UInt8]) throws(ModelFormatError) {
        let raw = try JSONDocument.decode(Raw.self, from: bytes, bytesCountMax: Self.bytesCountMax)
        guard raw.format == Self.format else {
            throw .unknownFormat(found: raw.format, expected: Self.format)
        }
        guard raw.trees.count == raw.treesCount else {
            throw .invalid(path: "trees_count", "\(raw.treesCount), but there are \(raw.trees.count) trees")
        }
        forest = try raw.trees.forest(
            path: "trees", features: raw.features, sampleCount: raw.maxSamples, offset: raw.offset)
        rows = try raw.flatRows()
        for (path, count) in [
            ("score_samples", raw.scoreSamples.count), ("decision_function", raw.decisionFunction.count),
            ("predict", raw.predict.count),
        ] where count != raw.rows.count {
            throw .invalid(path: path, "\(count) answers for \(raw.rows.count) rows")
        }
        if let index = raw.predict.firstIndex(where: { $0 != -1 && $0 != 1 }) {
            throw .invalid(path: "predict[\(index)]", "\(raw.predict[index]), expected -1 or 1")
        }
        scoreSamples = raw.scoreSamples
        decisionFunction = raw.decisionFunction
        predict = raw.predict
    }
}

private struct Raw: Decodable {
    var format: String
    var features: Int
    var treesCount: Int
    var maxSamples: Int
    var offset: Double
    var trees: [TreeDocument]
    var rows: [[Double?]]
    var scoreSamples: [Double]
    var decisionFunction: [Double]
    var predict: [Int]

    enum CodingKeys: String, CodingKey {
        case format, features, offset, trees, rows, predict
        case treesCount = "trees_count"
        case maxSamples = "max_samples"
        case scoreSamples = "score_samples"
        case decisionFunction = "decision_function"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        format = try container.decode(String.self, forKey: .format)
        features = try container.wholeNumber(forKey: .features)
        treesCount = try container.wholeNumber(forKey: .treesCount)
        maxSamples = try container.wholeNumber(forKey: .maxSamples)
        offset = try container.decode(Double.self, forKey: .offset)
        trees = try container.decode([TreeDocument].self, forKey: .trees)
        rows = try container.decode([[Double?]].self, forKey: .rows)
        scoreSamples = try container.decode([Double].self, forKey: .scoreSamples)
        decisionFunction = try container.decode([Double].self, forKey: .decisionFunction)
        predict = try container.wholeNumbers(forKey: .predict)
    }

    func flatRows() throws(ModelFormatError) -> [Double] {
        var flat: [Double] = []
        flat.reserveCapacity(rows.count * (rows.first?.count ?? 0))
        for (index, row) in rows.enumerated() {
            guard row.count == features else {
                throw .invalid(path: "rows[\(index)]", "\(row.count) values for \(features) features")
            }
            flat += row.map { $0 ?? .nan }
        }
        return flat
    }
}
