import Detection

/// A tree in JSON: parallel lists, one entry a node, as scikit-learn keeps it.
struct TreeDocument: Codable {
    var feature: [Int]
    var threshold: [Double]
    var left: [Int]
    var right: [Int]
    var samples: [Int]
    /// 1 if a missing value goes left, else 0.
    var missingLeft: [Int]

    enum CodingKeys: String, CodingKey {
        case feature, threshold, left, right, samples
        case missingLeft = "missing_left"
    }

    init(_ tree: TreeArrays) {
        feature = tree.feature
        threshold = tree.threshold
        left = tree.left
        right = tree.right
        samples = tree.samples
        missingLeft = tree.missingLeft.map { $0 ? 1 : 0 }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        feature = try container.wholeNumbers(forKey: .feature)
        threshold = try container.decode([Double].self, forKey: .threshold)
        left = try container.wholeNumbers(forKey: .left)
        right = try container.wholeNumbers(forKey: .right)
        samples = try container.wholeNumbers(forKey: .samples)
        missingLeft = try container.wholeNumbers(forKey: .missingLeft)
    }

    func combine(into checksum: inout Checksum) {
        checksum.combine(threshold)
        for column in [feature, left, right, samples, missingLeft] { checksum.combine(column) }
    }

    /// - Parameter path: where the tree stands in the document.
    func arrays(path: String) throws(ModelFormatError) -> TreeArrays {
        if let index = missingLeft.firstIndex(where: { $0 != 0 && $0 != 1 }) {
            throw .invalid(path: "\(path).missing_left[\(index)]", "\(missingLeft[index]), expected 0 or 1")
        }
        return TreeArrays(
            feature: feature, threshold: threshold, left: left, right: right, samples: samples,
            missingLeft: missingLeft.map { $0 == 1 })
    }
}

extension [TreeDocument] {
    func forest(
        path: String, features: Int, sampleCount: Int, offset: Double
    ) throws(ModelFormatError) -> IsolationForest {
        var trees: [TreeArrays] = []
        trees.reserveCapacity(count)
        for (index, tree) in enumerated() { trees.append(try tree.arrays(path: "\(path)[\(index)]")) }
        do {
            return try IsolationForest(trees: trees, features: features, sampleCount: sampleCount, offset: offset)
        } catch {
            throw .forest(error)
        }
    }
}
