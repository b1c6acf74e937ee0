import CLibPQ

/// Why a `postgres://…` address cannot be used, for the person who wrote it. Never holds the password.
package struct PostgresURLError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
}

/// Where the server is and who we are to it: `postgres://user:password@host:port/database?sslmode=verify-full`, in
/// all the forms that libpq knows (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING).
///
/// Its descriptions leave the password out, and `redact` takes it out of what libpq says.
package struct PostgresURL: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable
{
    private static let sslModes: Set = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
    private static let form = "write it as postgres://user:password@host:5432/database?sslmode=verify-full"

    /// What the address says, by libpq's keywords, decoded.
    let options: [String: String]
    /// The servers to try in turn.
    let addresses: [Address]
    private let secrets: Set<String>

    struct Address: Hashable, Sendable {
        /// A name, an IP address, or the folder of a socket; nil for libpq's default.
        let host: String?
        let port: String?
    }

    package init(_ text: String) throws(PostgresURLError) {
        let secrets = Self.secrets(in: text)
        func fail(_ why: String) -> PostgresURLError {
            PostgresURLError(description: "\(Self.without(secrets, Self.masked(text))): \(why); \(Self.form)")
        }
        guard text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") else {
            throw PostgresURLError(description: "this is no PostgreSQL address; \(Self.form)")
        }
        guard !text.utf8.contains(0), Self.isPercentEncoded(text) else {
            throw fail("a % must be followed by two hexadecimal digits, not 00 (a % itself is %25)")
        }
        let parsed = Self.parse(text)
        guard let options = parsed.options else {
            // What libpq says may quote any part of the address.
            throw fail(parsed.isUnknownParameter ? "it has a parameter that libpq does not know" : "it cannot be read")
        }
        if let mode = options["sslmode"], !Self.sslModes.contains(mode) {
            throw fail("sslmode is one of \(Self.sslModes.sorted().joined(separator: ", "))")
        }
        let hosts = (options["host"] ?? "").split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        let ports = (options["port"] ?? "").split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard !hosts.contains(where: { $0.contains("@") && !$0.hasPrefix("@") }) else {
            throw fail("an @ in user or password is written %40")
        }
        guard ports.allSatisfy({ $0.isEmpty || UInt16($0).map { $0 > 0 } == true }) else {
            throw fail("a port is a number from 1 to 65535 (a : or / in user or password is written %3A or %2F)")
        }
        guard ports.count == 1 || ports.count == hosts.count else {
            throw fail("it names \(ports.count) ports and \(hosts.count) hosts")
        }
        addresses = hosts.indices.map { index in
            let port = ports.count == 1 ? ports[0] : ports[index]
            return Address(host: hosts[index].isEmpty ? nil : hosts[index], port: port.isEmpty ? nil : port)
        }
        self.options = options
        self.secrets = secrets.union([options["password"], options["sslpassword"]].compactMap { $0 })
    }

    package var description: String {
        let user = options["user"].map { $0 + "@" } ?? ""
        let hosts = addresses.map { ($0.host ?? "") + ($0.port.map { ":" + $0 } ?? "") }.joined(separator: ",")
        return "postgres://\(user)\(hosts)/\(options["dbname"] ?? "")"
    }

    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["address": description]) }

    /// `message` without the password, however it was spelt.
    package func redact(_ message: String) -> String { Self.without(secrets, message) }

    // MARK: Secrets

    private static let mask = "***"

    /// Every spelling of the password in an address, even in one that is wrong.
    private static func secrets(in text: String) -> Set<String> {
        guard let start = text.firstRange(of: "://")?.upperBound else { return [] }
        var secrets: Set<String> = []
        // An @ or / in a password that was not encoded: everything up to the last @ may belong to it.
        if let at = text[start...].lastIndex(of: "@"), let colon = text[start..<at].firstIndex(of: ":") {
            secrets.insert(String(text[text.index(after: colon)..<at]))
        }
        for key in ["password=", "sslpassword="] {
            for range in text.ranges(of: key) {
                secrets.insert(String(text[range.upperBound...].prefix { $0 != "&" }))
            }
        }
        secrets.remove("")
        return secrets
    }

    /// The address with everything that may be a password masked, for messages about addresses that cannot be read.
    private static func masked(_ text: String) -> String {
        guard let start = text.firstRange(of: "://")?.upperBound else { return mask }
        // A query may hold a password, and an @ or a ? in it anything before and behind.
        guard let at = text.lastIndex(of: "@"), let query = text.firstIndex(of: "?"), query < at else {
            return shown(text, from: start)
        }
        return text[..<start] + mask
    }

    private static func shown(_ text: String, from start: String.Index) -> String {
        var rest = text[start...]
        var user = ""
        if let at = rest.lastIndex(of: "@") {
            user = rest[..<at].split(separator: ":", maxSplits: 1).count > 1 ? mask + "@" : rest[..<at] + "@"
            rest = rest[rest.index(after: at)...]
        }
        let query = rest.firstIndex(of: "?").map { _ in "?…" } ?? ""
        return text[..<start] + user + rest.prefix { $0 != "?" } + query
    }

    private static func without(_ secrets: Set<String>, _ message: String) -> String {
        secrets.sorted { $0.utf8.count > $1.utf8.count }.reduce(message) { $0.replacing($1, with: mask) }
    }

    // MARK: Reading

    private static func isPercentEncoded(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.indices.allSatisfy { index in
            guard bytes[index] == UInt8(ascii: "%") else { return true }
            let digits = bytes[(index + 1)...].prefix(2)
            let isHex = digits.count == 2 && digits.allSatisfy { Character(UnicodeScalar($0)).isHexDigit }
            return isHex && !digits.elementsEqual("00".utf8)
        }
    }

    private static func parse(_ text: String) -> (options: [String: String]?, isUnknownParameter: Bool) {
        var message: UnsafeMutablePointer<CChar>?
        defer { if let message { PQfreemem(message) } }
        guard let parsed = PQconninfoParse(text, &message) else {
            let isUnknown = message.map { String(cString: $0).contains("query parameter") } ?? false
            return (nil, isUnknown)
        }
        defer { PQconninfoFree(parsed) }
        var options: [String: String] = [:]
        var option = parsed
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { options[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        return (options, false)
    }
}
