package import Logging
package import Telemetry

/// One log event, complete: what the two printed forms are made of.
package struct LogRecord: Sendable {
    package let time: Instant
    package let level: Logger.Level
    package let label: String
    package let message: String
    /// Sorted by key, so that a line looks the same each time.
    package let metadata: [(key: String, value: Logger.MetadataValue)]

    package init(
        time: Instant, level: Logger.Level, label: String, message: String, metadata: Logger.Metadata
    ) {
        self.time = time
        self.level = level
        self.label = label
        self.message = message
        self.metadata = metadata.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
