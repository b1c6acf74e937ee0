import Detection
import Telemetry

/// A detector as a document (`ModelDocument`).
struct DetectorDocument: Codable {
    static let format = "starling-detector/1"

    struct World: Codable {
        var center: Double
        var halfSpan: Double
        var typicalDeviation: Double

        enum CodingKeys: String, CodingKey {
            case center
            case halfSpan = "half_span"
            case typicalDeviation = "typical_deviation"
        }
    }

    struct Familiarity: Codable {
        var ordinary: Double
        var unusual: Double
        var reach: Double
        var features: Int
        var maxSamples: Int
        var offset: Double
        var trees: [TreeDocument]

        enum CodingKeys: String, CodingKey {
            case ordinary, unusual, reach, features, offset, trees
            case maxSamples = "max_samples"
        }
    }

    var format: String
    var checksum: String
    var name: String
    var version: UInt32
    var readings: Int
    var world: World
    var familiarity: Familiarity?

    init(_ detector: Detector) {
        format = Self.format
        checksum = ""
        name = detector.id.name
        version = detector.id.version
        readings = detector.readingsCount
        world = World(
            center: detector.world.center, halfSpan: detector.world.halfSpan,
            typicalDeviation: detector.world.typicalDeviation)
        familiarity = detector.familiarity.map {
            Familiarity(
                ordinary: $0.ordinary, unusual: $0.unusual, reach: $0.reach, features: $0.forest.features,
                maxSamples: $0.forest.sampleCount, offset: $0.forest.offset,
                trees: $0.forest.trees.map(TreeDocument.init))
        }
        checksum = valuesChecksum
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        format = try container.decode(String.self, forKey: .format)
        checksum = try container.decode(String.self, forKey: .checksum)
        name = try container.decode(String.self, forKey: .name)
        version = try container.wholeNumber(forKey: .version)
        readings = try container.wholeNumber(forKey: .readings)
        world = try container.decode(World.self, forKey: .world)
        familiarity = try container.decodeIfPresent(Familiarity.self, forKey: .familiarity)
    }

    func detector() throws(ModelFormatError) -> Detector {
        try ModelDocument.check(checksum, valuesChecksum)
        let id = try ModelDocument.id(name: name, version: version, readings: readings)
        guard
            let world = MetricWorld(
                center: world.center, halfSpan: world.halfSpan, typicalDeviation: world.typicalDeviation)
        else { throw .invalid(path: "world", "half_span and typical_deviation must not be negative") }
        return Detector(
            id: id, world: world, familiarity: try familiarity?.value(),
            readingsCount: readings)
    }

    /// Over every value, in the order of this file.
    private var valuesChecksum: String {
        var checksum = Checksum()
        checksum.combine(format)
        checksum.combine(name)
        checksum.combine([Int(version), readings])
        checksum.combine([world.center, world.halfSpan, world.typicalDeviation])
        if let familiarity {
            checksum.combine([familiarity.features, familiarity.maxSamples, familiarity.trees.count])
            checksum.combine([familiarity.ordinary, familiarity.unusual, familiarity.reach, familiarity.offset])
            for tree in familiarity.trees { tree.combine(into: &checksum) }
        }
        return checksum.description
    }
}

extension DetectorDocument.Familiarity {
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        ordinary = try container.decode(Double.self, forKey: .ordinary)
        unusual = try container.decode(Double.self, forKey: .unusual)
        reach = try container.decode(Double.self, forKey: .reach)
        features = try container.wholeNumber(forKey: .features)
        maxSamples = try container.wholeNumber(forKey: .maxSamples)
        offset = try container.decode(Double.self, forKey: .offset)
        trees = try container.decode([TreeDocument].self, forKey: .trees)
    }

    func value() throws(ModelFormatError) -> ResidualFamiliarity {
        let forest = try trees.forest(
            path: "familiarity.trees", features: features, sampleCount: maxSamples, offset: offset)
        guard let value = ResidualFamiliarity(forest: forest, ordinary: ordinary, unusual: unusual, reach: reach) else {
            throw .invalid(
                path: "familiarity",
                "expected \(ResidualFamiliarity.features) features and -1 <= unusual <= ordinary <= 0 <= reach")
        }
        return value
    }
}
