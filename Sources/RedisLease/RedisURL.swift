/// Why a `redis://…` address cannot be used, for the person who wrote it. Never holds the password.
package struct RedisURLError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
}

/// Where the server is and who we are to it: `redis://user:password@host:port/database`.
///
/// User, password and database may be left out, `redis://:password@host` is the server's default user; `%` and two digits
/// stand for a byte. What describes or mirrors it leaves the password out.
package struct RedisURL: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private static let form = "write it as redis://user:password@host:6379/0"

    package let host: String
    package let port: UInt16
    package let database: Int
    package let user: String?
    let password: String?

    package init(_ text: String) throws(RedisURLError) {
        func fail(_ why: String) -> RedisURLError { RedisURLError(description: "\(why); \(Self.form)") }
        if text.hasPrefix("rediss://") {
            throw RedisURLError(
                description: "rediss:// is refused: this program's Redis library has no TLS. Write redis:// and keep "
                    + "the way to the server private: loopback, a private network, or a tunnel (stunnel) on this "
                    + "machine")
        }
        guard text.hasPrefix("redis://"), text.utf8.count <= RedisLimits.textBytesMax else {
            throw fail("this is no Redis address")
        }
        let rest = text.dropFirst("redis://".count)
        guard !rest.contains("?"), !rest.contains("#") else {
            throw fail("a Redis address has no parameters (a ? or # in user or password is written %3F or %23)")
        }
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

    package var description: String {
        let place = host.contains(":") ? "[\(host)]" : host
        return "redis://\(user.map { $0 + "@" } ?? "")\(place):\(port)/\(database)"
    }

    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["address": description]) }
}
