import Foundation
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
    ///
    /// Not one of those that the kernel gives to whoever asks for any: a node that comes back to its port would find a
    /// client's connection there.
    package static func free() throws -> UInt16 { try free(of: [Int32(SOCK_STREAM.rawValue)]) }

    /// A port that was free just now for TCP and UDP.
    package static func freeForBoth() throws -> UInt16 {
        try free(of: [Int32(SOCK_DGRAM.rawValue), Int32(SOCK_STREAM.rawValue)])
    }

    private static func free(of kinds: [Int32]) throws -> UInt16 {
        for _ in 0..<triesMax {
            let port = UInt16.random(in: lowest..<lowestOfKernel)
            if kinds.allSatisfy({ (try? free(kind: $0, wanted: port)) != nil }) { return port }
        }
        throw HarnessError("no port of \(triesMax) is free")
    }

    private static let triesMax = 100
    private static let lowest: UInt16 = 10_240
    /// The first that the kernel gives away.
    private static let lowestOfKernel: UInt16 = {
        let range = try? String(contentsOfFile: "/proc/sys/net/ipv4/ip_local_port_range", encoding: .utf8)
        let known = range?.split(whereSeparator: \.isWhitespace).first.flatMap { UInt16($0) } ?? 32_768
        return max(known, lowest + 4_096)
    }()

    private static func free(kind: Int32, wanted: UInt16) throws -> UInt16 {
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
