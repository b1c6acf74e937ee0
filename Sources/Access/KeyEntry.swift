package import Telemetry

/// One key as it stands in the settings: what it may do, and how to know it.
///
/// `SCOPE[+SCOPE][@PATTERN[|PATTERN]]:KEY`, such as `ingest@gh-*|shed-1:sha256:9f86…` or `read:sha256:2c26…`. KEY is the
/// digest that `starling keys new` prints, or the key itself. A KEY without scopes may do everything.
package struct KeyEntry: Hashable, Sendable {
    package enum Secret: Hashable, Sendable {
        /// SHA-256 of the key: 32 bytes.
        case digest([UInt8])
        /// The key itself. Whoever reads the settings has it.
        case plain(String)
    }

    package let scopes: Set<Scope>
    /// Devices that `ingest` is for; none stands for all.
    package let devices: [GlobPattern]
    package let secret: Secret

    package init(scopes: Set<Scope>, devices: [GlobPattern] = [], secret: Secret) {
        self.scopes = scopes
        self.devices = devices
        self.secret = secret
    }

    package static let keyBytesMax = 512
    package static let digestBytes = 32
    /// Of a key that somebody chose: fewer characters than this can be tried one by one.
    package static let plainBytesUsual = 20

    /// A key so short that it can be guessed.
    package var isGuessable: Bool {
        if case .plain(let key) = secret { key.utf8.count < Self.plainBytesUsual } else { false }
    }
}

extension KeyEntry: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// As it is written, with stars in place of the key.
    package var description: String {
        let scopes = Scope.allCases.filter(self.scopes.contains).map(\.rawValue).joined(separator: "+")
        let devices = devices.isEmpty ? "" : "@" + devices.map(\.text).joined(separator: "|")
        return "\(scopes)\(devices):***"
    }

    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Why a list of keys is none. Its text never holds one of them.
package struct KeyEntryError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Of the entry in the list, from 1; nil for the list as a whole.
    package let entry: Int?
    package let reason: String

    package init(entry: Int?, reason: String) {
        self.entry = entry
        self.reason = reason
    }

    package var description: String { entry.map { "key \($0): \(reason)" } ?? reason }
}

extension KeyEntry {
    /// All are compared with each key that is shown.
    package static let entriesMax = 1_024
    package static let patternsMax = 64

    /// Entries are separated by commas or line ends; lines that begin with `#`, and empty ones, are skipped.
    package static func parseList(_ text: String) throws(KeyEntryError) -> [KeyEntry] {
        var entries: [KeyEntry] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let line = trimmed(line)
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            for part in line.split(separator: ",", omittingEmptySubsequences: false) {
                guard entries.count < entriesMax else {
                    throw KeyEntryError(entry: nil, reason: "there are more than \(entriesMax) keys")
                }
                do throws(Fault) { entries.append(try parse(trimmed(part))) } catch {
                    throw KeyEntryError(entry: entries.count + 1, reason: error.reason)
                }
            }
        }
        guard !entries.isEmpty else { throw KeyEntryError(entry: nil, reason: "there is no key in it") }
        return entries
    }

    private struct Fault: Error {
        let reason: String
    }

    private static func parse(_ text: Substring) throws(Fault) -> KeyEntry {
        let known = Scope.allCases.map(\.rawValue).joined(separator: ", ")
        // From the end: a device's name may hold colons, as addresses of hardware do.
        guard let colon = separator(in: text) else {
            return KeyEntry(scopes: Set(Scope.allCases), secret: try secret(text))
        }
        let head = text[..<colon].split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        var scopes: Set<Scope> = []
        for name in head[0].split(separator: "+", omittingEmptySubsequences: false) {
            guard let scope = Scope(rawValue: String(trimmed(name))) else {
                throw Fault(reason: "what stands before the colon is no list of scopes (\(known)) joined by +")
            }
            scopes.insert(scope)
        }
        var devices: [GlobPattern] = []
        if head.count > 1 {
            let patterns = head[1].split(separator: "|", omittingEmptySubsequences: false)
            guard patterns.count <= patternsMax, !patterns.contains("") else {
                throw Fault(reason: "after @ there is no list of 1 to \(patternsMax) device patterns joined by |")
            }
            guard scopes == [.ingest] else {
                throw Fault(reason: "devices after @ belong to keys that may ingest and nothing else")
            }
            devices = patterns.map { GlobPattern(String($0)) }
        }
        return KeyEntry(scopes: scopes, devices: devices, secret: try secret(text[text.index(after: colon)...]))
    }

    private static let digestMark = "sha256:"

    /// The colon before the key; nil where there is nothing but the key.
    private static func separator(in text: Substring) -> Substring.Index? {
        guard let last = text.lastIndex(of: ":") else { return nil }
        let head = text[...last]
        guard head.hasSuffix(digestMark) else { return last }
        return head.dropLast(digestMark.count).lastIndex(of: ":")
    }

    private static func secret(_ text: Substring) throws(Fault) -> Secret {
        if text.hasPrefix(digestMark) {
            guard let bytes = HexText.bytes(of: text.dropFirst(digestMark.count)), bytes.count == digestBytes else {
                throw Fault(reason: "after sha256: there are not \(digestBytes * 2) hexadecimal digits")
            }
            return .digest(bytes)
        }
        guard (1...keyBytesMax).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Fault(reason: "the key is not 1 to \(keyBytesMax) characters of printable ASCII without spaces")
        }
        return .plain(String(text))
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
