package import Access

/// Makes keys that nobody guesses.
package enum KeyMaker {
    package struct Made: Sendable {
        /// For its holder; it is nowhere else.
        package let key: String
        /// For the nodes' settings.
        package let entry: String
    }

    /// So that whoever finds one in a log or a repository knows what it is.
    private static let mark = "starling_"
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    /// Six bits each: 43 hold 256 bits.
    private static let charactersCount = 43

    package static func make(
        scopes: Set<Scope>, devices: [String] = [], using random: inout some RandomNumberGenerator
    ) -> Made {
        var characters: [UInt8] = []
        for _ in 0..<charactersCount { characters.append(alphabet[Int(truncatingIfNeeded: random.next() & 63)]) }
        let key = mark + String(decoding: characters, as: UTF8.self)
        let names = Scope.allCases.filter(scopes.contains).map(\.rawValue).joined(separator: "+")
        let patterns = devices.isEmpty ? "" : "@" + devices.joined(separator: "|")
        return Made(key: key, entry: "\(names)\(patterns):sha256:\(KeyDigest(of: key).text)")
    }
}
