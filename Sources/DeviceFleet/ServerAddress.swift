import Foundation

/// Where readings are posted to.
package struct ServerAddress: Hashable, Sendable, CustomStringConvertible {
    /// `http://127.0.0.1:8080`, without a slash at its end.
    package let base: String

    /// Takes `http://host:port`, the same with a path in front of `/data`, or with `/data` itself (the first prototype's
    /// devices had it so), or a bare `host:port`.
    /// - Returns: nil for anything that is no http or https address.
    package init?(_ text: String) {
        var text = text.trimmingSpaces()
        if !text.contains("://") { text = "http://" + text }
        while text.hasSuffix("/") { text.removeLast() }
        if text.hasSuffix("/data") { text.removeLast("/data".count) }
        guard
            let url = URLComponents(string: text), let scheme = url.scheme?.lowercased(),
            scheme == "http" || scheme == "https", let host = url.host, !host.isEmpty,
            url.query == nil, url.fragment == nil, (1...65535).contains(url.port ?? 80)
        else { return nil }
        base = text
    }

    /// A comma list; spaces around the commas are allowed.
    /// - Returns: nil if any part is no address, or there is none.
    package static func list(_ text: String) -> [ServerAddress]? {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let servers = parts.compactMap { ServerAddress(String($0)) }
        return servers.count == parts.count ? servers : nil
    }

    package var data: String { base + "/data" }
    package var description: String { base }
}
