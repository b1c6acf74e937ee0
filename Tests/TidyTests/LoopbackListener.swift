import Foundation

/// A listening socket on a free port of loopback, until it goes away.
final class LoopbackListener {
    let port: UInt16
    private let descriptor: Int32

    /// - Parameters:
    ///   - wanted: the port; 0 for any that is free.
    ///   - datagrams: UDP instead of TCP.
    init(_ wanted: UInt16 = 0, datagrams: Bool = false) throws {
        descriptor = socket(AF_INET, Int32((datagrams ? SOCK_DGRAM : SOCK_STREAM).rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = wanted.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let own = descriptor
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(own, generic, length) == 0 && (datagrams || listen(own, 1) == 0)
                    && getsockname(own, generic, &length) == 0
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        // No expectation: to find a row of free ports, some are tried that are not.
        guard isListening else { throw NotFree() }
    }

    private struct NotFree: Error {}

    deinit {
        close(descriptor)
    }

    /// The first of so many ports in a row that were free a moment ago.
    /// - Parameter other: the first of a row of the same length that this one must not meet.
    static func freePorts(_ count: UInt16, apartFrom other: UInt16? = nil) throws -> UInt16 {
        for _ in 0..<triesMax {
            let first = try LoopbackListener()
            guard first.port <= .max - count, other.map({ first.port.distance(to: $0).magnitude >= count }) ?? true
            else { continue }
            if (1..<count).allSatisfy({ (try? LoopbackListener(first.port + $0)) != nil }) { return first.port }
        }
        throw NotFree()
    }

    private static let triesMax = 100
}
