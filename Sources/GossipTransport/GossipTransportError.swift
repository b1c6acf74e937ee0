#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Why the gossip's socket cannot be used.
package struct GossipTransportError: Error, Hashable, Sendable, CustomStringConvertible {
    package let doing: String
    /// Of the system, 0 if it is none of its.
    package let code: CInt
    package let message: String

    init(doing: String, code: CInt, _ message: String) {
        self.doing = doing
        self.code = code
        self.message = message
    }

    static func ofSystem(doing: String) -> GossipTransportError {
        let code = errno
        return GossipTransportError(doing: doing, code: code, message(of: code))
    }

    static func message(of code: CInt) -> String { String(cString: strerror(code)) }

    package var description: String {
        let advice =
            switch code {
            case EADDRINUSE: "; another process has the port: choose another with --gossip"
            case EADDRNOTAVAIL: "; this machine has no such address: name one of its own with --gossip"
            case EACCES: "; ports below 1024 need rights: choose another with --gossip"
            default: ""
            }
        return "cannot \(doing): \(message)\(advice)"
    }
}
