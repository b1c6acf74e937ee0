import Foundation

/// The JSON object of a `--config` file: flag names as keys; strings, numbers, true/false, or arrays of strings (for
/// lists) as values.
package struct SettingsFile: Sendable {
    package let path: String
    package let values: [Setting: String]

    package static let bytesCountMax = 1 << 20

    package init(path: String, bytes: [UInt8]) throws(SettingsError) {
        guard bytes.count <= Self.bytesCountMax else {
            throw SettingsError("\(path) is larger than 1 MiB; --config takes a small JSON object keyed by flag name")
        }
        let object: [String: Value]
        do {
            object = try JSONDecoder().decode([String: Value].self, from: Data(bytes))
        } catch {
            throw SettingsError(
                "\(path) is no JSON object keyed by flag name, such as {\"http\": \"127.0.0.1:8080\"}: "
                    + Self.text(of: error))
        }
        var values: [Setting: String] = [:]
        for (key, value) in object.sorted(by: { $0.key < $1.key }) {
            guard let setting = Setting(rawValue: key) else {
                let known = Setting.allCases.map(\.rawValue).joined(separator: ", ")
                throw SettingsError("unknown key '\(key)' in \(path); known keys: \(known)")
            }
            guard let text = value.text else {
                throw SettingsError("'\(key)' in \(path) must be a string, a number, true/false or a list of strings")
            }
            values[setting] = text
        }
        self.path = path
        self.values = values
    }

    private struct Value: Decodable {
        /// Nil for null, objects and mixed arrays.
        let text: String?

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let flag = try? container.decode(Bool.self) {
                text = flag.description
            } else if let number = try? container.decode(Int64.self) {
                text = number.description
            } else if let number = try? container.decode(Double.self) {
                text = number.description
            } else if let parts = try? container.decode([String].self) {
                text = parts.joined(separator: ",")
            } else {
                text = try? container.decode(String.self)
            }
        }
    }

    private static func text(of error: any Error) -> String {
        switch error {
        case DecodingError.dataCorrupted(let context), DecodingError.typeMismatch(_, let context):
            context.debugDescription
        default: "\(error)"
        }
    }
}
