import Glibc

/// Ports of this machine's loopback.
package enum LoopbackPort {
    /// - Parameter host: an IPv4 address.
    static func address(_ port: UInt16, of host: String = "127.0.0.1") -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        return address
    }

    /// A port that was free just now. Somebody else may take it before the caller does: try again with another then.
    package static func free() throws -> UInt16 { try free(kind: Int32(SOCK_STREAM.rawValue)) }

    /// A port that was free just now for TCP and UDP.
    package static func freeForBoth() throws -> UInt16 {
        for _ in 0..<triesMax {
            let port = try free(kind: Int32(SOCK_DGRAM.rawValue))
            if (try? free(kind: Int32(SOCK_STREAM.rawValue), wanted: port)) != nil { return port }
        }
        throw HarnessError("no port is free for both TCP and UDP")
    }

    private static let triesMax = 100

    private static func free(kind: Int32, wanted: UInt16 = 0) throws -> UInt16 {
        let descriptor = socket(AF_INET, kind | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw HarnessError(call: "socket") }
        defer { close(descriptor) }
        var address = address(wanted)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1
            }
        }
        guard result == 0 else { throw HarnessError(call: "bind to a free port") }
        return UInt16(bigEndian: address.sin_port)
    }
}
