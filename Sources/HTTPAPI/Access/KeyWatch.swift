package import Access
package import AccessKeys
package import Logging
import ServiceLifecycle

/// Reads the keys again when their file changes, so that a key is made or revoked without a restart.
package struct KeyWatch: Service, CustomStringConvertible {
    private let book: KeyBook
    private let first: [KeyEntry]
    private let read: @Sendable () throws -> [KeyEntry]
    private let logger: Logger

    package var description: String { "key watch" }

    /// Between two looks at the file.
    private static let pause = Duration.seconds(5)
    /// Looks between two complaints: as long as it lasts, no key can be revoked.
    private static let complaintLooks = 12

    /// - Parameters:
    ///   - first: what the book was made of.
    ///   - read: reads the file anew.
    package init(
        _ book: KeyBook, first: [KeyEntry], logger: Logger, read: @escaping @Sendable () throws -> [KeyEntry]
    ) {
        self.book = book
        self.first = first
        self.read = read
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown { await watch() }
    }

    private func watch() async {
        var known = first
        var looksBad = 0
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.pause)
            do {
                let entries = try read()
                // A line that was cut, or a stray word, would be a key that may do everything.
                if let place = entries.firstIndex(where: { $0.isGuessable && !known.contains($0) }) {
                    throw KeyEntryError(entry: place + 1, reason: "it is so short that it can be guessed")
                }
                looksBad = 0
                guard entries != known else { continue }
                known = entries
                book.replace(with: entries)
                logger.notice("new API keys", metadata: ["count": "\(entries.count)"])
            } catch {
                // A file that is gone, empty or wrong lets nobody in who was not in before, and throws nobody out.
                if looksBad % Self.complaintLooks == 0 {
                    logger.error(
                        "the file of API keys cannot be used: the keys that it had stay in force",
                        metadata: ["error": "\(error)"])
                }
                looksBad += 1
            }
        }
    }
}
