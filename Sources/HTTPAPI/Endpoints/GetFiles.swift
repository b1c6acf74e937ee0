import HTTPTypes
import NIOCore

/// The dashboard and the description of this API: files that were read at the start.
extension Handlers {
    /// Nothing but what this node serves runs or shows in the page; nobody puts the page in a frame.
    ///
    /// What the page needs is named one by one, so that a later change of one leaves the others as they are.
    static let contentSecurityPolicy =
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"

    func getDashboard(_ call: Call) throws(Problem) -> Answer {
        var answer = answer(with: files.index, to: call, cacheControl: "no-cache")
        answer.headers[.contentSecurityPolicy] = Self.contentSecurityPolicy
        answer.headers[.frameOptions] = "DENY"
        answer.headers[.referrerPolicy] = "no-referrer"
        return answer
    }

    func getOpenAPI(_ call: Call) throws(Problem) -> Answer {
        answer(with: files.openAPI, to: call, cacheControl: "no-cache")
    }

    /// `/assets/{version}/{file}`. A page of another version of the node still gets the file, only not for ever.
    ///
    /// The file may lie in a folder. It is one of those that were read at the start or none: the path, dots and escapes
    /// included, is looked up and never walked.
    func getAsset(_ call: Call) throws(Problem) -> Answer {
        let parts = call.parameter.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let file = files.assets[String(parts[1])] else {
            throw .notFound("the dashboard has no such file")
        }
        let isCurrent = parts[0] == files.version
        return answer(
            with: file, to: call, cacheControl: isCurrent ? "public, max-age=31536000, immutable" : "no-cache")
    }

    private func answer(with file: DashboardFiles.File, to call: Call, cacheControl: String) -> Answer {
        var headers: HTTPFields = [
            .contentType: file.type, .eTag: file.tag, .cacheControl: cacheControl, .vary: "Accept-Encoding",
        ]
        if Self.matches(file.tag, call.headers[.ifNoneMatch]) {
            headers[.contentType] = nil
            return Answer(.notModified, headers: headers)
        }
        var answer = Answer(headers: headers, body: .buffer(file.plain))
        answer.isPackable = false
        if let packed = file.packed, MediaType.acceptsGzip(call.headers[.acceptEncoding]) {
            answer.headers[.contentEncoding] = "gzip"
            answer.body = .buffer(packed)
        }
        return answer
    }
}
