import Access
import AccessKeys
import HTTPTypes
import NIOCore

/// `/session`: signing in to the dashboard with a key, out again, and what the key at hand may do.
extension Handlers {
    private static let keyField = "key"

    func getSession(_ call: Call) -> Answer {
        var json = JSONWriter(capacity: 96)
        json.object { json in
            json.key("open")
            switch call.caller {
            case .anybody:
                json.value(true)
                json.key("scopes")
                json.array(Scope.allCases) { $0.value($1.rawValue) }
                json.key("signed_in")
                json.value(false)
            case .holder(let key, let isPage):
                json.value(false)
                json.key("scopes")
                json.array(Scope.allCases.filter(key.allows)) { $0.value($1.rawValue) }
                json.key("signed_in")
                json.value(isPage)
            }
        }
        return Answer(json: json, headers: [.cacheControl: "no-store"])
    }

    /// The form of the sign-in page: the key comes in the body, never in an address.
    func postSession(_ call: Call) async throws -> Answer {
        let form = "application/x-www-form-urlencoded"
        guard let type = call.headers[.contentType], MediaType.isEssence(form, of: type) else {
            throw Problem(kind: .mediaType, detail: "send Content-Type: \(form) with a field named \(Self.keyField)")
        }
        let tooLarge = Problem(
            kind: .tooLarge, detail: "this body has at most \(HTTPLimits.sessionBodyBytesMax >> 10) KiB")
        let body = try await wholeBody(call, bytesMax: HTTPLimits.sessionBodyBytesMax, tooLarge: tooLarge)
        let fields = try? Query(Substring(String(buffer: body)))
        guard let keys = settings.keys else { return seeDashboard() }
        guard let shown = fields?.text(Self.keyField), let key = keys.find(shown) else {
            return signInPage(
                .unauthorized, "This key is not known here. Look at it again, or ask for a new one.", call)
        }
        guard key.allows(.read) else {
            return signInPage(.forbidden, "This key may not read. Sign in with one that may.", call)
        }
        var answer = seeDashboard()
        answer.headers[.setCookie] = SessionCookie.setting(shown, isSecure: gatekeeper.isSecure(call.headers))
        return answer
    }

    func deleteSession(_ call: Call) -> Answer {
        var answer = Answer(.noContent, headers: [.cacheControl: "no-store"])
        answer.headers[.setCookie] = SessionCookie.removing(isSecure: gatekeeper.isSecure(call.headers))
        return answer
    }

    private func seeDashboard() -> Answer {
        Answer(.seeOther, headers: [.location: "/", .cacheControl: "no-store"])
    }

    // MARK: The page

    /// Instead of a problem, for a person in front of a browser. It runs no script and asks for no other file, since
    /// every other file asks for a key.
    func signInPage(_ status: HTTPResponse.Status, _ message: String, _ call: Call) -> Answer {
        var answer = Answer(status, body: .buffer(files.signIn.page(saying: message)))
        answer.headers[.contentType] = MediaType.html
        answer.headers[.cacheControl] = "no-store"
        answer.headers[.contentSecurityPolicy] = files.signIn.contentSecurityPolicy
        answer.headers[.frameOptions] = "DENY"
        // With less the form's own request would come from the origin `null`.
        answer.headers[.referrerPolicy] = "same-origin"
        if status == .unauthorized { answer.headers[.wwwAuthenticate] = "Bearer realm=\"starling\"" }
        answer.isPackable = false
        return answer
    }

    static let signInMessage = "This flock asks for a key."
}
