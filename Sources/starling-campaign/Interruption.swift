import Foundation
import Synchronization

/// Ctrl-C and SIGTERM end a campaign with everything that it started.
enum Interruption {
    private static let hasCome = Atomic(false)

    /// - Returns: whether a signal has come since.
    static func watch() -> @Sendable () -> Bool {
        for number in [SIGINT, SIGTERM] { signal(number) { _ in Interruption.hasCome.store(true, ordering: .relaxed) } }
        return { hasCome.load(ordering: .relaxed) }
    }
}
