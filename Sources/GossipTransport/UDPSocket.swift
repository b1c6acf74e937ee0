import Membership

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A bound UDP socket that this process keeps, whatever becomes of those who read it.
///
/// NIO reads it through a second descriptor. It does not write: a NIO datagram channel closes itself over a refused
/// write (no route, a firewall's EPERM, no buffers), and with it the port. Here that is a lost datagram.
struct UDPSocket: Sendable {
    let descriptor: CInt
    let address: MemberAddress
    private let isV6: Bool

    /// - Parameter host: numeric, or a name of this machine: the first of its addresses counts.
    init(host: String, port: UInt16) throws(GossipTransportError) {
        guard let candidate = SocketName.lookUp(host: host, port: port).names.first else {
            throw GossipTransportError(doing: "look up \(host) to listen for gossip", code: 0, "no such address here")
        }
        let doing = "listen for gossip on UDP \(candidate.memberAddress)"
        isV6 = candidate.isV6
        let descriptor = socket(candidate.isV6 ? AF_INET6 : AF_INET, Self.datagram, 0)
        guard descriptor >= 0 else { throw GossipTransportError.ofSystem(doing: doing) }
        var size = GossipLimits.socketBufferBytes
        for option in [SO_RCVBUF, SO_SNDBUF] {
            // The system's maximum applies; less is fine.
            _ = setsockopt(descriptor, SOL_SOCKET, option, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        if isV6 {
            // At `::` IPv4 arrives too.
            var off: Int32 = 0
            _ = setsockopt(
                descriptor, Self.v6Level, IPV6_V6ONLY, &off, socklen_t(MemoryLayout<Int32>.size))
        }
        let bound = candidate.withSockaddr { bind(descriptor, $0, $1) }
        guard bound == 0, let own = SocketName.ofSocket(descriptor) else {
            let error = GossipTransportError.ofSystem(doing: doing)
            Self.closeDescriptor(descriptor)
            throw error
        }
        self.descriptor = descriptor
        address = own.memberAddress
    }

    /// For who reads; closing it closes only itself.
    func duplicate() throws(GossipTransportError) -> CInt {
        let copy = dup(descriptor)
        guard copy >= 0 else { throw GossipTransportError.ofSystem(doing: "read gossip from UDP \(address)") }
        return copy
    }

    enum Sent: Hashable, Sendable {
        case sent
        /// The kernel keeps no more: dropped.
        case full
        case failed(errno: CInt)
    }

    /// Never waits.
    func send(_ bytes: [UInt8], to target: SocketName) -> Sent {
        let target = isV6 ? target.mappedToV6 : target
        for _ in 0..<Self.attemptsMax {
            let count = bytes.withUnsafeBytes { raw in
                target.withSockaddr { sendto(descriptor, raw.baseAddress, raw.count, Self.flags, $0, $1) }
            }
            if count >= 0 { return .sent }
            switch errno {
            case EINTR, ECONNREFUSED: continue  // the latter is an answer to a datagram before
            case EAGAIN, ENOBUFS, ENOMEM: return .full
            default: return .failed(errno: errno)
            }
        }
        return .full
    }

    func close() { Self.closeDescriptor(descriptor) }

    /// After an interruption, and after the error of a former datagram that stood in front.
    private static let attemptsMax = 3
    private static let v6Level = CInt(IPPROTO_IPV6)

    #if canImport(Glibc)
        private static let datagram = CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        private static let flags = CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL)
        private static func closeDescriptor(_ descriptor: CInt) { _ = Glibc.close(descriptor) }
    #else
        private static let datagram = SOCK_DGRAM
        private static let flags = MSG_DONTWAIT
        private static func closeDescriptor(_ descriptor: CInt) { _ = Darwin.close(descriptor) }
    #endif
}
