import Crypto
import Foundation
import NIOCore

/// The page that asks for a key.
struct SignInPage: Sendable {
    /// Allows the page's own style sheet by its digest, and nothing else.
    let contentSecurityPolicy: String
    private let before: String
    private let after: String

    /// Stands where the message goes.
    private static let messageMark = "__MESSAGE__"

    /// - Returns: nil if the text has no place for a message, or not one style sheet.
    init?(_ text: String) {
        guard let mark = text.firstRange(of: Self.messageMark), let start = text.firstRange(of: "<style>"),
            let end = text.firstRange(of: "</style>"), start.upperBound <= end.lowerBound
        else { return nil }
        before = String(text[..<mark.lowerBound])
        after = String(text[mark.upperBound...])
        let digest = Data(SHA256.hash(data: Data(text[start.upperBound..<end.lowerBound].utf8)))
        contentSecurityPolicy =
            "default-src 'none'; style-src 'sha256-\(digest.base64EncodedString())'; img-src data:; form-action 'self'; "
            + "base-uri 'none'; frame-ancestors 'none'"
    }

    /// - Parameter message: a text of ours, without markup.
    func page(saying message: String) -> ByteBuffer { ByteBuffer(string: before + message + after) }
}
