import HTTPAPI
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Testing

/// What pages of other origins may do: nothing, unless they are allowed.
@Suite struct OriginTests {
    private static let site = HTTPField.Name("Sec-Fetch-Site") ?? .cookie
    private static let approve = "/prune/approve"

    private func ask(
        _ method: HTTPRequest.Method, _ target: String, _ headers: HTTPFields, allowing origins: [String] = [],
        closed: Bool = false
    ) async throws -> TestResponse {
        let api = try makeAPI(FakeNode()) {
            $0.origins = origins
            $0.refusesForeignHosts = closed
        }
        return try await api.makeApplication().test(.router) { client in
            try await client.execute(uri: target, method: method, headers: headers)
        }
    }

    /// On an open node, too: a page that a browser of the same machine shows must not approve, delete, or train.
    @Test(
        arguments: [
            ([site: "cross-site"], true), ([site: "same-site"], true), ([site: "same-origin"], false),
            ([site: "none"], false),
            ([.origin: "https://evil.example"], true), ([.origin: "null"], true),
            ([.origin: "http://localhost"], false),
            ([site: "same-origin", .origin: "https://behind.a.proxy"], false), ([:], false),
        ] as [(HTTPFields, Bool)])
    func whatChangesSomethingIsNotTakenFromOtherOrigins(_ headers: HTTPFields, isForged: Bool) async throws {
        let response = try await ask(.post, Self.approve, headers)
        #expect((response.status == .forbidden) == isForged, "\(response.status)")
        if isForged { try expectProblem(response, .forbidden) }
        #expect(try await ask(.get, "/latest", headers).status == .ok)
    }

    @Test func nobodyIsAllowedUnlessSaid() async throws {
        let response = try await ask(.get, "/latest", [.origin: "https://a.example"])
        #expect(response.headers[.accessControlAllowOrigin] == nil)
        let preflight: HTTPFields = [.origin: "https://a.example", .accessControlRequestMethod: "DELETE"]
        let asked = try await ask(.options, "/devices/d", preflight)
        #expect(asked.headers[.accessControlAllowMethods] == nil)
    }

    @Test func anAllowedOriginMayAskAndIsTold() async throws {
        let allowed = ["https://a.example", "http://b.example:8443"]
        for origin in allowed + ["HTTPS://A.EXAMPLE"] {
            let response = try await ask(.get, "/latest", [.origin: origin], allowing: allowed)
            #expect(response.headers[.accessControlAllowOrigin] == origin)
            #expect(response.headers[.accessControlAllowCredentials] == nil)
            #expect(response.headers[.vary]?.contains("Origin") == true)
            let preflight: HTTPFields = [.origin: origin, .accessControlRequestMethod: "DELETE"]
            let asked = try await ask(.options, "/devices/d", preflight, allowing: allowed)
            #expect(asked.status == .noContent && asked.headers[.accessControlAllowOrigin] == origin)
            #expect(asked.headers[.accessControlAllowHeaders]?.contains("authorization") == true)
            #expect(try await ask(.post, Self.approve, [.origin: origin], allowing: allowed).status != .forbidden)
        }
        for origin in [
            "https://a.example.evil", "https://a.example:444", "http://a.example", "null", "https://b.example",
        ] {
            let response = try await ask(.get, "/latest", [.origin: origin], allowing: allowed)
            #expect(response.headers[.accessControlAllowOrigin] == nil, "\(origin)")
            #expect(response.headers[.vary]?.contains("Origin") == true, "caches must know that others differ")
        }
        let anybody = try await ask(.get, "/latest", [.origin: "https://c.example"], allowing: ["*"])
        #expect(anybody.headers[.accessControlAllowOrigin] == "*")
    }

    /// A browser asks before it knows a key.
    @Test func thePreflightNeedsNoKeyAndTheRequestDoes() async throws {
        let preflight: HTTPFields = [.origin: "https://a.example", .accessControlRequestMethod: "GET"]
        func allow(_ settings: inout HTTPSettings) { settings.origins = ["https://a.example"] }
        #expect(try await AccessTests.ask(.options, "/latest", preflight, settings: allow).status == .noContent)
        let refused = try await AccessTests.ask(.get, "/latest", [.origin: "https://a.example"], settings: allow)
        #expect(refused.status == .unauthorized)
        #expect(refused.headers[.accessControlAllowOrigin] == "https://a.example", "the page may read the reason")
    }

    /// An allowed origin of the same site has the browser send the cookie: it is no permission.
    @Test func aCookieCountsOnThisOriginAlone() async throws {
        func allow(_ settings: inout HTTPSettings) { settings.origins = ["*"] }
        let form: HTTPFields = [.contentType: "application/x-www-form-urlencoded"]
        let signedIn = try await AccessTests.ask(.post, "/session", form, body: "key=boss")
        let cookie = try #require(signedIn.headers[.setCookie]?.prefix { $0 != ";" })
        let headers: HTTPFields = [.cookie: String(cookie), .origin: "https://sub.example", Self.site: "same-site"]
        #expect(try await AccessTests.ask(.post, Self.approve, headers, settings: allow).status == .forbidden)
        let own: HTTPFields = [.cookie: String(cookie), .origin: "http://localhost", Self.site: "same-origin"]
        #expect(try await AccessTests.ask(.post, Self.approve, own, settings: allow).status != .forbidden)
    }

    @Test(arguments: [
        ("localhost:8080", false), ("127.0.0.1:8080", false), ("[::1]:8080", false), ("10.0.0.7", false),
        ("nodes", false),
        ("starling.local", false), ("farm.lan:80", false), ("a.localhost", false), ("rebound.evil.example.com", true),
        ("127.0.0.1.evil.net:8080", true), ("EVIL.NET", true), ("x.8.b.d.0.1.0.0.2.ip6.arpa", true),
        ("flock.home.arpa", false),
    ]) func aNodeOfThisMachineIsNoOtherSite(_ host: String, isForeign: Bool) async throws {
        let api = try makeAPI(FakeNode()) { $0.refusesForeignHosts = true }
        let answer = try await withServer(api) { port, _ in
            try await onOwnThread {
                let connection = try RawConnection(port: port)
                try connection.send("GET /latest HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n")
                return try connection.readToEnd()
            }
        }
        #expect(answer.hasPrefix(isForeign ? "HTTP/1.1 403" : "HTTP/1.1 200"), "\(answer.prefix(80))")
    }
}
