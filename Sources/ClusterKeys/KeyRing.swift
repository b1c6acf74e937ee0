package import Crypto
package import Foundation

/// The keys that the nodes of a flock share: the first seals, all open, so that a key can be replaced while nodes run
/// (add the new one behind the old one everywhere, then put it first, then drop the old one).
///
/// A key of this ring never touches a message itself. Each sender and each connection derives its own from it
/// (HKDF-SHA256, RFC 5869) with a salt of its own, so that counters serve as nonces and never meet under one key.
package struct KeyRing: Sendable {
    package static let keyBytes = 32
    /// Keys in a ring: two while rotating, a few more when rotations overlap.
    package static let keysMax = 8

    package struct Key: Sendable {
        /// Tells the keys of a ring apart without revealing them: the start of a derived value.
        package let hint: UInt32
        let secret: SymmetricKey

        init(_ bytes: Data) {
            secret = SymmetricKey(data: bytes)
            let named = HKDF<SHA256>.deriveKey(
                inputKeyMaterial: secret, info: Data("starling key hint".utf8), outputByteCount: 4)
            hint = named.withUnsafeBytes { UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self)) }
        }

        /// A key for one sender or one direction of one connection.
        package func derived(salt: some DataProtocol, purpose: String) -> SymmetricKey {
            HKDF<SHA256>.deriveKey(
                inputKeyMaterial: secret, salt: salt, info: Data("starling \(purpose)".utf8),
                outputByteCount: Self.derivedBytes)
        }

        private static let derivedBytes = 32
    }

    /// Not empty; the first seals.
    package let keys: [Key]

    /// - Parameter texts: base64 of 32 bytes each.
    /// - Returns: nil if there is none, too many, or one is no key.
    package init?(base64 texts: [String]) {
        guard (1...Self.keysMax).contains(texts.count) else { return nil }
        var keys: [Key] = []
        for text in texts {
            guard let bytes = Data(base64Encoded: text), bytes.count == Self.keyBytes else { return nil }
            keys.append(Key(bytes))
        }
        self.keys = keys
    }

    package var sealing: Key { keys[0] }

    package func key(hint: UInt32) -> Key? { keys.first { $0.hint == hint } }
}
