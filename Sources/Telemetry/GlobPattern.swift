/// A text in which `*` stands for any characters, none among them; all others stand for themselves, byte by byte.
package struct GlobPattern: Hashable, Sendable {
    package static let all = GlobPattern("*")

    package let text: String
    private let parts: [[UInt8]]

    package init(_ text: String) {
        self.text = text
        parts = text.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map(Array.init)
    }

    /// Of each part the first place counts, since any later one leaves less: no place is left twice.
    package func matches(_ name: String) -> Bool {
        var name = name
        return name.withUTF8(matches)
    }

    private func matches(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let first = parts.first, let last = parts.last, parts.count > 1 else {
            return parts.first.map { name.elementsEqual($0) } ?? name.isEmpty
        }
        guard name.count >= first.count + last.count, name.starts(with: first),
            name.suffix(last.count).elementsEqual(last)
        else { return false }
        var start = first.count
        let end = name.count - last.count
        for part in parts.dropFirst().dropLast() {
            guard let next = Self.end(of: part, in: name, from: start, to: end) else { return false }
            start = next
        }
        return true
    }

    private static func end(
        of part: [UInt8], in name: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int
    ) -> Int? {
        guard !part.isEmpty else { return start }
        var place = start
        while place + part.count <= end {
            if name[place..<place + part.count].elementsEqual(part) { return place + part.count }
            place += 1
        }
        return nil
    }
}
