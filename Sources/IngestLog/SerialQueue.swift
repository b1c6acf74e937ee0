import Dispatch

/// One thing after another on a thread that may block: file calls must not hold a thread of the cooperative pool.
///
/// `DispatchSerialQueue` does not exist on Linux, so this wraps a `DispatchQueue`.
final class SerialQueue: Sendable {
    private let queue: DispatchQueue

    init(_ name: String) {
        queue = DispatchQueue(label: name, qos: .userInitiated)
    }

    /// Runs `body` after everything handed in before it; handed in before this call first suspends.
    func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: body()) }
        }
    }

    /// Runs `body` likewise, and blocks until it is done. Not from this queue.
    func runBlocking<Value>(_ body: () -> Value) -> Value {
        queue.sync(execute: body)
    }
}
