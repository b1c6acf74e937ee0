package import Detection

/// Why a document is no model that can be used. The text names the place in the document and what is wrong there.
package enum ModelFormatError: Error, Hashable, Sendable, CustomStringConvertible {
    case tooLarge(bytes: Int, allowed: Int)
    /// Not JSON, or not finished.
    case notJSON(String)
    /// Something is missing, or is of another kind, at `path`.
    case misshapen(path: String, String)
    case unknownFormat(found: String, expected: String)
    /// A value that the format allows but a model does not.
    case invalid(path: String, String)
    case forest(ForestError)
    /// What was read is not what was written.
    case checksum(found: String, expected: String)
    /// The value cannot be written as JSON.
    case unwritable(String)

    package var description: String {
        switch self {
        case .tooLarge(let bytes, let allowed):
            "the document has \(bytes) bytes, at most \(allowed) are read; export fewer trees or rows"
        case .notJSON(let reason):
            "the document is not JSON, or a number in it is too large: \(reason) Export it again"
        case .misshapen(let path, let reason), .invalid(let path, let reason):
            "\(path): \(reason)"
        case .unknownFormat(let found, let expected):
            "format: '\(found)', this program reads '\(expected)'"
        case .forest(let error):
            "the forest cannot be used: \(error)"
        case .checksum(let found, let expected):
            "checksum: the document says \(found), its values give \(expected): it was damaged or edited; "
                + "take it again from where it was made"
        case .unwritable(let reason):
            "the model cannot be written: \(reason)"
        }
    }

    init(_ error: DecodingError) {
        switch error {
        case .keyNotFound(let key, let context):
            self = .misshapen(path: Self.path(context.codingPath + [key]), "is missing")
        case .typeMismatch(let type, let context):
            self = .misshapen(path: Self.path(context.codingPath), "expected \(Self.noun(type))")
        case .valueNotFound(let type, let context):
            self = .misshapen(path: Self.path(context.codingPath), "is null, expected \(Self.noun(type))")
        case .dataCorrupted(let context) where context.codingPath.isEmpty:
            self = .notJSON(context.underlyingError.map { "\($0)" } ?? context.debugDescription)
        case .dataCorrupted(let context):
            self = .misshapen(path: Self.path(context.codingPath), context.debugDescription)
        @unknown default:
            self = .notJSON("\(error)")
        }
    }

    /// `trees[3].feature[17]`.
    private static func path(_ keys: [any CodingKey]) -> String {
        keys.reduce(into: "") { text, key in
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += text.isEmpty ? key.stringValue : "." + key.stringValue
            }
        }
    }

    private static func noun(_ type: any Any.Type) -> String {
        switch type {
        case is Int.Type, is UInt32.Type: "a whole number"
        case is Double.Type: "a number"
        case is String.Type: "a text"
        default: "\(type)".hasPrefix("Array") || "\(type)".hasPrefix("Unkeyed") ? "a list" : "an object"
        }
    }
}
