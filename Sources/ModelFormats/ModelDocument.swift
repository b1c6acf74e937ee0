package import Detection
import Foundation
import Telemetry

/// A metric's detector as a document: JSON, versioned, with a checksum over its values.
///
/// The checksum is over values, not text, so a document may be pretty-printed on its way and still be whole.
/// The same detector always gives the same bytes: nodes compare documents to see whose model won.
package enum ModelDocument {
    package static let format = "starling-detector/1"
    /// As large as a body that a node takes. A detector of the default size takes about 0.3 MB.
    package static let bytesCountMax = 8 << 20

    /// - Throws: `.unwritable` or `.tooLarge` for a detector that was put together with values no training yields.
    package static func encode(_ detector: Detector) throws(ModelFormatError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let bytes: [UInt8]
        do {
            bytes = Array(try encoder.encode(Raw(detector)))
        } catch {
            throw .unwritable("\(error)")
        }
        guard bytes.count <= bytesCountMax else { throw .tooLarge(bytes: bytes.count, allowed: bytesCountMax) }
        return bytes
    }

    /// Reads what `encode` wrote. The detector scores bit for bit as the one that was written.
    package static func decode(_ bytes: [UInt8]) throws(ModelFormatError) -> Detector {
        let raw = try JSONDocument.decode(Raw.self, from: bytes, bytesCountMax: bytesCountMax)
        guard raw.format == format else { throw .unknownFormat(found: raw.format, expected: format) }
        let expected = raw.valuesChecksum
        guard raw.checksum == expected else { throw .checksum(found: raw.checksum, expected: expected) }
        return try raw.detector()
    }
}

private struct Raw: Codable {
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
        format = ModelDocument.format
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
        // The rule for names of metrics: a model's name goes wherever a metric's goes.
        guard Metric(name) != nil else {
            throw .invalid(path: "name", "expected 1 to \(Metric.utf8CountMax) bytes without control characters")
        }
        guard version > 0 else { throw .invalid(path: "version", "0, versions start at 1") }
        guard readings >= 0 else { throw .invalid(path: "readings", "\(readings), expected 0 or more") }
        guard
            let world = MetricWorld(
                center: world.center, halfSpan: world.halfSpan, typicalDeviation: world.typicalDeviation)
        else { throw .invalid(path: "world", "half_span and typical_deviation must not be negative") }
        return Detector(
            id: ModelID(name: name, version: version), world: world, familiarity: try familiarity?.value(),
            readingsCount: readings)
    }

    /// Over every value, in the order of this file.
    var valuesChecksum: String {
        var checksum = Checksum()
        checksum.combine(format)
        checksum.combine(name)
        checksum.combine([Int(version), readings])
        checksum.combine([world.center, world.halfSpan, world.typicalDeviation])
        if let familiarity {
            checksum.combine([familiarity.features, familiarity.maxSamples, familiarity.trees.count])
            checksum.combine([familiarity.ordinary, familiarity.unusual, familiarity.reach, familiarity.offset])
            for tree in familiarity.trees {
                checksum.combine(tree.threshold)
                for column in [tree.feature, tree.left, tree.right, tree.samples, tree.missingLeft] {
                    checksum.combine(column)
                }
            }
        }
        return checksum.description
    }
}

extension Raw.Familiarity {
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

/// 64 bits over a sequence of values: finds damage, not malice.
private struct Checksum: CustomStringConvertible {
    private var state: UInt64 = 0

    mutating func combine(_ text: String) {
        combine([text.utf8.count])
        for byte in text.utf8 { combine(word: UInt64(byte)) }
    }

    mutating func combine(_ values: [Double]) {
        combine(word: UInt64(values.count))
        // 0 and −0 are the same number in JSON of some writers.
        for value in values { combine(word: (value == 0 ? 0 : value).bitPattern) }
    }

    mutating func combine(_ values: [Int]) {
        combine(word: UInt64(values.count))
        for value in values { combine(word: UInt64(bitPattern: Int64(value))) }
    }

    private mutating func combine(word: UInt64) {
        state = SeededGenerator.mixed((state &+ 0x9E37_79B9_7F4A_7C15) ^ word)
    }

    /// 16 hexadecimal digits.
    var description: String {
        let digits = String(state, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
