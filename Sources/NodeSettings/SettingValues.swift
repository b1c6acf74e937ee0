package import Access
import Foundation
package import Logging

/// The values that are neither an address nor a duration nor a size.
package enum SettingValues {
    package static let nameBytesMax = 64

    /// A node's name stands in paths, in the ring and in logs.
    package static func name(_ text: String) throws(ValueError) -> String {
        let isPlain = text.unicodeScalars.allSatisfy { $0.value > 0x20 && $0 != "/" && $0.value != 0x7F }
        guard (1...nameBytesMax).contains(text.utf8.count), isPlain, text != ".", text != ".." else {
            throw ValueError(expected: "a name of 1 to \(nameBytesMax) bytes without spaces and slashes")
        }
        return text
    }

    package static func path(_ text: String) throws(ValueError) -> String {
        guard !text.isEmpty, !text.utf8.contains(0) else { throw ValueError(expected: "a path") }
        return text
    }

    /// Slower than one reading an hour is no rate: 0 would refuse everything.
    package static let rateMin = 1.0 / 3600
    package static let rateMax = 1e9

    package static func rate(_ text: String, of sender: String) throws(ValueError) -> Double? {
        if text == "none" { return nil }
        guard let rate = Double(text), (rateMin...rateMax).contains(rate) else {
            throw ValueError(expected: "readings a second and \(sender), such as 10, or none")
        }
        return rate
    }

    package static let seriesCountMax = 1_000_000_000

    package static func seriesMax(_ text: String) throws(ValueError) -> Int? {
        if text == "none" { return nil }
        guard let count = Int(text), (1...seriesCountMax).contains(count) else {
            throw ValueError(expected: "a number of series, such as 100000, or none")
        }
        return count
    }

    package static let webhooksMax = 16

    /// A comma list; a comma in an address is percent-encoded.
    package static func webhooks(_ text: String) throws(ValueError) -> [Secret] {
        var addresses: [Secret] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let address = part.trimmingCharacters(in: .whitespaces)
            guard
                let url = URLComponents(string: address), ["http", "https"].contains(url.scheme?.lowercased()),
                let host = url.host, !host.isEmpty, (1...65535).contains(url.port ?? 80)
            else { throw ValueError(expected: "a comma list of addresses such as https://example.org/hook") }
            addresses.append(Secret(address))
        }
        guard addresses.count <= webhooksMax else { throw ValueError(expected: "at most \(webhooksMax) addresses") }
        return addresses
    }

    package static let patternsMax = 256

    package static func patterns(_ text: String) throws(ValueError) -> [String] {
        let patterns = text.split(separator: ",", omittingEmptySubsequences: false)
            .map { $0.trimmingCharacters(in: .whitespaces) }
        guard patterns.count <= patternsMax, !patterns.contains("") else {
            throw ValueError(expected: "a comma list of at most \(patternsMax) patterns such as temp*,humidity")
        }
        return patterns
    }

    /// Origins as browsers send them: scheme, host, port, no path; or `*`.
    package static func origins(_ text: String) throws(ValueError) -> [String] {
        var origins: [String] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let origin = part.trimmingCharacters(in: .whitespaces)
            let url = URLComponents(string: origin)
            guard origin == "*" || (url?.scheme != nil && url?.host?.isEmpty == false && url?.path == "") else {
                throw ValueError(expected: "a comma list of origins such as https://example.org")
            }
            origins.append(origin)
        }
        return origins
    }

    package static func secret(_ text: String) throws(ValueError) -> Secret {
        guard !text.isEmpty else { throw ValueError(expected: "a secret that is not empty") }
        return Secret(text)
    }

    package static func apiKeys(_ text: String) throws(ValueError) -> [KeyEntry] {
        do { return try KeyEntry.parseList(text) } catch {
            throw ValueError(
                expected: "a list of keys as 'starling keys new' prints them, SCOPE[@DEVICES]:KEY; \(error)")
        }
    }

    package static let clusterKeyBytes = 32
    /// Two while rotating, a few more when rotations overlap.
    package static let clusterKeysMax = 8

    package static func clusterKeys(_ text: String) throws(ValueError) -> [Secret] {
        var keys: [Secret] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let key = part.trimmingCharacters(in: .whitespaces)
            guard Data(base64Encoded: key)?.count == clusterKeyBytes else {
                throw ValueError(
                    expected:
                        "base64 of \(clusterKeyBytes) bytes (openssl rand -base64 32), a comma list while rotating")
            }
            keys.append(Secret(key))
        }
        guard keys.count <= clusterKeysMax else { throw ValueError(expected: "at most \(clusterKeysMax) keys") }
        return keys
    }

    package static func flag(_ text: String) throws(ValueError) -> Bool {
        switch text.lowercased() {
        case "true", "yes", "1": return true
        case "false", "no", "0": return false
        default: throw ValueError(expected: "true or false")
        }
    }

    /// Any letter case; `warn` is taken for `warning`, as many programs have it.
    package static func logLevel(_ text: String) throws(ValueError) -> Logger.Level {
        let text = text.lowercased()
        guard let level = Logger.Level(rawValue: text == "warn" ? "warning" : text) else {
            throw ValueError(expected: Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return level
    }

    package static func logFormat(_ text: String) throws(ValueError) -> NodeSettings.LogFormat {
        guard let format = NodeSettings.LogFormat(rawValue: text.lowercased()) else {
            throw ValueError(expected: "text or json")
        }
        return format
    }
}
