import Access
import AccessKeys
import HTTPTypes

/// Decides who may ask what, before anything of a request but its head is looked at.
struct Gatekeeper: Sendable {
    /// Nil where nobody is asked for a key.
    let keys: KeyBook?
    /// This node itself speaks TLS.
    let isTLS: Bool

    /// - Parameter route: nil for a path that is none of ours: strangers learn nothing of paths either.
    /// - Throws: 401 without a key that is known, 403 with one that may not.
    func caller(
        _ method: HTTPRequest.Method, _ route: Route?, _ headers: HTTPFields
    ) throws(Problem) -> Caller {
        guard keys != nil else { return .anybody }
        let wanted: Scope?
        if let route {
            guard let scope = route.scope(for: method) else { return .anybody }
            // Which methods there are is told to whoever holds a key.
            wanted = route.methods.contains(method) ? scope : nil
        } else {
            wanted = nil
        }
        let caller = try holder(headers)
        if let wanted, !caller.allows(wanted) { throw .forbidden(wanted) }
        return caller
    }

    /// Whoever shows a key in these headers.
    func holder(_ headers: HTTPFields) throws(Problem) -> Caller {
        guard let keys else { return .anybody }
        if let header = headers[.authorization] {
            return .holder(try Self.key(of: keys, shownIn: header), isPage: false)
        }
        guard let shown = SessionCookie.key(in: headers[values: .cookie], isSecure: isSecure(headers)) else {
            throw .noKey
        }
        guard let key = keys.find(shown) else { throw .unknownKey }
        return .holder(key, isPage: true)
    }

    /// A proxy that ends TLS says so; a client that lies about it changes nothing but which of its own cookies counts.
    func isSecure(_ headers: HTTPFields) -> Bool {
        // Of several proxies the first one speaks to the browser.
        isTLS || headers[.forwardedProto]?.prefix { $0 != "," && $0 != " " }.lowercased() == "https"
    }

    func isStillKnown(_ caller: Caller) -> Bool {
        guard case .holder(let key, _) = caller, let keys else { return true }
        return keys.holds(key)
    }

    /// The same for a small `POST /data`, from its one header.
    /// - Returns: nil if it is to be refused: `refusal`, or the ordinary way, says how.
    func sender(authorization: String?) -> Caller? {
        guard let keys else { return .anybody }
        guard let key = try? Self.key(of: keys, shownIn: authorization), key.allows(.ingest) else { return nil }
        return .holder(key, isPage: false)
    }

    /// What is told to a stranger without a cookie; nil for whoever shows a key that is known.
    func refusal(authorization: String?) -> Problem? {
        guard let keys else { return nil }
        do throws(Problem) {
            _ = try Self.key(of: keys, shownIn: authorization)
            return nil
        } catch {
            return error
        }
    }

    static func showsKey(_ authorization: String?) -> Bool { authorization.flatMap(bearer) != nil }

    private static func key(of keys: KeyBook, shownIn authorization: String?) throws(Problem) -> AccessKey {
        guard let authorization, let shown = bearer(authorization) else { throw .noKey }
        guard let key = keys.find(shown) else { throw .unknownKey }
        return key
    }

    /// RFC 6750, 2.1: `Bearer KEY`, the scheme in any letter case.
    private static func bearer(_ header: String) -> Substring? {
        let scheme = "bearer"
        guard header.utf8.count > scheme.utf8.count, header.prefix(scheme.count).lowercased() == scheme else {
            return nil
        }
        let rest = header.dropFirst(scheme.count)
        guard rest.first == " " else { return nil }
        let key = rest.drop { $0 == " " }
        return key.isEmpty ? nil : key
    }
}

extension Problem {
    static let noKey = Problem(
        kind: .unauthorized, detail: "this node asks for a key: send Authorization: Bearer KEY, or sign in at /",
        headers: [.wwwAuthenticate: "Bearer realm=\"starling\""])
    static let unknownKey = Problem(
        kind: .unauthorized, detail: "this key is not known here: ask for a new one, or sign in again at /",
        headers: [.wwwAuthenticate: "Bearer realm=\"starling\", error=\"invalid_token\""])

    static func forbidden(_ scope: Scope) -> Problem {
        Problem(
            kind: .forbidden, detail: "this needs a key with the scope \(scope.rawValue), and yours has it not",
            headers: [
                .wwwAuthenticate:
                    "Bearer realm=\"starling\", error=\"insufficient_scope\", scope=\"\(scope.rawValue)\""
            ])
    }
}
