import Crypto
import Foundation

/// How a receiver knows that it was us, and that nobody plays an old message again.
enum Signature {
    /// `sha256=` and the HMAC-SHA256 over the timestamp's digits, a dot, and the body, in hexadecimal.
    static func header(secret: String, timestamp: Int64, body: [UInt8]) -> String {
        var code = HMAC<SHA256>(key: SymmetricKey(data: Data(secret.utf8)))
        code.update(data: Data("\(timestamp).".utf8))
        code.update(data: body)
        return "sha256="
            + code.finalize().map { byte in String(byte >> 4, radix: 16) + String(byte & 15, radix: 16) }.joined()
    }
}
