import NIOCore
import NIOSSL

/// What a failure of TLS means to the person who runs the node, and what to do about it.
enum TunnelAdvice {
    static func text(on error: any Error, _ address: RedisURL) -> String {
        let told = "\(error)"
        if let error = error as? NIOSSLExtraError {
            if error == .failedToValidateHostname || error == .serverHostnameImpossibleToMatch {
                return "the server's certificate is not for \(address.host); write a host that it names, or give the "
                    + "server one for \(address.host)"
            }
            return "\(address.host) cannot be the name of a TLS server (\(shown(told))); write its name or IP address"
        }
        if let known = known(address).first(where: { told.contains($0.part) }) { return known.advice }
        guard let error = error as? NIOSSLError, case .handshakeFailed = error else {
            return "the connection broke (\(shown(told))); see whether the server runs and can be reached from here"
        }
        return "no TLS with the server (\(shown(told))); see its log"
    }

    private static func shown(_ text: String) -> String {
        String(decoding: text.utf8.prefix(RedisLimits.shownBytesMax), as: UTF8.self)
    }

    /// By what is in the text: BoringSSL's errors have numbers that NIOSSL keeps to itself.
    private static func known(_ address: RedisURL) -> [(part: String, advice: String)] {
        let roots = address.rootsPath.map { "the CAs in \($0)" } ?? "the CAs of this system"
        return [
            (
                "CERTIFICATE_VERIFY_FAILED",
                "the server's certificate is not trusted: it comes from none of \(roots), or its time is over; name "
                    + "the CA that it comes from: \(RedisURL.rootsForm)"
            ),
            (
                "ALERT_CERTIFICATE_REQUIRED",
                "the server wants a certificate of its clients, and this program has none; set tls-auth-clients no in "
                    + "its redis.conf"
            ),
            (
                "ALERT_HANDSHAKE_FAILURE",
                "the server refused TLS: it may want a certificate of its clients, which this program has not "
                    + "(redis.conf: tls-auth-clients no), or have no cipher of TLS 1.2 or 1.3; see its log"
            ),
            (
                "PROTOCOL_VERSION",
                "the server speaks neither TLS 1.2 nor 1.3; write tls-protocols \"TLSv1.2 TLSv1.3\" into its redis.conf"
            ),
            (
                "WRONG_VERSION_NUMBER",
                "port \(address.port) does not speak TLS; write the server's port for TLS (redis.conf: tls-port), or "
                    + "redis:// where the way to it is private"
            ),
            (
                "EOF during handshake",
                "the connection ended before TLS had begun; see whether the server runs, and whether this is its port "
                    + "for TLS (redis.conf: tls-port)"
            ),
        ]
    }
}
