import Foundation
import Testing

/// A listening socket on a free port of loopback, until it goes away.
final class LoopbackListener {
    let port: UInt16
    private let descriptor: Int32

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let own = descriptor
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(own, generic, length) == 0 && listen(own, 1) == 0 && getsockname(own, generic, &length) == 0
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        try #require(isListening)
    }

    deinit {
        close(descriptor)
    }

    /// A port that was free a moment ago.
    static func freePort() throws -> UInt16 {
        try LoopbackListener().port
    }
}
