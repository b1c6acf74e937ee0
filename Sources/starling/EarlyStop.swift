import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// A node that waits for its store is stopped like any other.
///
/// Its services listen to signals once they run. Before, nothing would: as the first process of a container a program is
/// sent no signal that it did not ask for, and the supervisor would wait in vain and kill it.
enum EarlyStop {
    /// Until services take the signals over, they end the process at once. What it has begun by then, a crash may interrupt
    /// as well.
    static func arm() {
        for number in [SIGTERM, SIGINT] { signal(number) { _ in _exit(0) } }
    }
}
