/// Where readings are kept.
package enum StoreAddress: Hashable, Sendable, CustomStringConvertible {
    /// A file of the embedded store.
    case sqlite(path: String)
    /// A `postgres://` address, which may hold a password.
    case postgres(Secret)

    package static func parse(_ text: String) throws(ValueError) -> StoreAddress {
        if let path = text.path(after: "sqlite:") { return .sqlite(path: path) }
        if text.isAddress(of: ["postgres", "postgresql"]) { return .postgres(Secret(text)) }
        throw ValueError(expected: "sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE")
    }

    package var description: String {
        switch self {
        case .sqlite(let path): "sqlite:\(path)"
        case .postgres: "postgres://***"
        }
    }
}

/// Who holds the pruner's lease.
package enum LeaseAddress: Hashable, Sendable, CustomStringConvertible {
    /// A locked file, for the nodes of one machine.
    case file(path: String)
    /// A `redis://`, or with TLS `rediss://`, address, which may hold a password.
    case redis(Secret)

    package static func parse(_ text: String) throws(ValueError) -> LeaseAddress {
        if let path = text.path(after: "file:") { return .file(path: path) }
        if text.isAddress(of: ["redis", "rediss"]) { return .redis(Secret(text)) }
        throw ValueError(expected: "file:PATH, redis://HOST:PORT or rediss://HOST:PORT")
    }

    package var description: String {
        switch self {
        case .file(let path): "file:\(path)"
        // Whether TLS is spoken is no secret.
        case .redis(let url): url.revealed.hasPrefix("rediss:") ? "rediss://***" : "redis://***"
        }
    }
}

extension String {
    /// The path of `sqlite:x.db`, `sqlite:/x.db`, and of the URL form `sqlite:///x.db`.
    fileprivate func path(after scheme: String) -> String? {
        guard hasPrefix(scheme) else { return nil }
        var path = String(dropFirst(scheme.count))
        if path.hasPrefix("///") { path = String(path.dropFirst(2)) }
        guard !path.isEmpty, !path.hasPrefix("//"), !path.hasSuffix("/") else { return nil }
        return path
    }

    fileprivate func isAddress(of schemes: [String]) -> Bool {
        schemes.contains { hasPrefix($0 + "://") && utf8.count > $0.utf8.count + 3 }
    }
}
