import Logging
import Telemetry

/// A log record as one JSON object on one line: `time`, `level`, `logger`, `message`, and `metadata` if there is any.
///
/// Bytes are appended to one array, with no encoder in between: a node under load logs on its hot path at `debug`.
package enum JSONLine {
    package static func bytes(_ record: LogRecord) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(160 + record.message.utf8.count)
        line += "{\"time\":\"".utf8
        line += record.time.description.utf8
        line += "\",\"level\":\"".utf8
        line += record.level.rawValue.utf8
        line += "\",\"logger\":".utf8
        append(record.label, to: &line)
        line += ",\"message\":".utf8
        append(record.message, to: &line)
        if !record.metadata.isEmpty {
            line += ",\"metadata\":".utf8
            append(record.metadata, depth: 0, to: &line)
        }
        line += "}\n".utf8
        return line
    }

    /// Deeper values are printed as one string: a log line is no place for trees.
    static let depthMax = 8

    private static func append(
        _ pairs: [(key: String, value: Logger.MetadataValue)], depth: Int, to line: inout [UInt8]
    ) {
        line.append(UInt8(ascii: "{"))
        for (position, pair) in pairs.enumerated() {
            if position > 0 { line.append(UInt8(ascii: ",")) }
            append(pair.key, to: &line)
            line.append(UInt8(ascii: ":"))
            append(pair.value, depth: depth + 1, to: &line)
        }
        line.append(UInt8(ascii: "}"))
    }

    private static func append(_ value: Logger.MetadataValue, depth: Int, to line: inout [UInt8]) {
        guard depth < depthMax else { return append(value.description, to: &line) }
        switch value {
        case .string(let text): append(text, to: &line)
        case .stringConvertible(let convertible): append(convertible.description, to: &line)
        case .dictionary(let dictionary):
            let pairs = dictionary.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) }
            append(pairs, depth: depth, to: &line)
        case .array(let values):
            line.append(UInt8(ascii: "["))
            for (position, value) in values.enumerated() {
                if position > 0 { line.append(UInt8(ascii: ",")) }
                append(value, depth: depth + 1, to: &line)
            }
            line.append(UInt8(ascii: "]"))
        }
    }

    /// A JSON string (RFC 8259, section 7); DEL, the C1 controls and the two Unicode line ends are escaped as well, so
    /// that no terminal and no line reader is led astray.
    package static func append(_ text: String, to line: inout [UInt8]) {
        line.append(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22, 0x5C: line += [UInt8(ascii: "\\"), UInt8(scalar.value)]
            case 0x0A: line += "\\n".utf8
            case 0x0D: line += "\\r".utf8
            case 0x09: line += "\\t".utf8
            case 0..<0x20, 0x7F...0x9F, 0x2028, 0x2029:
                let digits = String(scalar.value, radix: 16)
                line += ("\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits).utf8
            case 0x20..<0x80: line.append(UInt8(scalar.value))
            default: line += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
            }
        }
        line.append(UInt8(ascii: "\""))
    }
}
