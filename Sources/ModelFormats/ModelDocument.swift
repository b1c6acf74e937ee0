package import Detection
import Foundation
package import Telemetry

/// A metric's model as a document: JSON, versioned, with a checksum over its values.
///
/// The checksum is over values, not text, so a document may be pretty-printed on its way and still be whole.
/// The same model always gives the same bytes: nodes compare documents to see whose model won.
package enum ModelDocument {
    /// As large as a body that a node takes. A detector of the default size takes about 0.3 MB.
    package static let bytesCountMax = 8 << 20

    /// - Throws: `.unwritable` or `.tooLarge` for a model that was put together with values no training yields.
    package static func encode(_ model: Model) throws(ModelFormatError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let bytes: [UInt8]
        do {
            switch model {
            case .detector(let detector): bytes = Array(try encoder.encode(DetectorDocument(detector)))
            case .forest(let forest): bytes = Array(try encoder.encode(ForestModelDocument(forest)))
            }
        } catch {
            throw .unwritable("\(error)")
        }
        guard bytes.count <= bytesCountMax else { throw .tooLarge(bytes: bytes.count, allowed: bytesCountMax) }
        return bytes
    }

    /// Reads what `encode` wrote. The model scores bit for bit as the one that was written.
    package static func decode(_ bytes: [UInt8]) throws(ModelFormatError) -> Model {
        let found = try JSONDocument.decode(FormatName.self, from: bytes, bytesCountMax: bytesCountMax).format
        switch found {
        case DetectorDocument.format:
            let raw = try JSONDocument.decode(DetectorDocument.self, from: bytes, bytesCountMax: bytesCountMax)
            return .detector(try raw.detector())
        case ForestModelDocument.format:
            let raw = try JSONDocument.decode(ForestModelDocument.self, from: bytes, bytesCountMax: bytesCountMax)
            return .forest(try raw.model())
        default:
            let expected = "\(DetectorDocument.format)' or '\(ForestModelDocument.format)"
            throw .unknownFormat(found: found, expected: expected)
        }
    }

    /// Reads a document from outside: what `encode` wrote, whatever it is called there, or a forest as
    /// `export_isolation_forest.py` writes it. Of such a forest every golden answer is compared first.
    ///
    /// - Parameter id: what the model is called from now on.
    package static func decode(importing bytes: [UInt8], as id: ModelID) throws(ModelFormatError) -> Model {
        let found = try JSONDocument.decode(FormatName.self, from: bytes, bytesCountMax: bytesCountMax).format
        guard found == ForestDocument.format else { return try decode(bytes).renamed(id) }
        let document = try ForestDocument(decoding: bytes)
        let check = ForestVerification.run(document)
        guard check.labelMismatches == 0, check.maxAbsError <= errorMax else {
            throw .invalid(
                path: "score_samples",
                "\(check.labelMismatches) labels differ and scores by up to \(check.maxAbsError): export it again")
        }
        let forest = document.forest
        guard let model = ForestModel(id: id, forest: forest, readingsCount: forest.sampleCount) else {
            let found = "\(forest.features) features and an offset of \(forest.offset)"
            throw .invalid(
                path: "features",
                "\(found): a metric's model has one feature, the value, and an offset between -1 and 0")
        }
        return .forest(model)
    }

    /// How far a forest's scores may be from what its exporter said of them.
    package static let errorMax = 1e-12

    /// The rule for names of metrics: a model's name goes wherever a metric's goes.
    static func id(name: String, version: UInt32, readings: Int) throws(ModelFormatError) -> ModelID {
        guard Metric(name) != nil else {
            throw .invalid(path: "name", "expected 1 to \(Metric.utf8CountMax) bytes without control characters")
        }
        guard version > 0 else { throw .invalid(path: "version", "0, versions start at 1") }
        guard readings >= 0 else { throw .invalid(path: "readings", "\(readings), expected 0 or more") }
        return ModelID(name: name, version: version)
    }

    static func check(_ found: String, _ expected: String) throws(ModelFormatError) {
        guard found == expected else { throw .checksum(found: found, expected: expected) }
    }
}

private struct FormatName: Decodable {
    var format: String
}
