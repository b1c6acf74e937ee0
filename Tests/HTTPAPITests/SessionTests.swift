import Foundation
import HTTPAPI
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Testing

/// People sign in with a key; the browser keeps it where no script and no other site gets at it.
@Suite struct SessionTests {
    private static let form: HTTPFields = [.contentType: "application/x-www-form-urlencoded"]

    private func signIn(_ body: String, _ more: HTTPFields = [:]) async throws -> TestResponse {
        try await AccessTests.ask(.post, "/session", Self.form + more, body: body)
    }

    private func cookie(_ response: TestResponse) throws -> String {
        let header = try #require(response.headers[.setCookie])
        return String(header.prefix { $0 != ";" })
    }

    @Test func aBrowserIsAskedForAKeyByAPageWithoutScript() async throws {
        let response = try await AccessTests.ask(.get, "/", [.accept: "text/html,application/xhtml+xml,*/*;q=0.8"])
        #expect(response.status == .unauthorized)
        #expect(response.headers[.contentType] == "text/html; charset=utf-8")
        #expect(response.text.contains("<form method=\"post\" action=\"/session\">"))
        #expect(!response.text.contains("<script") && !response.text.contains("__"))
        let policy = try #require(response.headers[.contentSecurityPolicy])
        #expect(policy.contains("default-src 'none'") && policy.contains("'sha256-") && !policy.contains("unsafe"))
        // Others get a problem, also at the page's own address.
        try expectProblem(try await AccessTests.ask(.get, "/"), .unauthorized)
        try expectProblem(try await AccessTests.ask(.get, "/latest", [.accept: "text/html"]), .unauthorized)
    }

    @Test func whoSignsInReadsByCookie() async throws {
        let response = try await signIn("key=reader")
        #expect(response.status == .seeOther && response.headers[.location] == "/")
        let header = try #require(response.headers[.setCookie])
        for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] { #expect(header.contains(attribute)) }
        #expect(!header.contains("reader") && !header.contains("Secure"))
        let cookie = try cookie(response)
        let page = try await AccessTests.ask(.get, "/", [.cookie: "other=1; \(cookie)", .accept: "text/html"])
        #expect(page.status == .ok && page.text.contains("<main id=\"page\""))
        #expect(try await AccessTests.ask(.get, "/latest", [.cookie: cookie]).status == .ok)
        #expect(try await AccessTests.ask(.delete, "/devices/d", [.cookie: cookie]).status == .forbidden)
        let session = try await AccessTests.ask(.get, "/session", [.cookie: cookie]).object
        #expect(session["scopes"] as? [String] == ["read"] && session["signed_in"] as? Bool == true)
    }

    @Test(arguments: [
        ("key=wrong", 401), ("key=", 401), ("", 401), ("other=reader", 401), ("key=%zz", 401), ("key=sender", 403),
    ]) func whoMayNotStaysOutside(_ body: String, _ status: Int) async throws {
        let response = try await signIn(body)
        #expect(response.status.code == status)
        #expect(response.headers[.contentType] == "text/html; charset=utf-8" && response.headers[.setCookie] == nil)
        #expect(!response.text.contains("wrong") && !response.text.contains("sender"), "nothing is reflected")
    }

    @Test func formsAreReadAndNothingElse() async throws {
        try expectProblem(try await AccessTests.ask(.post, "/session", body: "key=reader"), .unsupportedMediaType)
        try expectProblem(try await signIn("key=" + String(repeating: "a", count: 5_000)), .contentTooLarge)
        #expect(try await AccessTests.ask(.get, "/session?key=reader").status == .unauthorized)
    }

    @Test func signingOutForgetsTheKey() async throws {
        let response = try await AccessTests.ask(.delete, "/session")
        #expect(response.status == .noContent)
        #expect(response.headers[.setCookie]?.contains("Max-Age=0") == true)
    }

    /// Behind a proxy that speaks TLS, a cookie that was planted without it counts for nothing.
    @Test func underTLSTheCookieIsOfThisHostAlone() async throws {
        let secure: HTTPFields = [HTTPField.Name("X-Forwarded-Proto") ?? .cookie: "https"]
        let response = try await signIn("key=reader", secure)
        let header = try #require(response.headers[.setCookie])
        #expect(header.hasPrefix("__Host-starling_key=") && header.hasSuffix("; Secure"))
        #expect(try await AccessTests.ask(.get, "/latest", secure + [.cookie: try cookie(response)]).status == .ok)
        let plain = try cookie(try await signIn("key=reader"))
        #expect(try await AccessTests.ask(.get, "/latest", secure + [.cookie: plain]).status == .unauthorized)
    }

    @Test(arguments: ["", "=", "starling_key", "starling_key=", "starling_key=zz", "starling_key=7", "starling_key=ff"])
    func otherCookiesAreNoKeys(_ cookie: String) async throws {
        #expect(try await AccessTests.ask(.get, "/latest", [.cookie: cookie]).status == .unauthorized)
    }
}

extension HTTPFields {
    static func + (lhs: HTTPFields, rhs: HTTPFields) -> HTTPFields {
        var all = lhs
        for field in rhs { all.append(field) }
        return all
    }
}
