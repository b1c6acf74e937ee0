import Crypto
import Foundation
package import Ports

/// Where alerts are posted to. It may hold a password, or be a secret as a whole: it never prints more than its host.
package struct WebhookURL: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    /// Without user and password.
    let address: String
    /// The header that user and password make; nil without them.
    let authorization: String?
    package let target: AlertTarget

    /// - Returns: nil unless it is an http or https address with a host.
    package init?(_ text: String) {
        guard var url = URLComponents(string: text), let scheme = url.scheme?.lowercased(),
            scheme == "http" || scheme == "https", let host = url.host, !host.isEmpty,
            (1...65535).contains(url.port ?? 80)
        else { return nil }
        authorization = url.user.map { user in
            "Basic " + Data("\(user):\(url.password ?? "")".utf8).base64EncodedString()
        }
        url.user = nil
        url.password = nil
        url.fragment = nil
        url.scheme = scheme
        guard let address = url.string else { return nil }
        self.address = address
        let port = url.port.map { ":\($0)" } ?? ""
        // Of the whole address, so that two hooks of one host are two; one-way, since it is kept in the store.
        let digest = SHA256.hash(data: Data(text.utf8)).prefix(Self.idBytes)
        target = AlertTarget(
            id: digest.map { byte in String(byte >> 4, radix: 16) + String(byte & 15, radix: 16) }.joined(),
            label: "\(scheme)://\(host)\(port)")
    }

    private static let idBytes = 8

    package var description: String { target.label }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
