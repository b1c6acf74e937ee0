import Logging
import Telemetry

/// A log record for people: time, level, message, `key=value`. Control characters are shown as `\u{…}`: a device name in
/// a message must not be able to forge a line or move the cursor.
package enum TextLine {
    package static func text(_ record: LogRecord, isTerminal: Bool) -> String {
        // On a terminal a progress line may stand where the cursor is.
        var line = isTerminal ? "\r\u{1B}[K" : ""
        line += isTerminal ? "\u{1B}[2m\(record.time)\u{1B}[0m " : "\(record.time) "
        let level = record.level.rawValue.uppercased()
        let padded = level + String(repeating: " ", count: max(0, 8 - level.utf8.count))
        line += isTerminal ? "\u{1B}[\(color(record.level))m\(padded)\u{1B}[0m " : padded + " "
        line += shown(record.message)
        for (key, value) in record.metadata {
            line += isTerminal ? " \u{1B}[2m\(shown(key))=\u{1B}[0m" : " \(shown(key))="
            line += quoted(shown(value.description))
        }
        return line + "\n"
    }

    private static func color(_ level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 90
        case .info: 32
        case .notice: 36
        case .warning: 33
        case .error, .critical: 31
        }
    }

    private static func shown(_ text: String) -> String {
        var shown = ""
        for scalar in text.unicodeScalars {
            let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            if isControl || scalar.value == 0x2028 || scalar.value == 0x2029 {
                shown += "\\u{" + String(scalar.value, radix: 16) + "}"
            } else {
                shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }

    private static func quoted(_ text: String) -> String {
        text.contains(" ") || text.isEmpty ? "\"" + text + "\"" : text
    }
}
