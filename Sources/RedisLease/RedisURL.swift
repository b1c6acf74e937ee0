import Glibc

/// Why a `redis://…` address cannot be used, for the person who wrote it. Never holds the password.
package struct RedisURLError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
}

/// Where the server is and who we are to it: `redis://user:password@host:port/database`, or with TLS
/// `rediss://user:password@host:port/database?sslrootcert=/path/ca.pem`.
///
/// User, password and database may be left out, `redis://:password@host` is the server's default user; `%` and two
/// digits stand for a byte. `rediss://` always checks that the certificate is the host's; `sslrootcert`, called so
/// because addresses of PostgreSQL have it too, names the CAs it may come from, in place of the system's. What
/// describes or mirrors an address leaves the password out.
package struct RedisURL: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private static let form = "write it as redis://user:password@host:6379/0, or with TLS as \(rootsForm)"
    static let rootsForm = "rediss://user:password@host:6380/0?sslrootcert=/path/ca.pem"

    /// Whether TLS is spoken.
    package let isEncrypted: Bool
    /// The file with the CAs that the server's certificate may come from; nil = those of the system.
    package let rootsPath: String?
    package let host: String
    package let port: UInt16
    package let database: Int
    package let user: String?
    let password: String?

    package init(_ text: String) throws(RedisURLError) {
        func fail(_ why: String) -> RedisURLError { RedisURLError(description: "\(why); \(Self.form)") }
        guard text.utf8.count <= RedisLimits.textBytesMax, !text.utf8.contains(0),
            let scheme = ["redis://", "rediss://"].first(where: { text.hasPrefix($0) })
        else { throw fail("this is no Redis address") }
        isEncrypted = scheme == "rediss://"
        let whole = text.dropFirst(scheme.count)
        let mark = whole.firstIndex(of: "?") ?? whole.endIndex
        let rest = whole[..<mark]
        guard !whole.contains("#") else { throw fail("a # in user or password is written %23") }
        rootsPath =
            mark == whole.endIndex
            ? nil : try Self.rootsPath(whole[mark...].dropFirst(), isEncrypted: isEncrypted, fail)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let authority = rest[..<slash]
        let at = authority.lastIndex(of: "@")
        let place = authority[(at.map { authority.index(after: $0) } ?? authority.startIndex)...]
        (host, port) = try Self.place(place, fail)
        database = try Self.database(rest[slash...].dropFirst(), fail)
        guard let at else {
            user = nil
            password = nil
            return
        }
        let parts = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = Self.decoded(parts[0]), let secret = Self.decoded(parts.count > 1 ? parts[1] : "") else {
            throw fail("a % must be followed by two hexadecimal digits, not 00 (a % itself is %25)")
        }
        guard !secret.isEmpty else { throw fail("a user needs a password") }
        user = name.isEmpty ? nil : name
        password = secret
    }

    private static func place(
        _ text: Substring, _ fail: (String) -> RedisURLError
    ) throws(RedisURLError) -> (String, UInt16) {
        var host = text
        var port: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { throw fail("an IPv6 address ends with ]") }
            host = text[text.index(after: text.startIndex)..<end]
            let after = text[text.index(after: end)...]
            guard after.isEmpty || after.hasPrefix(":") else { throw fail("after ] stands a port") }
            if !after.isEmpty { port = after.dropFirst() }
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        guard !host.isEmpty, !host.utf8.contains(0) else { throw fail("it names no host") }
        guard let port else { return (String(host), RedisLimits.defaultPort) }
        guard let number = UInt16(port), number > 0 else {
            throw fail("a port is a number from 1 to 65535 (an IPv6 address stands in [ ])")
        }
        return (String(host), number)
    }

    /// - Parameter query: what follows the question mark. It is not shown: it may be the rest of a password.
    private static func rootsPath(
        _ query: Substring, isEncrypted: Bool, _ fail: (String) -> RedisURLError
    ) throws(RedisURLError) -> String {
        let name = "sslrootcert="
        guard isEncrypted else {
            throw fail("redis:// has no parameters (a ? in user or password is written %3F)")
        }
        guard query.hasPrefix(name), !query.contains("&") else {
            throw fail(
                "the one parameter that there is, once, is \(name); the certificate is always checked (a ? in "
                    + "user or password is written %3F, a & in a path %26)")
        }
        guard let path = decoded(query.dropFirst(name.count)), !path.isEmpty else {
            throw fail("sslrootcert is the path of a file (a % in it is written %25)")
        }
        return path
    }

    private static func database(
        _ text: Substring, _ fail: (String) -> RedisURLError
    ) throws(RedisURLError) -> Int {
        guard !text.isEmpty else { return 0 }
        guard let number = Int(text), (0...RedisLimits.databaseMax).contains(number) else {
            throw fail("a database is a number (a / in user or password is written %2F)")
        }
        return number
    }

    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16),
                value != 0
            else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// Whether the host is an IP address, which a certificate names in a way of its own.
    var isNumeric: Bool {
        var address = in6_addr()
        let withoutZone = String(host.prefix { $0 != "%" })
        return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, withoutZone, &address) == 1
    }

    package var description: String {
        let place = host.contains(":") ? "[\(host)]" : host
        return "\(isEncrypted ? "rediss" : "redis")://\(user.map { $0 + "@" } ?? "")\(place):\(port)/\(database)"
    }

    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["address": description]) }
}
