/// Bytes as hexadecimal digits, two each.
package enum HexText {
    private static let digits = Array("0123456789abcdef".utf8)

    package static func text(of bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// In either letter case.
    /// - Returns: nil if these are not pairs of digits.
    package static func bytes(of text: some StringProtocol) -> [UInt8]? {
        let values = text.utf8.map { digit -> UInt8? in
            switch digit {
            case 0x30...0x39: digit - 0x30
            case 0x41...0x46, 0x61...0x66: (digit | 0x20) - 0x57
            default: nil
            }
        }
        let known = values.compactMap(\.self)
        guard known.count == values.count, known.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: known.count, by: 2).map { known[$0] << 4 | known[$0 + 1] }
    }
}
