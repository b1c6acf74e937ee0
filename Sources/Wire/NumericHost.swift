/// IP addresses as text ⇄ bytes. Only the one usual form of an address becomes bytes (RFC 5952 for IPv6), so that the
/// text comes back as it was; any other text stays text.
enum NumericHost {
    static let v4BytesCount = 4
    static let v6BytesCount = 16
    private static let v4TextMax = 15
    private static let v6TextMax = 39

    /// 4 bytes, 16 bytes, or nil: also where the text is shorter, as of `::1`.
    static func bytes(of text: String) -> [UInt8]? {
        if let bytes = v4Bytes(of: text) { return bytes }
        guard (v6BytesCount...v6TextMax).contains(text.utf8.count), let bytes = v6Bytes(of: text),
            self.text(of: bytes) == text
        else { return nil }
        return bytes
    }

    /// - Parameter bytes: 4 or 16.
    static func text(of bytes: some Collection<UInt8>) -> String {
        if bytes.count == v4BytesCount { return bytes.map { String($0) }.joined(separator: ".") }
        return v6Text(of: Array(bytes))
    }

    private static func v4Bytes(of text: String) -> [UInt8]? {
        guard text.utf8.count <= v4TextMax else { return nil }
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == v4BytesCount else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard (1...3).contains(part.count), part.allSatisfy({ (48...57).contains($0) }) else { return nil }
            guard part.count == 1 || part.first != 48 else { return nil }
            let value = part.reduce(0) { $0 * 10 + Int($1 - 48) }
            guard let byte = UInt8(exactly: value) else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    // MARK: IPv6

    private static let groupsCount = 8

    private static func v6Bytes(of text: String) -> [UInt8]? {
        let groups: [UInt16]
        if let gap = text.firstRange(of: "::") {
            guard let front = v6Groups(text[..<gap.lowerBound]), let back = v6Groups(text[gap.upperBound...]),
                front.count + back.count < groupsCount
            else { return nil }
            groups = front + [UInt16](repeating: 0, count: groupsCount - front.count - back.count) + back
        } else {
            guard let all = v6Groups(text[...]), all.count == groupsCount else { return nil }
            groups = all
        }
        return groups.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
    }

    private static func v6Groups(_ text: Substring) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        var groups: [UInt16] = []
        for part in text.split(separator: ":", omittingEmptySubsequences: false) {
            guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(isLowerHex), groups.count < groupsCount,
                let group = UInt16(part, radix: 16)
            else { return nil }
            groups.append(group)
        }
        return groups
    }

    private static func isLowerHex(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (97...102).contains(byte)
    }

    private static func v6Text(of bytes: [UInt8]) -> String {
        let groups = stride(from: 0, to: bytes.count - 1, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        func joined(_ part: ArraySlice<UInt16>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard let gap = longestGap(in: groups) else { return joined(groups[...]) }
        return joined(groups[..<gap.lowerBound]) + "::" + joined(groups[gap.upperBound...])
    }

    /// The first of the longest rows of zeros, at least two.
    private static func longestGap(in groups: [UInt16]) -> Range<Int>? {
        var longest = 0..<1
        var start = 0
        for index in groups.indices {
            guard groups[index] == 0 else {
                start = index + 1
                continue
            }
            if index + 1 - start > longest.count { longest = start..<(index + 1) }
        }
        return longest.count >= 2 ? longest : nil
    }
}
