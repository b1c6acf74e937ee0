#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// `host:port`; an IPv6 address stands in brackets: `[::1]:8080`.
package struct HostPort: Hashable, Sendable, CustomStringConvertible {
    /// Without brackets.
    package let host: String
    /// 0 lets the system choose.
    package let port: Int

    package static let hostBytesMax = 253

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    package static func parse(_ text: String) throws(ValueError) -> HostPort {
        let mistake = ValueError(expected: "host:port such as 127.0.0.1:8080 or [::1]:8080, port 0 to 65535")
        guard let colon = text.lastIndex(of: ":") else { throw mistake }
        var host = String(text[..<colon])
        let digits = text[text.index(after: colon)...]
        guard
            (1...5).contains(digits.count), digits.allSatisfy({ ("0"..."9").contains($0) }), let port = Int(digits),
            port <= 65535
        else { throw mistake }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
            guard bytes(ofIPv6: host) != nil else { throw mistake }
        } else if !isName(host) {
            throw mistake
        }
        return HostPort(host: host, port: port)
    }

    /// A comma list of at least one.
    package static func parseList(_ text: String) throws(ValueError) -> [HostPort] {
        var list: [HostPort] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let trimmed = part.drop { $0 == " " }
            list.append(try parse(String(trimmed)))
        }
        return list
    }

    /// Only this machine can reach it. Of names, `localhost` alone counts: any other may resolve to anything.
    package var isLoopback: Bool {
        if host.lowercased() == "localhost" { return true }
        if let address = Self.bytes(ofIPv4: host) { return address[0] == 127 }
        guard let address = Self.bytes(ofIPv6: host) else { return false }
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
        if address.starts(with: mapped) { return address[12] == 127 }
        return address.dropLast().allSatisfy { $0 == 0 } && address.last == 1
    }

    /// Every address of this machine: fine to listen on, no place to be found at.
    package var isWildcard: Bool {
        (Self.bytes(ofIPv4: host) ?? Self.bytes(ofIPv6: host))?.allSatisfy { $0 == 0 } ?? false
    }

    /// One machine's own address in a network: neither loopback nor of the link alone (which every link has again), nor one
    /// of many machines.
    var leadsOut: Bool {
        guard !isLoopback, !isWildcard else { return false }
        if let address = Self.bytes(ofIPv4: host) {
            let isOfLink = address[0] == 169 && address[1] == 254
            return address[0] != 0 && address[0] < 224 && !isOfLink
        }
        guard let address = Self.bytes(ofIPv6: host) else { return false }
        let isOfLink = address[0] == 0xFE && address[1] & 0xC0 == 0x80
        return address[0] != 0xFF && address[0] != 0 && !isOfLink
    }

    /// An IP address, nothing to look up.
    package var isNumeric: Bool { Self.bytes(ofIPv4: host) != nil || Self.bytes(ofIPv6: host) != nil }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    private static func isName(_ host: String) -> Bool {
        (1...hostBytesMax).contains(host.utf8.count)
            && host.utf8.allSatisfy { byte in
                (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte)
                    || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            }
    }

    private static func bytes(ofIPv4 text: String) -> [UInt8]? {
        var address = [UInt8](repeating: 0, count: 4)
        return inet_pton(AF_INET, text, &address) == 1 ? address : nil
    }

    private static func bytes(ofIPv6 text: String) -> [UInt8]? {
        var address = [UInt8](repeating: 0, count: 16)
        return inet_pton(AF_INET6, text, &address) == 1 ? address : nil
    }
}
