import Membership

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// An IP address and a port as the system has them.
struct SocketName: Hashable, Sendable {
    /// 4 or 16.
    let bytes: [UInt8]
    let port: UInt16

    var isV6: Bool { bytes.count == 16 }

    /// - Returns: nil if the host is no numeric address.
    init?(_ address: MemberAddress) {
        port = address.port
        var four = [UInt8](repeating: 0, count: 4)
        var sixteen = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, address.host, &four) == 1 {
            bytes = four
        } else if inet_pton(AF_INET6, address.host, &sixteen) == 1 {
            bytes = sixteen
        } else {
            return nil
        }
    }

    private init(bytes: [UInt8], port: UInt16) {
        self.bytes = bytes
        self.port = port
    }

    private static let mappedPrefix: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]

    /// As a socket of IPv6 reaches an address of IPv4.
    var mappedToV6: SocketName { isV6 ? self : SocketName(bytes: Self.mappedPrefix + bytes, port: port) }

    /// The one text of each address, so that texts can be compared: an IPv4 address is one, over whatever it came.
    var memberAddress: MemberAddress {
        let shown = isV6 && bytes.starts(with: Self.mappedPrefix) ? Array(bytes[Self.mappedPrefix.count...]) : bytes
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = shown.count == 16 ? AF_INET6 : AF_INET
        _ = shown.withUnsafeBytes { inet_ntop(family, $0.baseAddress, &text, socklen_t(text.count)) }
        let host = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return MemberAddress(host: host, port: port)
    }

    func withSockaddr<Value>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Value) -> Value {
        var storage = sockaddr_storage()
        return withUnsafeMutableBytes(of: &storage) { raw in
            let length: Int
            if isV6 {
                var name = sockaddr_in6()
                name.sin6_family = sa_family_t(AF_INET6)
                name.sin6_port = port.bigEndian
                withUnsafeMutableBytes(of: &name.sin6_addr) { $0.copyBytes(from: bytes) }
                length = MemoryLayout<sockaddr_in6>.size
                withUnsafeBytes(of: &name) { raw.copyMemory(from: $0) }
            } else {
                var name = sockaddr_in()
                name.sin_family = sa_family_t(AF_INET)
                name.sin_port = port.bigEndian
                withUnsafeMutableBytes(of: &name.sin_addr) { $0.copyBytes(from: bytes) }
                length = MemoryLayout<sockaddr_in>.size
                withUnsafeBytes(of: &name) { raw.copyMemory(from: $0) }
            }
            return raw.withMemoryRebound(to: sockaddr.self) { bound in
                guard let base = bound.baseAddress else { preconditionFailure("a sockaddr_storage without bytes") }
                return body(base, socklen_t(length))
            }
        }
    }

    /// - Returns: nil if it is no IP address.
    init?(_ storage: UnsafeRawPointer, family: CInt) {
        switch family {
        case AF_INET:
            let name = storage.loadUnaligned(as: sockaddr_in.self)
            port = UInt16(bigEndian: name.sin_port)
            bytes = withUnsafeBytes(of: name.sin_addr) { Array($0) }
        case AF_INET6:
            let name = storage.loadUnaligned(as: sockaddr_in6.self)
            port = UInt16(bigEndian: name.sin6_port)
            bytes = withUnsafeBytes(of: name.sin6_addr) { Array($0) }
        default: return nil
        }
    }

    static func ofSocket(_ descriptor: CInt) -> SocketName? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard result == 0 else { return nil }
        let family = CInt(storage.ss_family)
        return withUnsafeBytes(of: storage) { raw in raw.baseAddress.flatMap { SocketName($0, family: family) } }
    }

    // MARK: Names

    struct Found: Sendable {
        /// In the order the resolver prefers.
        var names: [SocketName] = []
        /// Why there are none.
        var failure: String?
    }

    /// Asks the system's resolver, which may take as long as it likes.
    static func lookUp(host: String, port: UInt16) -> Found {
        if let name = SocketName(MemberAddress(host: host, port: port)) { return Found(names: [name]) }
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = datagramType
        var first: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &first)
        guard code == 0 else { return Found(failure: String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(first) }
        var found = Found()
        var next = first
        while let info = next?.pointee, found.names.count < GossipLimits.addressesPerNameMax {
            next = info.ai_next
            guard let address = info.ai_addr, let name = SocketName(address, family: info.ai_family),
                !found.names.contains(name)
            else { continue }
            found.names.append(name)
        }
        if found.names.isEmpty { found.failure = "it has no address" }
        return found
    }

    #if canImport(Glibc)
        private static let datagramType = CInt(SOCK_DGRAM.rawValue)
    #else
        private static let datagramType = SOCK_DGRAM
    #endif
}
