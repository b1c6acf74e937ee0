package import Access
import Synchronization

/// The keys that a node knows now. They may be replaced while requests are served.
package final class KeyBook: Sendable {
    private let keys: Mutex<[AccessKey]>

    package init(_ entries: [KeyEntry]) {
        keys = Mutex(entries.map(AccessKey.init))
    }

    package func replace(with entries: [KeyEntry]) {
        let new = entries.map(AccessKey.init)
        keys.withLock { $0 = new }
    }

    package func holds(_ key: AccessKey) -> Bool { keys.withLock { $0.contains(key) } }

    /// The key that was shown; nil if there is no such.
    ///
    /// All are compared, in a time that depends on their number alone. Where one stands twice, its first entry counts.
    package func find(_ shown: some StringProtocol) -> AccessKey? {
        guard (1...KeyEntry.keyBytesMax).contains(shown.utf8.count) else { return nil }
        let digest = KeyDigest(of: String(shown))
        return keys.withLock { keys in
            var found = keys.count
            for place in keys.indices.reversed() where keys[place].digest.isEqual(to: digest) { found = place }
            return found < keys.count ? keys[found] : nil
        }
    }
}
