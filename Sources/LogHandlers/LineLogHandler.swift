import Foundation
package import Logging
import Telemetry

/// Prints log events as lines, as text or as JSON, with one `write` a line, so that lines of several threads do not mix.
package struct LineLogHandler: LogHandler {
    package enum Form: Sendable {
        case text(isTerminal: Bool)
        case json
    }

    package var metadata: Logger.Metadata = [:]
    package var logLevel: Logger.Level
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let form: Form
    private let write: @Sendable ([UInt8]) -> Void

    package init(label: String, level: Logger.Level, form: Form, write: @escaping @Sendable ([UInt8]) -> Void) {
        self.label = label
        self.form = form
        self.write = write
        logLevel = level
    }

    package subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let own = event.metadata { all.merge(own) { $1 } }
        if let error = event.error { all["error"] = "\(error)" }
        let record = LogRecord(
            time: Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1e6)), level: event.level, label: label,
            message: event.message.description, metadata: all)
        switch form {
        case .json: write(JSONLine.bytes(record))
        case .text(let isTerminal): write(Array(TextLine.text(record, isTerminal: isTerminal).utf8))
        }
    }
}
