import Detection
import Telemetry

/// A forest over a metric's values as a document (`ModelDocument`).
struct ForestModelDocument: Codable {
    static let format = "starling-forest/1"

    var format: String
    var checksum: String
    var name: String
    var version: UInt32
    var readings: Int
    var maxSamples: Int
    var offset: Double
    var trees: [TreeDocument]

    enum CodingKeys: String, CodingKey {
        case format, checksum, name, version, readings, offset, trees
        case maxSamples = "max_samples"
    }

    init(_ model: ForestModel) {
        format = Self.format
        checksum = ""
        name = model.id.name
        version = model.id.version
        readings = model.readingsCount
        maxSamples = model.forest.sampleCount
        offset = model.forest.offset
        trees = model.forest.trees.map(TreeDocument.init)
        checksum = valuesChecksum
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        format = try container.decode(String.self, forKey: .format)
        checksum = try container.decode(String.self, forKey: .checksum)
        name = try container.decode(String.self, forKey: .name)
        version = try container.wholeNumber(forKey: .version)
        readings = try container.wholeNumber(forKey: .readings)
        maxSamples = try container.wholeNumber(forKey: .maxSamples)
        offset = try container.decode(Double.self, forKey: .offset)
        trees = try container.decode([TreeDocument].self, forKey: .trees)
    }

    func model() throws(ModelFormatError) -> ForestModel {
        try ModelDocument.check(checksum, valuesChecksum)
        let id = try ModelDocument.id(name: name, version: version, readings: readings)
        let forest = try trees.forest(path: "trees", features: 1, sampleCount: maxSamples, offset: offset)
        guard let model = ForestModel(id: id, forest: forest, readingsCount: readings) else {
            throw .invalid(path: "offset", "\(offset), expected a number between -1 and 0")
        }
        return model
    }

    /// Over every value, in the order of this file.
    private var valuesChecksum: String {
        var checksum = Checksum()
        checksum.combine(format)
        checksum.combine(name)
        checksum.combine([Int(version), readings, maxSamples, trees.count])
        checksum.combine([offset])
        for tree in trees { tree.combine(into: &checksum) }
        return checksum.description
    }
}
