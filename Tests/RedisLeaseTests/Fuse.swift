import Synchronization

/// How many bytes the next connection carries.
final class Fuse: Sendable {
    private let value = Mutex<Int?>(nil)

    var bytes: Int? {
        get { value.withLock { $0 } }
        set { value.withLock { $0 = newValue } }
    }
}
