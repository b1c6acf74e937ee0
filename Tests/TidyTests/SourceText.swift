/// Swift source reduced to its code, well enough for the rules here: nested comments, `"…"`, `"""…"""` and `#"…"#`.
enum SourceText {
    static func withoutCommentsAndStrings(_ text: String) -> String {
        var scanner = Scanner(bytes: Array(text.utf8))
        scanner.run()
        return String(decoding: scanner.bytes, as: UTF8.self)
    }

    private struct Scanner {
        var bytes: [UInt8]
        var index = 0

        private func matches(_ text: StaticString, at position: Int) -> Bool {
            guard position + text.utf8CodeUnitCount <= bytes.count else { return false }
            return text.withUTF8Buffer { wanted in
                wanted.indices.allSatisfy { bytes[position + $0] == wanted[$0] }
            }
        }

        private mutating func blank(to end: Int) {
            while index < min(end, bytes.count) {
                if bytes[index] != 0x0A { bytes[index] = 0x20 }
                index += 1
            }
        }

        mutating func run() {
            while index < bytes.count {
                switch bytes[index] {
                case 0x2F where matches("//", at: index):
                    blank(to: bytes[index...].firstIndex(of: 0x0A) ?? bytes.count)
                case 0x2F where matches("/*", at: index): blankComment()
                case 0x22, 0x23: blankString()
                default: index += 1
                }
            }
        }

        private mutating func blankComment() {
            var depth = 0
            var end = index
            repeat {
                if matches("/*", at: end) {
                    depth += 1
                    end += 2
                } else if matches("*/", at: end) {
                    depth -= 1
                    end += 2
                } else {
                    end += 1
                }
            } while depth > 0 && end < bytes.count
            blank(to: end)
        }

        /// The quotes stay, what is between them goes; a `#` that starts no string is code.
        private mutating func blankString() {
            var hashes = 0
            while index + hashes < bytes.count, bytes[index + hashes] == UInt8(ascii: "#") { hashes += 1 }
            let quote = index + hashes
            guard quote < bytes.count, bytes[quote] == UInt8(ascii: "\"") else {
                index += max(1, hashes)
                return
            }
            let quotes = matches("\"\"\"", at: quote) ? 3 : 1
            index = quote + quotes
            var end = index
            while end < bytes.count, !isEnd(at: end, quotes: quotes, hashes: hashes) {
                let isEscape = bytes[end] == UInt8(ascii: "\\") && hashes == 0
                end += isEscape && matches("\\(", at: end) ? interpolation(at: end) : isEscape ? 2 : 1
            }
            blank(to: end)
            index = min(bytes.count, end + quotes + hashes)
        }

        private func isEnd(at position: Int, quotes: Int, hashes: Int) -> Bool {
            let tail = quotes + hashes
            guard position + tail <= bytes.count else { return false }
            return (0..<tail).allSatisfy {
                bytes[position + $0] == ($0 < quotes ? UInt8(ascii: "\"") : UInt8(ascii: "#"))
            }
        }

        /// How long `\(…)` is; strings inside it may hold quotes and parentheses.
        private func interpolation(at start: Int) -> Int {
            var depth = 0
            var isInString = false
            var position = start + 1
            while position < bytes.count {
                switch bytes[position] {
                case UInt8(ascii: "\""): isInString.toggle()
                case UInt8(ascii: "(") where !isInString: depth += 1
                case UInt8(ascii: ")") where !isInString:
                    depth -= 1
                    if depth == 0 { return position + 1 - start }
                case UInt8(ascii: "\\") where isInString: position += 1
                default: break
                }
                position += 1
            }
            return position - start
        }
    }
}
