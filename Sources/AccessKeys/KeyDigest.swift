import Crypto

/// SHA-256 of a key. Keys have 256 random bits (`KeyMaker`), so that a plain digest cannot be turned back; one that a
/// person chose can be guessed from it.
package struct KeyDigest: Hashable, Sendable {
    private let words: InlineWords

    private struct InlineWords: Hashable, Sendable {
        var first: UInt64 = 0
        var second: UInt64 = 0
        var third: UInt64 = 0
        var fourth: UInt64 = 0
    }

    /// - Parameter bytes: the digest itself, 32 bytes; what is missing is 0.
    package init(_ bytes: some Sequence<UInt8>) {
        var words = InlineWords()
        for (place, byte) in bytes.prefix(32).enumerated() {
            let shifted = UInt64(byte) << UInt64(56 - 8 * (place % 8))
            switch place / 8 {
            case 0: words.first |= shifted
            case 1: words.second |= shifted
            case 2: words.third |= shifted
            default: words.fourth |= shifted
            }
        }
        self.words = words
    }

    package init(of key: String) {
        var hash = SHA256()
        var key = key
        key.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        self.init(hash.finalize())
    }

    /// Takes as long whatever the two hold.
    func isEqual(to other: KeyDigest) -> Bool {
        let difference =
            (words.first ^ other.words.first) | (words.second ^ other.words.second)
            | (words.third ^ other.words.third) | (words.fourth ^ other.words.fourth)
        return difference == 0
    }

    /// Names the key in tables.
    package var hash: UInt64 { words.first }

    /// 64 hexadecimal digits.
    package var text: String {
        [words.first, words.second, words.third, words.fourth].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
