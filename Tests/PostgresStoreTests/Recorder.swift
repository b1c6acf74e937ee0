import Logging
import Synchronization

/// Keeps every line that is logged, with its metadata.
final class Recorder: Sendable {
    private let kept = Mutex<[String]>([])

    var lines: [String] { kept.withLock { $0 } }

    var logger: Logger {
        Logger(label: "test") { _ in Handler { line in self.kept.withLock { $0.append(line) } } }
    }

    private struct Handler: LogHandler {
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        let record: @Sendable (String) -> Void

        init(record: @escaping @Sendable (String) -> Void) {
            self.record = record
        }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            record("\(event.message) \(event.metadata ?? [:])")
        }
    }
}
