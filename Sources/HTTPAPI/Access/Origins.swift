import HTTPTypes

/// What pages of other origins may do (WHATWG Fetch): nothing, unless `--cors` names them.
struct Origins: Sendable {
    /// As browsers send them; `*` stands for all.
    let allowed: Set<String>

    private let refusesForeignHosts: Bool

    init(_ allowed: [String], refusesForeignHosts: Bool = false) {
        self.allowed = Set(allowed.map { $0.lowercased() })
        self.refusesForeignHosts = refusesForeignHosts
    }

    /// Last labels that nobody can register (RFC 6761, 6762 and ICANN's `internal`), or that proxies make up. Of `arpa` only
    /// `home.arpa` is nobody's (RFC 8375): others are delegated.
    private static let ownLabels: Set<Substring> = [
        "localhost", "local", "localdomain", "lan", "home", "internal", "intranet", "test", "example", "invalid",
    ]

    /// A name that somebody elsewhere may have pointed to this node, where that matters.
    func isForeign(host authority: String?) -> Bool {
        guard refusesForeignHosts, let authority, !authority.hasPrefix("[") else { return false }
        let name = authority.lowercased().prefix { $0 != ":" }
        let labels = name.split(separator: ".")
        // One label alone is a name of this machine or network; addresses end in a number.
        guard labels.count > 1, let last = labels.last, last.contains(where: \.isLetter) else { return false }
        return !Self.ownLabels.contains(last) && !labels.suffix(2).elementsEqual(["home", "arpa"])
    }

    private static let preflightSeconds = 600
    private static let methods = "GET, HEAD, POST, PUT, DELETE"
    private static let requestHeaders = "authorization, content-type, content-encoding, last-event-id, x-request-id"
    private static let exposedHeaders = "etag, retry-after, x-request-id, x-starling-partial"

    /// The origin of the page that asks, if it is allowed.
    private func origin(of headers: HTTPFields) -> String? {
        guard !allowed.isEmpty, let origin = headers[.origin] else { return nil }
        return allowed.contains("*") || allowed.contains(origin.lowercased()) ? origin : nil
    }

    /// The answer to a browser that asks whether it may send a request, which carries no key.
    func preflight(_ method: HTTPRequest.Method, _ headers: HTTPFields) -> Answer? {
        guard method == .options, headers[.accessControlRequestMethod] != nil, origin(of: headers) != nil else {
            return nil
        }
        return Answer(
            .noContent,
            headers: [
                .accessControlAllowMethods: Self.methods, .accessControlAllowHeaders: Self.requestHeaders,
                .accessControlMaxAge: String(Self.preflightSeconds),
            ])
    }

    /// Without `Access-Control-Allow-Credentials`: a page of another origin brings a key itself.
    func mark(_ answer: inout Answer, to headers: HTTPFields) {
        guard !allowed.isEmpty else { return }
        answer.headers.append(HTTPField(name: .vary, value: "Origin"))
        guard let origin = origin(of: headers) else { return }
        answer.headers[.accessControlAllowOrigin] = allowed.contains("*") ? "*" : origin
        answer.headers[.accessControlExposeHeaders] = Self.exposedHeaders
    }

    /// A page of another site lets a browser change something here, with the browser's cookie or, on an open node, just
    /// because it can. Decided as Go's `CrossOriginProtection` does: what a browser says itself comes first.
    ///
    /// - Parameter isPage: the browser showed its cookie. Then `--cors` counts for nothing: a page of another port or
    ///   sub-domain is of the same *site*, which `SameSite` lets pass.
    func isForged(_ method: HTTPRequest.Method, _ headers: HTTPFields, isPage: Bool, authority: String?) -> Bool {
        switch method {
        case .get, .head, .options: return false
        default: break
        }
        if !isPage, origin(of: headers) != nil { return false }
        switch headers[.secFetchSite] {
        case "same-origin", "none": return false
        case .some: return true
        case nil: break
        }
        guard let origin = headers[.origin] else { return false }
        guard let start = origin.firstRange(of: "://")?.upperBound else { return true }
        return origin[start...].lowercased() != authority?.lowercased()
    }
}

extension Problem {
    static let foreignHost = Problem(
        kind: .forbidden,
        detail:
            "this node asks nobody for a key and is meant for this machine alone: call it by 127.0.0.1 or localhost, "
            + "give it --api-keys, or say --insecure-open")
    static let crossOrigin = Problem(
        kind: .forbidden,
        detail: "a page of another origin asks for this: allow it with --cors, and let a proxy pass on Host as it came")
}
