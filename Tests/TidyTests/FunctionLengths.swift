/// Counts the lines of functions, from the line that declares one to the one with its closing brace.
enum FunctionLengths {
    struct Function: Hashable, Sendable {
        let name: String
        /// From 1.
        let line: Int
        let linesCount: Int
    }

    static func all(in file: SourceFile) -> [Function] {
        let bytes = Array(file.code.utf8)
        var functions: [Function] = []
        var line = 1
        for index in bytes.indices {
            if bytes[index] == 0x0A { line += 1 }
            guard let name = declaration(at: index, in: bytes) else { continue }
            guard let count = linesCount(from: index, in: bytes) else { continue }
            functions.append(Function(name: name, line: line, linesCount: count))
        }
        return functions
    }

    private static let keywords: [[UInt8]] = ["func", "init", "deinit", "subscript"].map { Array($0.utf8) }

    /// The name of the function whose keyword stands here; nil if none does. `x.init(…)` is a call.
    private static func declaration(at index: Int, in bytes: [UInt8]) -> String? {
        // f, i, d, s: most bytes are settled by this.
        switch bytes[index] {
        case 0x66, 0x69, 0x64, 0x73: break
        default: return nil
        }
        guard index == 0 || (!isWord(bytes[index - 1]) && bytes[index - 1] != UInt8(ascii: ".")) else { return nil }
        guard let keyword = keywords.first(where: { bytes[index...].starts(with: $0) }) else { return nil }
        let end = index + keyword.count
        guard end < bytes.count, !isWord(bytes[end]) else { return nil }
        guard keyword == keywords[0] else { return String(decoding: keyword, as: UTF8.self) }
        let name = bytes[end...].drop { $0 == 0x20 }.prefix { $0 != UInt8(ascii: "(") && $0 != UInt8(ascii: "<") }
        return String(decoding: name, as: UTF8.self)
    }

    /// Nil for a function without a body (a requirement of a protocol).
    private static func linesCount(from start: Int, in bytes: [UInt8]) -> Int? {
        var parentheses = 0
        var braces = 0
        var lines = 1
        for index in start..<bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "("), UInt8(ascii: "["): parentheses += 1
            case UInt8(ascii: ")"), UInt8(ascii: "]"): parentheses -= 1
            case UInt8(ascii: "{") where parentheses == 0 || braces > 0: braces += 1
            case UInt8(ascii: "}") where braces > 0:
                braces -= 1
                if braces == 0 { return lines }
            case UInt8(ascii: "}") where parentheses == 0: return nil
            case 0x0A:
                lines += 1
                if braces == 0, parentheses == 0, !continues(after: index, in: bytes) { return nil }
            default: break
            }
        }
        return nil
    }

    private static let continuations: [[UInt8]] = ["{", "where ", "->", "throws", "async", "rethrows"].map {
        Array($0.utf8)
    }

    private static func continues(after index: Int, in bytes: [UInt8]) -> Bool {
        let rest = bytes[index...].drop { $0 == 0x20 || $0 == 0x0A }
        return continuations.contains { rest.starts(with: $0) }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte) || byte == UInt8(ascii: "_")
            || byte == UInt8(ascii: "`") || byte >= 0x80
    }
}
