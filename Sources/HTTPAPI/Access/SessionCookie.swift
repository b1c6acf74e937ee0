import Access
import HTTPTypes

/// The cookie in which a browser keeps the key that somebody signed in with.
///
/// It holds the key itself, so that every node of the flock knows it without asking another: no script reads it
/// (`HttpOnly`), no other site makes the browser send it (`SameSite=Strict`), and under TLS it never leaves in clear text.
enum SessionCookie {
    private static let name = "starling_key"
    /// Under TLS: a browser takes it from this host alone, and only with `Secure` (RFC 6265bis, 4.1.3.2).
    private static let secureName = "__Host-starling_key"
    /// A screen on a wall is signed in once a season.
    private static let secondsMax = 90 * 86_400

    /// - Parameter isSecure: under TLS, where a cookie that somebody planted without it counts for nothing.
    static func key(in cookies: [String], isSecure: Bool) -> String? {
        let start = (isSecure ? secureName : name) + "="
        for header in cookies {
            for pair in header.split(separator: ";") {
                let pair = pair.drop { $0 == " " }
                if pair.hasPrefix(start), let key = decoded(pair.dropFirst(start.count)) { return key }
            }
        }
        return nil
    }

    static func setting(_ key: String, isSecure: Bool) -> String {
        // A key may hold what a cookie may not: it travels as hexadecimal digits.
        attributes(HexText.text(of: key.utf8), isSecure, seconds: secondsMax)
    }

    static func removing(isSecure: Bool) -> String { attributes("", isSecure, seconds: 0) }

    private static func attributes(_ value: String, _ isSecure: Bool, seconds: Int) -> String {
        "\(isSecure ? secureName : name)=\(value); Path=/; HttpOnly; SameSite=Strict; Max-Age=\(seconds)"
            + (isSecure ? "; Secure" : "")
    }

    private static func decoded(_ text: Substring) -> String? {
        guard (2...KeyEntry.keyBytesMax * 2).contains(text.utf8.count), let bytes = HexText.bytes(of: text) else {
            return nil
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
